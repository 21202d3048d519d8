#include "services/sla/preview_clocks.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/clocks/draft_ticket.h"
#include "services/sla/clocks/late_inputs.h"
#include "services/sla/clocks/ticket_events.h"
#include "services/sla/policy_draft.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;

// Ids of tickets end with a number: this is none.
constexpr char kNoTicket[] = "draft";

google::protobuf::Timestamp Instant(int64_t micros) {
  return ToProto(absl::FromUnixMicros(micros));
}

// Nothing for a clock that does not run: only an event could have it count.
std::optional<absl::Time> OpensAt(const Judge& judge, const ClockRecord& clock) {
  if (clock.state() != v1::CLOCK_STATE_RUNNING) return std::nullopt;
  const absl::Time start = absl::FromUnixMicros(clock.started_at());
  const auto hours = HoursOf(judge, {clock.target(), clock.time_zone()});
  return hours == nullptr ? start : hours->NextOpen(start);
}

v1::PreviewedClock View(const Judge& judge, const TicketClocks& ticket, const ClockRecord& clock) {
  v1::PreviewedClock view;
  *view.mutable_clock() = ToClock(ticket, clock);
  if (const auto opens = OpensAt(judge, clock)) *view.mutable_opens_at() = ToProto(*opens);
  for (const state::v1::PendingWarning& pending : clock.pending()) {
    v1::PreviewedWarning& warning = *view.add_warnings();
    warning.set_percent(pending.threshold().percent());
    *warning.mutable_at() = Instant(pending.at());
    if (pending.threshold().percent() == 0) {
      *warning.mutable_time_left() = ToProto(absl::Microseconds(pending.threshold().time_left()));
    }
  }
  return view;
}

}  // namespace

v1::PreviewClocksResponse PreviewClocks(const Judge& judge, const v1::PolicySet& policy,
                                        const tickets::v1::Ticket& ticket) {
  events::v1::TicketCreated created;
  *created.mutable_ticket() = ticket;
  created.mutable_ticket()->set_ticket_id(kNoTicket);
  TicketClocks clocks;
  *clocks.mutable_ticket() = created.ticket();
  clocks.set_opened_at(absl::ToUnixMicros(FromProto(ticket.opened_at())));
  state::v1::Era& era = *clocks.add_eras();
  era.set_policy_set_id(policy.policy_set_id());
  era.set_policy_version(policy.version());
  Happenings unheard;
  ApplyInput(judge, clocks, InputOf(nullptr, *ReadTicketEvent(created), clocks.opened_at(), 1),
             unheard);
  v1::PreviewClocksResponse response;
  response.set_policy_set_id(policy.policy_set_id());
  response.set_policy_version(policy.version());
  for (const ClockRecord& clock : clocks.clocks()) {
    *response.add_clocks() = View(judge, clocks, clock);
  }
  return response;
}

absl::StatusOr<v1::PreviewClocksResponse> AnswerPreviewClocks(
    db::Database& database, const std::string& tenant, const v1::PreviewClocksRequest& request,
    int64_t now) {
  tickets::v1::Ticket ticket = request.ticket();
  if (!ticket.has_opened_at()) *ticket.mutable_opened_at() = Instant(now);
  if (ticket.state() == tickets::v1::STATE_UNSPECIFIED) ticket.set_state(tickets::v1::STATE_NEW);
  const int64_t opened_at = absl::ToUnixMicros(FromProto(ticket.opened_at()));
  std::vector<FieldViolation> faults = FarAhead("ticket.opened_at", opened_at, now);
  for (FieldViolation& fault : TicketFaults(ticket, "ticket")) faults.push_back(std::move(fault));
  if (!faults.empty()) return InvalidFields(std::move(faults));
  // Of what is stored that counts which is in force now; of a ticket to come, then.
  const int64_t in_force = std::max(now, opened_at);
  ASSIGN_OR_RETURN(const std::unique_ptr<DraftJudge> draft,
                   ReadDraft(database, tenant, request.policy(), "policy", in_force));
  if (draft->policy().policy_set_id().empty()) return v1::PreviewClocksResponse();
  return PreviewClocks(draft->judge(), draft->policy(), ticket);
}

}  // namespace watchbell::sla
