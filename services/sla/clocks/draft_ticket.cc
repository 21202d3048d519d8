#include "services/sla/clocks/draft_ticket.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/time/business_calendar.h"

namespace watchbell::sla {
namespace {

bool HoldsControl(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return absl::ascii_iscntrl(c); });
}

}  // namespace

std::vector<FieldViolation> TicketFaults(const tickets::v1::Ticket& ticket,
                                         absl::string_view prefix) {
  std::vector<FieldViolation> faults;
  const auto add = [&](const std::string& field, const char* fault) {
    faults.push_back({absl::StrCat(prefix, ".", field), fault});
  };
  if (ticket.type() == tickets::v1::TICKET_TYPE_UNSPECIFIED) add("type", "every ticket has one");
  if (ticket.state() == tickets::v1::STATE_UNSPECIFIED) add("state", "every ticket has one");
  const bool held = ticket.state() == tickets::v1::STATE_ON_HOLD;
  const bool has_reason = ticket.hold_reason() != tickets::v1::HOLD_REASON_UNSPECIFIED;
  if (held && !has_reason) add("hold_reason", "say whom the ticket waits for");
  if (!held && has_reason) add("hold_reason", "is of tickets on hold only");
  for (int i = 0; i < ticket.tags_size(); ++i) {
    const std::string field = absl::StrCat("tags[", i, "]");
    if (ticket.tags(i).empty()) add(field, "is empty");
    if (HoldsControl(ticket.tags(i))) add(field, "holds a control character or a line break");
  }
  return faults;
}

std::vector<FieldViolation> FarAhead(absl::string_view field, int64_t at, int64_t now) {
  if (at - now <= absl::ToInt64Microseconds(kDeadlineHorizon)) return {};
  return {{std::string(field), "lies more than 20 years ahead"}};
}

absl::StatusOr<std::string> ReadTicketName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "tickets/") || name.empty()) {
    return InvalidField("ticket", "must be tickets/<id>");
  }
  return std::string(name);
}

}  // namespace watchbell::sla
