// A web server for the demo: takes webhooks on 127.0.0.1, checks their signatures and keeps none.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace watchbell::cli {

struct SinkHook {
  std::string path;         // "/ada"
  std::string delivery_id;  // header Watchbell-Delivery
  std::string subject;      // of the notice
  bool signature_ok = false;
};

// True if `header` (Watchbell-Signature) is the signature of `body` under `secret`.
bool SignatureFits(absl::string_view secret, absl::string_view header, absl::string_view body);

class WebhookSink {
 public:
  // Listens on a port the system chooses. `on_hook` is called on the sink's own threads; a notice
  // with a wrong signature is answered 403, one that is no notice 400, all others 204.
  static absl::StatusOr<std::unique_ptr<WebhookSink>> Start(
      std::string secret, std::function<void(const SinkHook&)> on_hook);
  virtual ~WebhookSink() = default;
  virtual int port() const = 0;
};

}  // namespace watchbell::cli
