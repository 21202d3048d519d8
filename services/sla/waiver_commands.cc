#include "services/sla/waiver_commands.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/blank.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/time/business_calendar.h"
#include "services/sla/clocks/clock_id.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/clocks/waiver.h"
#include "services/sla/sla_store.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/sla/v1/waiver.pb.h"

namespace watchbell::sla {
namespace {

using engine::Decision;
using engine::Input;
using state::v1::ClockRecord;
using state::v1::TicketClocks;

// What a command is about.
struct Subject {
  const engine::EntityKey& key;
  TicketClocks& ticket;
  ClockRecord& clock;  // of the ticket
};

// Microseconds.
absl::StatusOr<int64_t> Excused(const v1::WaiveClockRequest& request, const ClockRecord& clock) {
  if (!request.has_excused()) return Overrun(clock);
  const absl::Duration excused = FromProto(request.excused());
  if (excused <= absl::ZeroDuration()) {
    return InvalidField("excused", "must be more than 0; leave it out to excuse all of it");
  }
  if (excused != absl::Floor(excused, absl::Microseconds(1))) {
    return InvalidField("excused", "must be whole microseconds");
  }
  if (excused > kDeadlineHorizon) {
    return InvalidField("excused", "must be at most 20 years of 365 days");
  }
  return absl::ToInt64Microseconds(excused);
}

absl::Status CheckWaivable(const std::string& clock_id, const ClockRecord& clock) {
  if (clock.has_waiver()) return ForbiddenMove("ALREADY_WAIVED", clock_id, "is excused already");
  const bool missed =
      clock.state() == v1::CLOCK_STATE_STOPPED && clock.verdict() == v1::VERDICT_MISSED;
  return missed ? absl::OkStatus()
                : ForbiddenMove("CLOCK_NOT_MISSED", clock_id,
                                "has not stopped with a miss: there is nothing to excuse");
}

// Stores the ticket as it is now and tells of its clock by an event.
template <typename Event>
Decision Tell(const Input& input, const Subject& subject, Event event) {
  *event.mutable_clock() = ToClock(subject.ticket, subject.clock);
  event.set_historic(subject.ticket.historic());
  Decision decision;
  decision.Reply(event.clock());
  decision.Emit(subject.key, std::move(event), input.now);
  decision.Put(subject.key, subject.ticket);
  return decision;
}

Decision Waive(const Input& input, const v1::WaiveClockRequest& request, const Subject& subject) {
  absl::Status waivable = CheckWaivable(request.clock_id(), subject.clock);
  if (!waivable.ok()) return Decision::Refuse(std::move(waivable));
  const absl::StatusOr<int64_t> excused = Excused(request, subject.clock);
  if (!excused.ok()) return Decision::Refuse(excused.status());
  state::v1::Waiver& waiver = *subject.clock.mutable_waiver();
  waiver.set_excused(*excused);
  waiver.set_reason(request.reason());
  waiver.set_by(input.identity.subject);
  waiver.set_at(absl::ToUnixMicros(input.now));
  return Tell(input, subject, events::v1::ClockWaived());
}

Decision Withdraw(const Input& input, const v1::WithdrawWaiverRequest& request,
                  const Subject& subject) {
  if (!subject.clock.has_waiver()) {
    return Decision::Refuse(ForbiddenMove("NOT_WAIVED", request.clock_id(), "is not excused"));
  }
  events::v1::WaiverWithdrawn event;
  *event.mutable_waiver() = ToWaiver(subject.clock.waiver());
  event.set_by(input.identity.subject);
  event.set_reason(request.reason());
  subject.clock.clear_waiver();
  return Tell(input, subject, std::move(event));
}

// Which clock a command names.
absl::StatusOr<ClockId> ReadSubject(const Input& input) {
  if (const auto* waive = input.As<v1::WaiveClockRequest>()) return ReadClockId(waive->clock_id());
  return ReadClockId(input.As<v1::WithdrawWaiverRequest>()->clock_id());
}

const std::string& ReasonOf(const Input& input) {
  if (const auto* waive = input.As<v1::WaiveClockRequest>()) return waive->reason();
  return input.As<v1::WithdrawWaiverRequest>()->reason();
}

}  // namespace

bool IsWaiverCommand(const Input& input) {
  return input.As<v1::WaiveClockRequest>() != nullptr ||
         input.As<v1::WithdrawWaiverRequest>() != nullptr;
}

std::vector<engine::EntityKey> WaiverCommandNeeds(const Input& input) {
  const absl::StatusOr<ClockId> id = ReadSubject(input);
  if (!id.ok()) return {};  // refused by Decide
  return {TicketKey(input.identity.tenant, id->ticket)};
}

Decision DecideWaiverCommand(const engine::View& view, const Input& input) {
  const absl::StatusOr<ClockId> id = ReadSubject(input);
  if (!id.ok()) return Decision::Refuse(id.status());
  if (IsBlank(ReasonOf(input))) {
    return Decision::Refuse(InvalidField("reason", "shows nothing: it holds only blanks"));
  }
  const engine::EntityKey key = TicketKey(input.identity.tenant, id->ticket);
  const auto* stored = view.Get<TicketClocks>(key);
  if (stored == nullptr) return Decision::Refuse(NoSuchClock(*id));
  TicketClocks ticket = *stored;
  ClockRecord* clock = FindClock(ticket, *id);
  if (clock == nullptr) return Decision::Refuse(NoSuchClock(*id));
  if (const auto* waive = input.As<v1::WaiveClockRequest>()) {
    return Waive(input, *waive, {key, ticket, *clock});
  }
  return Withdraw(input, *input.As<v1::WithdrawWaiverRequest>(), {key, ticket, *clock});
}

}  // namespace watchbell::sla
