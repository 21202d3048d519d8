#include "services/notifications/delivery_sender.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/notifications/contact.h"

namespace watchbell::notifications {
namespace {

constexpr int kSendersMax = 64;

absl::Status BadKey(absl::string_view key, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(key, " ", what));
}

}  // namespace

std::vector<config::Key> SenderKeys() {
  return {
      {"notifications.senders", "4", "deliveries under way at once per medium, 1 to 64"},
      {"smtp.url", "smtp://127.0.0.1:25", "mail server: smtp://host:port or smtps://host:port"},
      {"smtp.from", "watchbell@localhost", "sender address of mails"},
      {"smtp.user", "", "login at the mail server; empty = none"},
      {"smtp.password", "", "its password", /*secret=*/true},
      {"smtp.tls", "try", "STARTTLS on smtp://: off, try or require"},
      {"webhook.secret", "",
       "key of the Watchbell-Signature header (HMAC-SHA256); empty = unsigned", /*secret=*/true},
      {"webhook.proxy", "", "HTTP proxy for webhooks; empty = none"},
  };
}

absl::StatusOr<SenderOptions> ReadSenderOptions(const config::Config& config) {
  SenderOptions options;
  ASSIGN_OR_RETURN(options.senders, config.GetInt("notifications.senders"));
  if (options.senders < 1 || options.senders > kSendersMax) {
    return BadKey("notifications.senders", "must be 1 to 64");
  }
  options.smtp.url = config.Get("smtp.url");
  if (!absl::StartsWith(options.smtp.url, "smtp://") &&
      !absl::StartsWith(options.smtp.url, "smtps://")) {
    return BadKey("smtp.url", "must begin with smtp:// or smtps://");
  }
  options.smtp.from = config.Get("smtp.from");
  if (!IsMailAddress(options.smtp.from)) return BadKey("smtp.from", "must be a mail address");
  options.smtp.user = config.Get("smtp.user");
  options.smtp.password = config.Get("smtp.password");
  const std::string& tls = config.Get("smtp.tls");
  if (tls == "off") {
    options.smtp.tls = SmtpOptions::Tls::kOff;
  } else if (tls == "require") {
    options.smtp.tls = SmtpOptions::Tls::kRequire;
  } else if (tls != "try") {
    return BadKey("smtp.tls", "must be off, try or require");
  }
  options.webhook.secret = config.Get("webhook.secret");
  options.webhook.proxy = config.Get("webhook.proxy");
  return options;
}

DeliverySender::DeliverySender(const SenderOptions& options, Clock& clock,
                               const SenderPool::Submit& submit)
    : mail_(
          options.senders, clock,
          [smtp = options.smtp, &clock] { return MakeMailTransport(smtp, clock); }, submit),
      webhooks_(
          options.senders, clock,
          [webhook = options.webhook, &clock] { return MakeWebhookTransport(webhook, clock); },
          submit) {}

void DeliverySender::Run(std::vector<engine::Effect> effects) {
  for (engine::Effect& effect : effects) {
    const auto& delivery = static_cast<const v1::Delivery&>(*effect.payload);
    SenderPool& pool = delivery.medium() == v1::MEDIUM_EMAIL ? mail_ : webhooks_;
    pool.Add(std::move(effect));
  }
}

void DeliverySender::Drain() {
  mail_.Drain();
  webhooks_.Drain();
}

}  // namespace watchbell::notifications
