// A delivery as a signed webhook. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "watchbell/notifications/v1/notifications.pb.h"

namespace watchbell::notifications {

// The JSON body: a WebhookNotice (watchbell/notifications/v1/webhook.proto).
std::string WriteNotice(const v1::Delivery& delivery, absl::Time sent_at);

// Host and port of a web address, in small letters: what a dead server is known by.
std::string HostOf(absl::string_view url);

// Value of Watchbell-Signature: "t=<unix seconds>,v1=<hex HMAC-SHA256 of '<t>.<body>' under
// `secret`>".
std::string SignNotice(absl::string_view secret, absl::Time sent_at, absl::string_view body);

}  // namespace watchbell::notifications
