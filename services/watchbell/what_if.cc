#include "services/watchbell/what_if.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

using sla::v1::WhatIfChange;
using sla::v1::WhatIfCount;

constexpr size_t kShown = 20;

void AddUp(const WhatIfCount& count, WhatIfCount& sum) {
  sum.set_clock(count.clock());
  sum.set_priority(count.priority());
  sum.set_met_before(sum.met_before() + count.met_before());
  sum.set_missed_before(sum.missed_before() + count.missed_before());
  sum.set_met_after(sum.met_after() + count.met_after());
  sum.set_missed_after(sum.missed_after() + count.missed_after());
  sum.set_open_breached_before(sum.open_breached_before() + count.open_breached_before());
  sum.set_open_breached_after(sum.open_breached_after() + count.open_breached_after());
  sum.set_gained(sum.gained() + count.gained());
  sum.set_lost(sum.lost() + count.lost());
}

std::string BeforeAfter(int64_t before, int64_t after) {
  return absl::StrCat(WithThousands(before), " > ", WithThousands(after));
}

// A clock that is open, cancelled or not there has none.
std::string VerdictName(sla::v1::Verdict verdict) {
  return verdict == sla::v1::VERDICT_UNSPECIFIED
             ? "none"
             : PlainName(sla::v1::Verdict_Name(verdict), "VERDICT_");
}

// "inc-11 (INC0000045) first-response met -> missed".
std::string InWords(const WhatIfChange& change) {
  std::string text = change.ticket_id();
  if (!change.external_id().empty()) absl::StrAppend(&text, " (", change.external_id(), ")");
  absl::StrAppend(&text, " ", change.clock());
  if (change.cycle() > 1) absl::StrAppend(&text, " (cycle ", change.cycle(), ")");
  return absl::StrCat(text, " ", VerdictName(change.before()), " -> ", VerdictName(change.after()));
}

std::string NoTicket(const sla::v1::WhatIfRequest& asked) {
  const std::string& source = asked.import_source();
  const std::string which = source.empty() ? "" : absl::StrCat(" of the import ", source);
  if (asked.has_from() || asked.has_to()) {
    return absl::StrCat("no ticket", which, " was opened then\n");
  }
  return source.empty() ? "there are no tickets\n"
                        : absl::StrCat("no ticket", which, " is known\n");
}

}  // namespace

absl::StatusOr<WhatIfTally> AskWhatIf(sla::v1::WhatIfRequest request, const CallSla& call) {
  WhatIfTally tally;
  std::string last;  // changes are by ticket
  do {
    sla::v1::WhatIfResponse page;
    RETURN_IF_ERROR(call("WhatIf", request, &page));
    tally.tickets += page.tickets();
    for (const WhatIfCount& count : page.counts()) {
      AddUp(count, tally.counts[{count.clock(), count.priority()}]);
    }
    for (const sla::v1::WhatIfChange& change : page.changes()) {
      if (change.ticket_id() != last) ++tally.changed_tickets;
      last = change.ticket_id();
      ++tally.changed_clocks;
      if (tally.first.size() < kShown) tally.first.push_back(change);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return tally;
}

std::string WhatIfText(const WhatIfTally& tally, const sla::v1::WhatIfRequest& asked) {
  if (tally.tickets == 0) return NoTicket(asked);
  std::string text = absl::StrCat(Counted(tally.tickets, "ticket"), " judged again\n");
  if (!tally.counts.empty()) {
    absl::StrAppendFormat(&text, "\n%-24s%-14s%18s%18s%18s%9s%9s\n", "clock", "priority", "met",
                          "missed", "open and over", "gained", "lost");
  }
  for (const auto& [key, count] : tally.counts) {
    absl::StrAppendFormat(&text, "%-24s%-14s%18s%18s%18s%9s%9s\n", count.clock(),
                          PlainName(tickets::v1::Priority_Name(count.priority()), "PRIORITY_"),
                          BeforeAfter(count.met_before(), count.met_after()),
                          BeforeAfter(count.missed_before(), count.missed_after()),
                          BeforeAfter(count.open_breached_before(), count.open_breached_after()),
                          WithThousands(count.gained()), WithThousands(count.lost()));
  }
  absl::StrAppend(&text, "\n", Counted(tally.changed_tickets, "ticket"), " with another verdict");
  if (!tally.first.empty()) {
    absl::StrAppend(&text, ", ", Counted(tally.changed_clocks, "clock"), ":");
  }
  text += '\n';
  for (const WhatIfChange& change : tally.first)
    absl::StrAppend(&text, "  ", InWords(change), "\n");
  const int64_t more = tally.changed_clocks - static_cast<int64_t>(tally.first.size());
  if (more > 0) absl::StrAppend(&text, "  and ", WithThousands(more), " more\n");
  return text;
}

}  // namespace watchbell::cli
