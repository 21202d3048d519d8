// A mail server for the demo: takes every mail on 127.0.0.1 and keeps none.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace watchbell::cli {

struct SinkMail {
  std::string to;           // of the envelope
  std::string subject;      // unfolded, as sent
  std::string delivery_id;  // header X-Watchbell-Delivery
};

class MailSink {
 public:
  // Listens on a port the system chooses. `on_mail` is called on the sink's own thread before the
  // mail is accepted.
  static absl::StatusOr<std::unique_ptr<MailSink>> Start(
      std::function<void(const SinkMail&)> on_mail);
  // Ends its connections and its thread.
  virtual ~MailSink() = default;
  virtual int port() const = 0;
};

}  // namespace watchbell::cli
