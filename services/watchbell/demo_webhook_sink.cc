#include "services/watchbell/demo_webhook_sink.h"

#include <google/protobuf/util/json_util.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "watchbell/notifications/v1/webhook.pb.h"

namespace watchbell::cli {
namespace {

class HttplibSink : public WebhookSink {
 public:
  HttplibSink(std::string secret, std::function<void(const SinkHook&)> on_hook)
      : secret_(std::move(secret)), on_hook_(std::move(on_hook)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };
    server_.set_keep_alive_timeout(1);  // an idle connection must not hold the end up
    server_.Post("/.*", [this](const httplib::Request& request, httplib::Response& response) {
      response.status = Take(request);
    });
  }

  ~HttplibSink() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen() {
    port_ = server_.bind_to_any_port("127.0.0.1");
    if (port_ <= 0)
      return absl::UnavailableError("the demo's web server cannot listen on 127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // A stop before the loop runs would go unheard.
    while (!server_.is_running()) std::this_thread::yield();
    return absl::OkStatus();
  }

  int port() const override { return port_; }

 private:
  int Take(const httplib::Request& request) {
    notifications::v1::WebhookNotice notice;
    if (!google::protobuf::util::JsonStringToMessage(request.body, &notice).ok()) return 400;
    SinkHook hook;
    hook.path = request.path;
    hook.delivery_id = request.get_header_value("Watchbell-Delivery");
    hook.subject = notice.subject();
    hook.signature_ok =
        SignatureFits(secret_, request.get_header_value("Watchbell-Signature"), request.body);
    on_hook_(hook);
    return hook.signature_ok ? 204 : 403;
  }

  const std::string secret_;
  const std::function<void(const SinkHook&)> on_hook_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

// As a receiver would write it, from the description of the header alone.
bool SignatureFits(absl::string_view secret, absl::string_view header, absl::string_view body) {
  absl::string_view rest = header;
  if (!absl::ConsumePrefix(&rest, "t=")) return false;
  const absl::string_view time = rest.substr(0, rest.find(','));
  const std::string signed_text = absl::StrCat(time, ".", body);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), mac,
       &length);
  const std::string hex =
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(mac), length));
  return rest == absl::StrCat(time, ",v1=", hex);
}

absl::StatusOr<std::unique_ptr<WebhookSink>> WebhookSink::Start(
    std::string secret, std::function<void(const SinkHook&)> on_hook) {
  auto sink = std::make_unique<HttplibSink>(std::move(secret), std::move(on_hook));
  if (absl::Status listening = sink->Listen(); !listening.ok()) return listening;
  return sink;
}

}  // namespace watchbell::cli
