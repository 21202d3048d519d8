#include "services/sla/explain/explain.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/proto_time.h"
#include "services/sla/clocks/clock_machine.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/clocks/hypothesis.h"
#include "services/sla/clocks/ticket_inputs.h"
#include "services/sla/explain/explain_choices.h"
#include "services/sla/explain/explain_segments.h"
#include "services/sla/policies/condition_fields.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;

constexpr int kMostSegments = 10'000;  // well below what one message may hold

google::protobuf::Timestamp Instant(int64_t micros) {
  return ToProto(absl::FromUnixMicros(micros));
}

google::protobuf::Duration Amount(int64_t micros) { return ToProto(absl::Microseconds(micros)); }

// As conditions say it; "" where it is not known.
std::string InWords(absl::string_view field_name, int number) {
  const ConditionField* field = FindConditionField(field_name);
  return number == 0 ? "" : ValueName(*field, number);
}

v1::ClockCause CauseView(const state::v1::TicketInput& input) {
  v1::ClockCause cause;
  cause.set_event(input.has_era() ? "policy version" : InWords("event", input.event()));
  cause.set_sequence(input.sequence());
  *cause.mutable_at() = Instant(input.at());
  cause.set_actor_kind(InWords("event_actor", input.actor_kind()));
  return cause;
}

v1::ClockSegment SegmentView(const Judge& judge, const TicketClocks& ticket,
                             const ClockStretch& stretch) {
  v1::ClockSegment segment;
  *segment.mutable_from() = Instant(stretch.from);
  *segment.mutable_to() = Instant(stretch.to);
  segment.set_kind(stretch.kind);
  *segment.mutable_counted() = Amount(stretch.counted());
  segment.set_holiday(stretch.holiday);
  if (stretch.cause >= 0) *segment.mutable_cause() = CauseView(ticket.inputs(stretch.cause));
  segment.set_target_id(judge.target(stretch.target).target_id());
  segment.set_leg(stretch.leg);
  segment.set_set_aside(stretch.set_aside);
  segment.set_expected(stretch.expected);
  segment.set_group(stretch.moment->group);
  segment.set_assignee(stretch.moment->assignee);
  segment.set_hold_reason(stretch.moment->hold_reason);
  return segment;
}

v1::TimeUse Use(std::optional<int64_t> allowed, int64_t elapsed) {
  v1::TimeUse use;
  *use.mutable_elapsed() = Amount(elapsed);
  if (!allowed) return use;
  *use.mutable_allowed() = Amount(*allowed);
  *use.mutable_remaining() = Amount(*allowed - elapsed);
  use.set_percent(*allowed == 0 ? 100 : elapsed * 100 / *allowed);
  return use;
}

// Counted time by the values of one fact.
class Burned {
 public:
  void Add(const std::string& value, int64_t counted) {
    if (counted > 0) time_[value] += counted;
  }

  void Show(google::protobuf::RepeatedPtrField<v1::TimeBurned>& out) const {
    std::vector<std::pair<std::string, int64_t>> all(time_.begin(), time_.end());
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [value, counted] : all) {
      v1::TimeBurned& burned = *out.Add();
      burned.set_value(value);
      *burned.mutable_counted() = Amount(counted);
    }
  }

 private:
  std::map<std::string, int64_t> time_;
};

// Everything that is a sum over the stretches.
void ShowTime(const ClockRecord& clock, const std::vector<ClockStretch>& stretches, int64_t as_of,
              v1::ClockExplanation& out) {
  int64_t elapsed = 0;
  Burned groups;
  Burned assignees;
  Burned reasons;
  for (const ClockStretch& stretch : stretches) {
    if (stretch.set_aside || stretch.expected) continue;
    const ClockMoment& moment = *stretch.moment;
    elapsed += stretch.counted();
    groups.Add(moment.group, stretch.counted());
    assignees.Add(moment.assignee, stretch.counted());
    reasons.Add(moment.hold_reason == tickets::v1::HOLD_REASON_UNSPECIFIED
                    ? ""
                    : tickets::v1::HoldReason_Name(moment.hold_reason),
                stretch.counted());
  }
  groups.Show(*out.mutable_by_group());
  assignees.Show(*out.mutable_by_assignee());
  reasons.Show(*out.mutable_by_hold_reason());

  std::optional<int64_t> allowed;
  if (clock.has_allowed()) allowed = clock.allowed();
  *out.mutable_counted() = Use(allowed, elapsed);
  const std::optional<int64_t> due = ShownDue(clock);
  std::optional<int64_t> until_due;
  if (due) until_due = *due - clock.started_at();
  const int64_t end = clock.has_ended_at() ? clock.ended_at() : as_of;
  *out.mutable_calendar() = Use(until_due, end - clock.started_at());
}

void ShowCalendars(const Judge& judge, const ClockRecord& clock, v1::ClockExplanation& out) {
  const auto calendar = HoursOf(judge, {clock.target(), clock.time_zone()});
  if (calendar == nullptr) return;
  for (const auto& [id, version] : judge.hours(clock.target()).versions) {
    v1::CalendarVersion& used = *out.add_calendars();
    used.set_calendar_id(id);
    used.set_version(version);
  }
  for (const WallHours& member : calendar->members()) out.add_time_zones(member.zone().name());
  const v1::ZoneSource source = judge.target(clock.target()).zone_source();
  const bool read_there =
      calendar->members().size() == 1 && calendar->zone().name() == clock.time_zone();
  if (source == v1::ZONE_SOURCE_UNSPECIFIED) {
    out.set_zone_origin(v1::ZONE_ORIGIN_POLICY);
  } else if (!read_there) {
    out.set_zone_origin(v1::ZONE_ORIGIN_FALLBACK);
  } else {
    out.set_zone_origin(source == v1::ZONE_SOURCE_SITE ? v1::ZONE_ORIGIN_SITE
                                                       : v1::ZONE_ORIGIN_REQUESTER);
  }
}

}  // namespace

absl::StatusOr<v1::ClockExplanation> Explain(const Judge& judge, const TicketClocks& ticket,
                                             const ClockId& id, int64_t now) {
  if (FindClock(ticket, id) == nullptr) return NoSuchClock(id);
  const int64_t as_of = PresentOf(ticket, now);
  TicketClocks settled = ticket;
  Happenings unheard;
  Settle(settled, as_of, unheard);
  const ClockRecord& clock = *FindClock(settled, id);
  const ClockHistory history = HistoryOf(judge, settled, clock);
  const std::vector<ClockStretch> stretches = StretchesOf(judge, clock, history, as_of);

  v1::ClockExplanation out;
  *out.mutable_clock() = ToClock(settled, clock);
  *out.mutable_as_of() = Instant(as_of);
  for (const ClockStretch& stretch : stretches) {
    if (out.segments_size() == kMostSegments) {
      out.set_more_segments(true);
      break;
    }
    *out.add_segments() = SegmentView(judge, settled, stretch);
  }
  ShowTime(clock, stretches, as_of, out);
  ShowCalendars(judge, clock, out);
  ExplainTargets(judge, settled, clock, history, out);
  ExplainOutcomes(judge, settled, clock, as_of, out);
  return out;
}

}  // namespace watchbell::sla
