// Carries out claimed deliveries over SMTP and HTTP. Each medium has threads of its own: a mail
// server that does not answer delays no webhook.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/config/config.h"
#include "common/engine/decider.h"
#include "services/notifications/mail_sender.h"
#include "services/notifications/sender_pool.h"
#include "services/notifications/webhook_sender.h"

namespace watchbell::notifications {

struct SenderOptions {
  int senders = 8;            // threads per medium, 1 to 64
  int webhooks_per_host = 4;  // of those, at most so many for one host, 1 to 64
  absl::Duration drain_grace = absl::Seconds(10);  // what is under way then is broken off
  SmtpOptions smtp;
  WebhookOptions webhook;
};

// notifications.senders, smtp.*, webhook.*, drain.grace (the process's own).
std::vector<config::Key> SenderKeys();
// INVALID_ARGUMENT that names the key.
absl::StatusOr<SenderOptions> ReadSenderOptions(const config::Config& config);

class DeliverySender : public engine::EffectRunner {
 public:
  // `clock` outlives this; see SenderPool for `submit`.
  DeliverySender(const SenderOptions& options, Clock& clock, const SenderPool::Submit& submit);

  void Run(std::vector<engine::Effect> effects) override;
  // Lets what is under way end within the grace, breaks the rest off, and waits until the outcomes
  // are stored, two seconds more at most.
  void Drain() override;

 private:
  Clock& clock_;
  const absl::Duration grace_;
  SenderPool mail_;
  SenderPool webhooks_;
};

}  // namespace watchbell::notifications
