#include "services/sla/clocks/judge.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "google/protobuf/util/message_differencer.h"

namespace watchbell::sla {
namespace {

using CalendarPtr = std::shared_ptr<const BusinessCalendar>;

std::optional<int64_t> ToMicros(const std::optional<absl::Time>& time) {
  if (!time) return std::nullopt;
  return absl::ToUnixMicros(*time);
}

}  // namespace

JudgeEra Judge::Nothing() {
  static const auto* const compiled =
      new std::shared_ptr<const CompiledPolicy>(std::make_shared<const CompiledPolicy>());
  return {&v1::PolicySet::default_instance(), *compiled, {}};
}

void Judge::Add(JudgeEra era) {
  const int number = eras();
  firsts_.push_back(static_cast<int>(places_.size()));
  for (int i = 0; i < era.policy->targets_size(); ++i) places_.push_back({number, i});
  eras_.push_back(std::move(era));
}

int MatchTarget(const Judge& judge, int era, const ClockSlot& slot, const Moment& moment) {
  const int first = judge.first(era);
  const auto found = std::find_if(slot.targets.begin(), slot.targets.end(), [&](int place) {
    return judge.rules(first + place).selector.Holds(moment);
  });
  return found == slot.targets.end() ? -1 : first + *found;
}

bool IsSamePromise(const Judge& judge, int a, int b) {
  if (a == b) return true;
  const TargetHours& x = judge.hours(a);
  const TargetHours& y = judge.hours(b);
  return x.version == y.version && x.versions == y.versions &&
         google::protobuf::util::MessageDifferencer::Equals(judge.target(a), judge.target(b));
}

CalendarPtr HoursOf(const Judge& judge, const Counting& by) {
  const TargetHours& hours = judge.hours(by.target);
  if (by.time_zone.empty() || hours.in_zone == nullptr) return hours.calendar;
  CalendarPtr there = hours.in_zone(by.time_zone);
  return there == nullptr ? hours.calendar : there;
}

int64_t CountedTime(const Judge& judge, const Counting& by, int64_t from, int64_t to) {
  if (to <= from) return 0;
  const CalendarPtr calendar = HoursOf(judge, by);
  if (calendar == nullptr) return to - from;
  return absl::ToInt64Microseconds(
      calendar->Elapsed(absl::FromUnixMicros(from), absl::FromUnixMicros(to)));
}

std::optional<int64_t> Deadline(const Judge& judge, const Counting& by, int64_t start,
                                int64_t amount) {
  if (amount <= 0) return start;
  const CalendarPtr calendar = HoursOf(judge, by);
  if (calendar == nullptr) {
    if (absl::Microseconds(amount) > kDeadlineHorizon) return std::nullopt;
    return start + amount;
  }
  return ToMicros(calendar->Add(absl::FromUnixMicros(start), absl::Microseconds(amount)));
}

std::optional<int64_t> RelativeDeadline(const Judge& judge, const Counting& by, int64_t start,
                                        const state::v1::Facts& facts) {
  const v1::RelativeTarget& relative = judge.target(by.target).relative();
  if (relative.due_date()) {
    const bool beyond = facts.due_at() - start > absl::ToInt64Microseconds(kDeadlineHorizon);
    return beyond ? std::nullopt : std::optional<int64_t>(std::max(start, facts.due_at()));
  }
  const CalendarPtr calendar = HoursOf(judge, by);
  if (calendar == nullptr) return std::nullopt;  // refused by policy_check.h
  const absl::Time from = absl::FromUnixMicros(start);
  return ToMicros(relative.kind_case() == v1::RelativeTarget::kBusinessDays
                      ? calendar->BusinessDays(from, relative.business_days())
                      : calendar->EndOfBusinessDay(from, relative.end_of_business_day()));
}

int64_t CountedBefore(const Judge& judge, const state::v1::ClockRecord& clock, int64_t until) {
  int64_t counted = 0;
  for (int i = clock.first_segment(); i < clock.segments_size(); ++i) {
    const state::v1::Segment& segment = clock.segments(i);
    counted += CountedTime(judge, {segment.target(), segment.time_zone()}, segment.from(),
                           std::min(segment.to(), until));
  }
  return counted;
}

std::optional<int64_t> Crossing(const Judge& judge, const state::v1::ClockRecord& clock,
                                int64_t amount) {
  if (clock.counted() < amount) return std::nullopt;
  for (int i = clock.first_segment(); i < clock.segments_size(); ++i) {
    const state::v1::Segment& segment = clock.segments(i);
    const Counting by{segment.target(), segment.time_zone()};
    const std::optional<int64_t> at = Deadline(judge, by, segment.from(), amount);
    if (at && *at < segment.to()) return at;
    amount -= CountedTime(judge, by, segment.from(), segment.to());
  }
  return std::nullopt;
}

std::optional<int64_t> DueCrossing(const Judge& judge, const state::v1::ClockRecord& clock) {
  if (!judge.target(clock.target()).has_relative()) {
    return Crossing(judge, clock, clock.allowed());
  }
  if (!clock.has_fixed_due()) return std::nullopt;
  for (int i = clock.first_segment(); i < clock.segments_size(); ++i) {
    const state::v1::Segment& segment = clock.segments(i);
    if (clock.fixed_due() < segment.to()) return std::max(clock.fixed_due(), segment.from());
  }
  return std::nullopt;
}

int64_t AllowedTime(const v1::Target& target) {
  return absl::ToInt64Microseconds(FromProto(target.duration()));
}

}  // namespace watchbell::sla
