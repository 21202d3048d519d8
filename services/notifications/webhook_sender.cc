#include "services/notifications/webhook_sender.h"

#include "absl/strings/str_cat.h"
#include "services/notifications/curl_sender.h"
#include "services/notifications/text.h"
#include "services/notifications/webhook.h"

namespace watchbell::notifications {
namespace {

constexpr size_t kHeaderMax = 500;

SendResult Judge(const CurlReply& reply, size_t body_size) {
  // A status that came decides, whatever became of the rest of the reply.
  if (reply.status < 200) {
    return {reply.aborted ? SendResult::Kind::kAborted : SendResult::Kind::kTryAgain, reply.error,
            reply.uploaded >= static_cast<int64_t>(body_size)};
  }
  const std::string said = absl::StrCat("HTTP ", reply.status);
  if (reply.status < 300) return {SendResult::Kind::kTaken, said};
  const bool passing = reply.status == 408 || reply.status == 425 || reply.status == 429;
  if (reply.status >= 400 && reply.status < 500 && !passing)
    return {SendResult::Kind::kRefused, said};
  return {SendResult::Kind::kTryAgain, said};
}

class WebhookTransport : public Transport {
 public:
  WebhookTransport(const WebhookOptions& options, Clock& clock)
      : options_(options), clock_(clock) {}

  SendResult Send(const v1::Delivery& delivery, const std::atomic<bool>& stop) override {
    const absl::Time now = clock_.Now();
    const std::string body = WriteNotice(delivery, now);
    const std::string id = PrintableAscii(delivery.delivery_id(), kHeaderMax);
    CurlList headers;
    headers.Add("Content-Type: application/json");
    headers.Add("Expect:");  // no waiting for 100 Continue
    headers.Add(absl::StrCat("Watchbell-Delivery: ", id));
    headers.Add(absl::StrCat("Idempotency-Key: ", id));
    if (!options_.secret.empty()) {
      headers.Add(absl::StrCat("Watchbell-Signature: ", SignNotice(options_.secret, now, body)));
    }
    if (delivery.possible_repeat()) headers.Add("Watchbell-Possible-Repeat: true");
    if (!delivery.traceparent().empty()) {
      headers.Add(
          absl::StrCat("traceparent: ", PrintableAscii(delivery.traceparent(), kHeaderMax)));
    }
    CURL* const curl = sender_.Prepare(delivery.address(), "http,https", options_.proxy);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    return Judge(sender_.Perform(stop), body.size());
  }

 private:
  const WebhookOptions options_;
  Clock& clock_;
  CurlSender sender_;
};

}  // namespace

std::unique_ptr<Transport> MakeWebhookTransport(const WebhookOptions& options, Clock& clock) {
  return std::make_unique<WebhookTransport>(options, clock);
}

}  // namespace watchbell::notifications
