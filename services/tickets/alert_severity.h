// What a monitoring system's severity means to the desk.
#pragma once

#include "absl/strings/string_view.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::tickets {

struct Severity {
  v1::Impact impact;
  v1::Urgency urgency;
};

// Case and blanks around do not count. Unknown and missing ones are a warning: never less, and
// never refused.
Severity SeverityOf(absl::string_view label);

}  // namespace watchbell::tickets
