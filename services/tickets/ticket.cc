#include "services/tickets/ticket.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"

namespace watchbell::tickets {
namespace {

constexpr char kForbidden[] = "MOVE_FORBIDDEN";
constexpr char kPrefix[] = "tickets/";

// One legal move. STATE_UNSPECIFIED as `to` means: the request says.
struct Rule {
  Move move;
  v1::State from;
  v1::State to;
};

constexpr Rule kRules[] = {
    {Move::kStartWork, v1::STATE_NEW, v1::STATE_IN_PROGRESS},
    {Move::kHold, v1::STATE_NEW, v1::STATE_ON_HOLD},
    {Move::kHold, v1::STATE_IN_PROGRESS, v1::STATE_ON_HOLD},
    {Move::kHold, v1::STATE_ON_HOLD, v1::STATE_ON_HOLD},  // for another reason only
    {Move::kResume, v1::STATE_ON_HOLD, v1::STATE_IN_PROGRESS},
    {Move::kResolve, v1::STATE_NEW, v1::STATE_RESOLVED},
    {Move::kResolve, v1::STATE_IN_PROGRESS, v1::STATE_RESOLVED},
    {Move::kResolve, v1::STATE_ON_HOLD, v1::STATE_RESOLVED},
    {Move::kClose, v1::STATE_RESOLVED, v1::STATE_CLOSED},
    {Move::kResolveAndClose, v1::STATE_NEW, v1::STATE_CLOSED},
    {Move::kResolveAndClose, v1::STATE_IN_PROGRESS, v1::STATE_CLOSED},
    {Move::kResolveAndClose, v1::STATE_ON_HOLD, v1::STATE_CLOSED},
    {Move::kReopen, v1::STATE_RESOLVED, v1::STATE_UNSPECIFIED},
    {Move::kReopen, v1::STATE_CLOSED, v1::STATE_UNSPECIFIED},
};

const char* Verb(Move move) {
  switch (move) {
    case Move::kStartWork:
      return "work starts";
    case Move::kHold:
      return "a hold begins";
    case Move::kResume:
      return "work resumes";
    case Move::kResolve:
      return "a ticket is resolved";
    case Move::kClose:
      return "a ticket is closed";
    case Move::kResolveAndClose:
      return "a ticket is resolved and closed";
    case Move::kReopen:
      return "a ticket is reopened";
  }
  return "";
}

const char* Name(v1::State state) {
  switch (state) {
    case v1::STATE_NEW:
      return "New";
    case v1::STATE_IN_PROGRESS:
      return "InProgress";
    case v1::STATE_ON_HOLD:
      return "OnHold";
    case v1::STATE_RESOLVED:
      return "Resolved";
    case v1::STATE_CLOSED:
      return "Closed";
    default:
      return "no state";
  }
}

// "is New; work resumes only from OnHold"
std::string WhyNot(Move move, v1::State state) {
  std::string from;
  for (const Rule& rule : kRules) {
    if (rule.move == move) absl::StrAppend(&from, from.empty() ? "" : ", ", Name(rule.from));
  }
  return absl::StrCat("is ", Name(state), "; ", Verb(move), " only from ", from);
}

}  // namespace

bool IsOpen(v1::State state) {
  return state == v1::STATE_NEW || state == v1::STATE_IN_PROGRESS || state == v1::STATE_ON_HOLD;
}

absl::StatusOr<MoveResult> CheckMove(absl::string_view subject, v1::State state,
                                     v1::HoldReason reason, const MoveRequest& request) {
  const Rule* rule = std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& r) {
    return r.move == request.move && r.from == state;
  });
  if (rule == std::end(kRules)) {
    return ForbiddenMove(kForbidden, subject, WhyNot(request.move, state));
  }
  v1::State to = rule->to;
  if (request.move == Move::kReopen) {
    to = request.target;
    if (!IsOpen(to)) return InvalidField("target", "must be New, InProgress or OnHold");
  }
  if (to != v1::STATE_ON_HOLD) return MoveResult{to, v1::HOLD_REASON_UNSPECIFIED, false};
  if (request.reason == v1::HOLD_REASON_UNSPECIFIED) {
    return InvalidField(request.move == Move::kReopen ? "hold_reason" : "reason",
                        "say whom the ticket waits for");
  }
  if (state == v1::STATE_ON_HOLD && request.reason == reason) {
    return ForbiddenMove(kForbidden, subject, "is on hold for this reason already");
  }
  return MoveResult{to, request.reason, state == v1::STATE_ON_HOLD};
}

absl::StatusOr<std::string> ParseTicketName(absl::string_view name) {
  absl::string_view id = name;
  const bool good = absl::ConsumePrefix(&id, kPrefix) && !id.empty() && id.size() <= 63 &&
                    id.front() != '-' && id.back() != '-' &&
                    std::all_of(id.begin(), id.end(), [](char c) {
                      return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                             absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
                    });
  if (!good) return InvalidField("name", "must be tickets/<id>, for example tickets/inc-1042");
  return std::string(id);
}

std::string TicketName(absl::string_view ticket_id) { return absl::StrCat(kPrefix, ticket_id); }

std::string TicketId(v1::TicketType type, int64_t number) {
  return absl::StrCat(type == v1::TICKET_TYPE_SERVICE_REQUEST ? "req-" : "inc-", number);
}

std::string EtagOf(int64_t version) { return absl::StrCat("v", version); }

}  // namespace watchbell::tickets
