// Sends a delivery as a signed HTTP POST.
#pragma once

#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "services/notifications/sender_pool.h"

namespace watchbell::notifications {

struct WebhookOptions {
  std::string secret;  // signs the body; "" = no Watchbell-Signature header
  std::string proxy;   // "" = none, whatever the environment says
};

// sent_at and the signature's time are `clock`'s. 2xx takes it; 4xx other than 408, 425 and 429
// refuses it for good.
std::unique_ptr<Transport> MakeWebhookTransport(const WebhookOptions& options, Clock& clock);

}  // namespace watchbell::notifications
