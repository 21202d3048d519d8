#include "services/notifications/message.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "services/notifications/text.h"

namespace watchbell::notifications {
namespace {

constexpr size_t kTitleMax = 120;  // code points
constexpr size_t kSummaryMax = 120;
constexpr size_t kFactMax = 200;

std::string PriorityName(tickets::v1::Priority priority) {
  switch (priority) {
    case tickets::v1::PRIORITY_CRITICAL:
    case tickets::v1::PRIORITY_HIGH:
    case tickets::v1::PRIORITY_MODERATE:
    case tickets::v1::PRIORITY_LOW:
    case tickets::v1::PRIORITY_PLANNING:
      return absl::StrCat("P", static_cast<int>(priority));
    default:
      return "no priority";
  }
}

void AddFact(std::string& body, absl::string_view name, absl::string_view value) {
  const std::string line = OneLine(value, kFactMax);
  if (!line.empty()) absl::StrAppend(&body, name, ": ", line, "\n");
}

std::string Whom(const escalation::v1::Page& page, const v1::Contact& contact) {
  const std::string name = OneLine(contact.display_name(), kFactMax);
  std::string whom = name.empty() ? page.person() : absl::StrCat(name, " (", page.person(), ")");
  if (!page.reason().empty()) absl::StrAppend(&whom, ", ", page.reason());
  if (page.pass() > 1) absl::StrAppend(&whom, ", pass ", page.pass());
  return whom;
}

}  // namespace

PageText WritePage(const escalation::v1::Page& page, const tickets::v1::Ticket& ticket,
                   absl::string_view summary, const v1::Contact& contact) {
  const std::string id = SafeId(page.ticket_id());
  const std::string why = OneLine(summary, kSummaryMax);
  PageText text;
  text.subject = absl::StrCat("[", PriorityName(ticket.priority()), "] ", id, " ",
                              OneLine(ticket.title(), kTitleMax));
  if (!why.empty()) absl::StrAppend(&text.subject, ": ", why);

  AddFact(text.body, "Ticket", id);
  AddFact(text.body, "Title", ticket.title());
  AddFact(text.body, "Priority", PriorityName(ticket.priority()));
  AddFact(text.body, "Site", ticket.site());
  AddFact(text.body, "Group", ticket.group());
  if (ticket.has_opened_at()) {
    AddFact(text.body, "Opened",
            absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", FromProto(ticket.opened_at()),
                             absl::UTCTimeZone()));
  }
  AddFact(text.body, "Why", why);
  AddFact(text.body, "Paged", Whom(page, contact));
  absl::StrAppend(
      &text.body, "\nTo acknowledge:\n",
      "watchbell call watchbell.tickets.v1.TicketService/AcknowledgeTicket '{\"name\": \"tickets/",
      id, "\"}'\n");
  return text;
}

}  // namespace watchbell::notifications
