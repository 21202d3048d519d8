// Sends a delivery as mail through one SMTP server.
#pragma once

#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "services/notifications/sender_pool.h"

namespace watchbell::notifications {

struct SmtpOptions {
  enum class Tls { kOff, kTry, kRequire };

  std::string url;   // smtp://host:port, or smtps:// for TLS from the first byte
  std::string from;  // a mail address
  std::string user;  // "" = no login
  std::string password;
  Tls tls = Tls::kTry;  // STARTTLS on smtp://
};

// The Date header is `clock`'s time. Refused for good: a 5xx reply to the sender, the recipient or
// the text. A login that fails is our own trouble and is tried again.
std::unique_ptr<Transport> MakeMailTransport(const SmtpOptions& options, Clock& clock);

}  // namespace watchbell::notifications
