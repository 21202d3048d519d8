// A delivery as a mail: RFC 5322 text. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "watchbell/notifications/v1/notifications.pb.h"

namespace watchbell::notifications {

// The whole message with CRLF lines: From, To, Subject, Date, Message-ID <delivery id made
// safe@watchbell>, X-Watchbell-Delivery, X-Watchbell-Ticket, X-Watchbell-Possible-Repeat ("true",
// only if it is), traceparent, then the body in UTF-8. The same delivery has the same Message-ID in
// every attempt. No content can add or break a header.
std::string WriteMail(const v1::Delivery& delivery, absl::string_view from, absl::Time date);

// `text` (one line of UTF-8) as header content: itself if plain ASCII, else RFC 2047 encoded words;
// folded.
std::string HeaderText(absl::string_view name, absl::string_view text);

}  // namespace watchbell::notifications
