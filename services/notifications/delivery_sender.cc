#include "services/notifications/delivery_sender.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/notifications/contact.h"
#include "services/notifications/webhook.h"

namespace watchbell::notifications {
namespace {

constexpr int kSendersMax = 64;
// A transfer sees within a second that it is to be broken off.
constexpr absl::Duration kBreakOffTime = absl::Seconds(2);

absl::Status BadKey(absl::string_view key, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(key, " ", what));
}

}  // namespace

std::vector<config::Key> SenderKeys() {
  return {
      {"notifications.senders", "8", "deliveries under way at once per medium, 1 to 64"},
      {"smtp.url", "smtp://127.0.0.1:25", "mail server: smtp://host:port or smtps://host:port"},
      {"smtp.from", "watchbell@localhost", "sender address of mails"},
      {"smtp.user", "", "login at the mail server; empty = none"},
      {"smtp.password", "", "its password", /*secret=*/true},
      {"smtp.tls", "try", "STARTTLS on smtp://: off, try or require"},
      {"webhook.secret", "",
       "key of the Watchbell-Signature header (HMAC-SHA256); empty = unsigned", /*secret=*/true},
      {"webhook.proxy", "", "HTTP proxy for webhooks; empty = none"},
      {"webhook.per_host", "4",
       "deliveries under way at once to one host, 1 to 64: one that hangs delays no other"},
      {"drain.grace", "10000", "milliseconds that deliveries under way get at the stop"},
  };
}

absl::StatusOr<SenderOptions> ReadSenderOptions(const config::Config& config) {
  SenderOptions options;
  ASSIGN_OR_RETURN(options.senders, config.GetInt("notifications.senders"));
  if (options.senders < 1 || options.senders > kSendersMax) {
    return BadKey("notifications.senders", "must be 1 to 64");
  }
  ASSIGN_OR_RETURN(options.webhooks_per_host, config.GetInt("webhook.per_host"));
  if (options.webhooks_per_host < 1 || options.webhooks_per_host > kSendersMax) {
    return BadKey("webhook.per_host", "must be 1 to 64");
  }
  ASSIGN_OR_RETURN(const int grace, config.GetInt("drain.grace"));
  if (grace < 0) return BadKey("drain.grace", "must not be negative");
  options.drain_grace = absl::Milliseconds(grace);
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
    : clock_(clock),
      grace_(options.drain_grace),
      // All mails go to the same server: there is nobody else whom a limit could help.
      mail_(
          {.threads = options.senders, .per_host = 0, .host = nullptr}, clock,
          [smtp = options.smtp, &clock] { return MakeMailTransport(smtp, clock); }, submit),
      webhooks_(
          {.threads = options.senders,
           .per_host = options.webhooks_per_host,
           .host = [](const v1::Delivery& delivery) { return HostOf(delivery.address()); }},
          clock,
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
  const absl::Time deadline = clock_.Now() + grace_;
  SenderPool* const pools[] = {&mail_, &webhooks_};
  for (SenderPool* pool : pools) pool->StopBeginning();
  for (SenderPool* pool : pools) {
    if (!pool->AwaitIdle(deadline)) pool->BreakOff();
  }
  for (SenderPool* pool : pools) (void)pool->AwaitIdle(deadline + kBreakOffTime);
}

}  // namespace watchbell::notifications
