#include "services/watchbell/running_clocks.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/watchbell/clock_text.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

constexpr size_t kShown = 20;

}  // namespace

absl::Status ApplyToRunning(sla::v1::ApplyPolicyVersionRequest request, const CallSla& call,
                            RunningMoves* moves) {
  do {
    sla::v1::ApplyPolicyVersionResponse page;
    RETURN_IF_ERROR(call("ApplyPolicyVersion", request, &page));
    moves->tickets += page.tickets();
    moves->moved_tickets += page.moved_tickets();
    moves->failed.insert(moves->failed.end(), page.failed().begin(), page.failed().end());
    for (const sla::v1::ClockMove& move : page.moves()) {
      if (!move.changed()) continue;
      ++moves->clocks;
      if (moves->first.size() < kShown) moves->first.push_back(move);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

std::string RunningMovesText(const RunningMoves& moves, bool preview) {
  std::string text =
      absl::StrCat("open tickets: ", WithThousands(moves.tickets), " looked at, ",
                   WithThousands(moves.moved_tickets), preview ? " would be moved" : " moved", "; ",
                   Counted(moves.clocks, "clock"), preview ? " would change" : " changed", "\n");
  for (const sla::v1::ClockMove& move : moves.first) {
    absl::StrAppend(&text, "  ", ClockMoveText(move), "\n");
  }
  const int64_t more = moves.clocks - static_cast<int64_t>(moves.first.size());
  if (more > 0) absl::StrAppend(&text, "  and ", WithThousands(more), " more\n");
  for (const std::string& failed : moves.failed) {
    absl::StrAppend(&text, "  cannot be moved: ", failed, "\n");
  }
  return text;
}

}  // namespace watchbell::cli
