// What a page says. Pure: from the event's own facts, no look at the clock or at any state.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "watchbell/escalation/v1/escalation.pb.h"
#include "watchbell/notifications/v1/notifications.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::notifications {

struct PageText {
  std::string subject;  // one line: "[P1] inc-7 Payment API down: first response breached, step 1"
  std::string body;     // several lines, "\n" between them
};

// Nothing a user typed can add a line to either: titles and names are put on one line each.
PageText WritePage(const escalation::v1::Page& page, const tickets::v1::Ticket& ticket,
                   absl::string_view summary, const v1::Contact& contact);

}  // namespace watchbell::notifications
