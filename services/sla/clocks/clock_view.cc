#include "services/sla/clocks/clock_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "services/sla/clocks/waiver.h"
#include "watchbell/events/v1/sla.pb.h"

namespace watchbell::sla {
namespace {

using Kind = Happening::Kind;

google::protobuf::Timestamp Instant(int64_t micros) {
  return ToProto(absl::FromUnixMicros(micros));
}

// An event with what all of them carry.
template <typename Event>
Event Make(const state::v1::TicketClocks& ticket, const Happening& happening) {
  Event event;
  *event.mutable_clock() = ToClock(ticket, happening.clock);
  event.set_historic(ticket.historic());
  return event;
}

events::v1::ClockWarned Warned(const state::v1::TicketClocks& ticket, const Happening& happening) {
  auto event = Make<events::v1::ClockWarned>(ticket, happening);
  event.set_percent(happening.threshold.percent());
  if (happening.threshold.time_left() > 0) {
    *event.mutable_time_left() = ToProto(absl::Microseconds(happening.threshold.time_left()));
  }
  event.set_skipped(happening.skipped);
  *event.mutable_ticket() = ticket.ticket();
  return event;
}

events::v1::ClockBreached Breached(const state::v1::TicketClocks& ticket,
                                   const Happening& happening) {
  auto event = Make<events::v1::ClockBreached>(ticket, happening);
  event.set_leg(happening.leg);
  *event.mutable_due_at() = Instant(happening.due);
  event.set_on_attach(happening.on_attach);
  *event.mutable_ticket() = ticket.ticket();
  return event;
}

events::v1::BreachWithdrawn Withdrawn(const state::v1::TicketClocks& ticket,
                                      const Happening& happening) {
  auto event = Make<events::v1::BreachWithdrawn>(ticket, happening);
  event.set_leg(happening.leg);
  event.set_reason(happening.cause);
  return event;
}

events::v1::ClockRetargeted Retargeted(const state::v1::TicketClocks& ticket,
                                       const Happening& happening) {
  auto event = Make<events::v1::ClockRetargeted>(ticket, happening);
  event.set_cause(happening.cause);
  if (happening.previous_due) *event.mutable_previous_due_at() = Instant(*happening.previous_due);
  return event;
}

events::v1::ClockPaused Paused(const state::v1::TicketClocks& ticket, const Happening& happening) {
  auto event = Make<events::v1::ClockPaused>(ticket, happening);
  if (happening.previous_due) *event.mutable_previous_due_at() = Instant(*happening.previous_due);
  return event;
}

events::v1::ClockStopped Stopped(const state::v1::TicketClocks& ticket,
                                 const Happening& happening) {
  auto event = Make<events::v1::ClockStopped>(ticket, happening);
  event.set_restated(happening.restated);
  return event;
}

void AnnounceOne(const engine::EntityKey& stream, const state::v1::TicketClocks& ticket,
                 const Happening& happening, engine::Decision& decision) {
  const auto emit = [&](auto event) {
    decision.Emit(stream, std::move(event), absl::FromUnixMicros(happening.at));
  };
  switch (happening.kind) {
    case Kind::kAttached:
      return emit(Make<events::v1::ClockAttached>(ticket, happening));
    case Kind::kPaused:
      return emit(Paused(ticket, happening));
    case Kind::kResumed:
      return emit(Make<events::v1::ClockResumed>(ticket, happening));
    case Kind::kRetargeted:
      return emit(Retargeted(ticket, happening));
    case Kind::kWarned:
      return emit(Warned(ticket, happening));
    case Kind::kBreached:
      return emit(Breached(ticket, happening));
    case Kind::kWithdrawn:
      return emit(Withdrawn(ticket, happening));
    case Kind::kStopped:
      return emit(Stopped(ticket, happening));
    case Kind::kCancelled:
      return emit(Make<events::v1::ClockCancelled>(ticket, happening));
  }
}

}  // namespace

std::optional<int64_t> ShownDue(const state::v1::ClockRecord& clock) {
  if (!clock.has_due() || clock.state() == v1::CLOCK_STATE_PAUSED ||
      clock.state() == v1::CLOCK_STATE_CANCELLED) {
    return std::nullopt;
  }
  return clock.due();
}

const state::v1::Era& EraOf(const state::v1::TicketClocks& ticket, int target) {
  int era = ticket.eras_size() - 1;
  while (era > 0 && ticket.eras(era).first_target() > target) --era;
  return era < 0 ? state::v1::Era::default_instance() : ticket.eras(era);
}

v1::Clock ToClock(const state::v1::TicketClocks& ticket, const state::v1::ClockRecord& record) {
  v1::Clock clock;
  const std::string& ticket_id = ticket.ticket().ticket_id();
  clock.set_clock_id(absl::StrCat(ticket_id, "/", record.name(), "/", record.cycle()));
  clock.set_clock(record.name());
  clock.set_cycle(record.cycle());
  clock.set_ticket_id(ticket_id);
  clock.set_metric(record.metric());
  clock.set_target_id(record.target_id());
  const state::v1::Era& era = EraOf(ticket, record.target());
  clock.set_policy_set_id(era.policy_set_id());
  clock.set_policy_version(era.policy_version());
  clock.set_calendar_id(record.calendar_id());
  clock.set_calendar_version(record.calendar_version());
  clock.set_time_zone(record.time_zone());
  clock.set_leg(record.leg());
  clock.set_state(record.state());
  *clock.mutable_started_at() = Instant(record.started_at());
  if (const auto due = ShownDue(record)) *clock.mutable_due_at() = Instant(*due);
  if (record.has_ended_at()) *clock.mutable_stopped_at() = Instant(record.ended_at());
  *clock.mutable_elapsed() = ToProto(absl::Microseconds(record.elapsed()));
  if (record.has_allowed()) {
    *clock.mutable_remaining() = ToProto(absl::Microseconds(record.allowed() - record.elapsed()));
  }
  clock.set_verdict(record.verdict());
  clock.set_effective_verdict(EffectiveVerdict(record));
  if (record.has_waiver()) *clock.mutable_waiver() = ToWaiver(record.waiver());
  if (const state::v1::StandingBreach* breach = BreachOf(record, record.leg())) {
    clock.set_breached(true);
    *clock.mutable_breached_at() = Instant(breach->due());
  }
  clock.set_priority(record.priority());
  *clock.mutable_leg_started_at() = Instant(record.leg_started_at());
  clock.set_earlier_breaches(static_cast<int32_t>(
      std::count_if(record.breaches().begin(), record.breaches().end(),
                    [&](const auto& breach) { return breach.leg() < record.leg(); })));
  for (const state::v1::FiredWarning& fired : record.fired()) {
    if (fired.leg() == record.leg()) {
      clock.set_warned_percent(std::max(clock.warned_percent(), fired.threshold().percent()));
    }
  }
  return clock;
}

void Announce(const engine::EntityKey& stream, const state::v1::TicketClocks& ticket,
              const Happenings& happenings, engine::Decision& decision) {
  for (const Happening& happening : happenings) AnnounceOne(stream, ticket, happening, decision);
}

}  // namespace watchbell::sla
