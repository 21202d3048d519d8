#include "services/sla/clocks/leg.h"

#include <algorithm>

#include "services/sla/clocks/clock_record.h"

namespace watchbell::sla {

using state::v1::Segment;

std::string Leg::ZoneOf(int target) const {
  const TargetHours& hours = judge_.hours(target);
  const std::string zone = AskedZone(target);
  const bool there = hours.in_zone != nullptr && !zone.empty() && hours.in_zone(zone) != nullptr;
  return there ? zone : "";
}

std::string Leg::AskedZone(int target) const {
  switch (judge_.target(target).zone_source()) {
    case v1::ZONE_SOURCE_SITE:
      return clock_.site_time_zone();
    case v1::ZONE_SOURCE_REQUESTER:
      return clock_.requester_time_zone();
    default:
      return "";
  }
}

bool Leg::IsOf(int target, const state::v1::Facts& facts) const {
  if (!IsSamePromise(judge_, target, clock_.target())) return false;
  return !judge_.target(target).relative().due_date() || facts.due_at() == clock_.due_date();
}

void Leg::Begin(int target, int64_t at, const state::v1::Facts& facts) {
  const v1::Target& chosen = judge_.target(target);
  const TargetHours& hours = judge_.hours(target);
  clock_.set_leg(clock_.leg() + 1);
  clock_.set_leg_started_at(at);
  clock_.set_priority(facts.priority());
  clock_.set_target(target);
  clock_.set_target_id(chosen.target_id());
  clock_.set_calendar_id(hours.calendar == nullptr ? "" : chosen.calendar_id());
  clock_.set_calendar_version(hours.version);
  clock_.set_time_zone(ZoneOf(target));
  clock_.clear_due();
  if (chosen.on_rematch() == v1::REMATCH_MODE_RESTART && clock_.leg() > 1) {
    clock_.set_first_segment(clock_.segments_size());
    clock_.set_counted(0);
    clock_.set_elapsed(0);
  }
  clock_.set_due_date(chosen.relative().due_date() ? facts.due_at() : 0);
  if (!chosen.has_relative()) clock_.set_allowed(AllowedTime(chosen));
  FixDeadline(facts);
}

void Leg::FixDeadline(const state::v1::Facts& facts) {
  clock_.clear_fixed_due();
  const v1::Target& target = judge_.target(clock_.target());
  if (!target.has_relative()) return;
  const bool restarted = target.on_rematch() == v1::REMATCH_MODE_RESTART && clock_.leg() > 1;
  const int64_t start = restarted ? clock_.leg_started_at() : clock_.started_at();
  const std::optional<int64_t> due = RelativeDeadline(judge_, By(), start, facts);
  if (due) clock_.set_fixed_due(*due);
  clock_.clear_allowed();
}

// The deadline stands: each gap before it leaves less to count.
void Leg::Allow(int64_t at) {
  if (!clock_.has_fixed_due()) return;
  clock_.set_allowed(CountedBefore(judge_, clock_, at) +
                     CountedTime(judge_, By(), at, clock_.fixed_due()));
}

void Leg::Recount(const state::v1::Facts& facts) {
  FixDeadline(facts);
  const int64_t since = clock_.segments(clock_.segments_size() - 1).from();
  Allow(since);
  clock_.set_counted(CountedBefore(judge_, clock_, since));
  clock_.set_elapsed(clock_.counted());
  clock_.clear_pending();
  clock_.clear_pending_due();
  clock_.clear_due();
  SetPending(since);
}

Segment& Leg::Open(int64_t from) {
  Segment* segment = clock_.add_segments();
  segment->set_from(from);
  segment->set_target(clock_.target());
  segment->set_time_zone(clock_.time_zone());
  return *segment;
}

void Leg::AddSegment(int64_t from, int64_t to) {
  if (from >= to) return;
  const int count = clock_.segments_size();
  const bool goes_on = count > clock_.first_segment() && clock_.segments(count - 1).to() == from &&
                       clock_.segments(count - 1).target() == clock_.target();
  Segment& segment = goes_on ? *clock_.mutable_segments(count - 1) : Open(from);
  segment.set_to(to);
  clock_.set_counted(clock_.counted() + CountedTime(judge_, By(), from, to));
  clock_.set_elapsed(clock_.counted());
}

void Leg::TakeBack(int64_t from) {
  for (int last = clock_.segments_size() - 1; last >= 0 && clock_.segments(last).to() > from;
       --last) {
    Segment& segment = *clock_.mutable_segments(last);
    const int64_t kept = std::max(segment.from(), from);
    if (last >= clock_.first_segment()) {
      clock_.set_counted(clock_.counted() - CountedTime(judge_,
                                                        {segment.target(), segment.time_zone()},
                                                        kept, segment.to()));
    }
    segment.set_to(kept);
    if (segment.from() == kept) clock_.mutable_segments()->RemoveLast();
  }
  clock_.set_first_segment(std::min(clock_.first_segment(), clock_.segments_size()));
  clock_.set_elapsed(clock_.counted());
}

void Leg::BeginSegment(int64_t at) {
  clock_.set_state(v1::CLOCK_STATE_RUNNING);
  Open(at);
  if (const state::v1::StandingBreach* breach = BreachOf(clock_, clock_.leg())) {
    clock_.set_due(breach->due());
    return;
  }
  SetPending(at);
}

void Leg::SetPending(int64_t at) {
  std::optional<int64_t> due;
  if (!judge_.target(clock_.target()).has_relative()) {
    due = Deadline(judge_, By(), at, clock_.allowed() - clock_.counted());
  } else if (clock_.has_fixed_due()) {
    due = std::max(clock_.fixed_due(), at);
  } else {
    return;  // never due: nothing to warn of
  }
  if (due) {
    clock_.set_due(*due);
    clock_.set_pending_due(*due);
  }
  for (const WarnAt& warning : judge_.warnings(clock_.target())) {
    if (HasFired(clock_, clock_.leg(), warning.threshold)) continue;
    const int64_t left = warning.Amount(clock_.allowed()) - clock_.counted();
    const std::optional<int64_t> crossing = Deadline(judge_, By(), at, left);
    // What lies at the deadline or behind it warns of nothing.
    if (!crossing || (due && *crossing >= *due)) continue;
    state::v1::PendingWarning* pending = clock_.add_pending();
    *pending->mutable_threshold() = warning.threshold;
    pending->set_at(*crossing);
  }
  auto& pending = *clock_.mutable_pending();
  const auto earlier = [](const auto& a, const auto& b) { return a.at() < b.at(); };
  // As a rule they are; sorting messages is dear.
  if (std::is_sorted(pending.begin(), pending.end(), earlier)) return;
  std::stable_sort(pending.begin(), pending.end(), earlier);
}

void Leg::EndSegment(int64_t at) {
  Segment* segment = clock_.mutable_segments(clock_.segments_size() - 1);
  segment->set_to(at);
  clock_.set_counted(clock_.counted() + CountedTime(judge_,
                                                    {segment->target(), segment->time_zone()},
                                                    segment->from(), at));
  clock_.set_elapsed(clock_.counted());
  if (segment->from() == at) clock_.mutable_segments()->RemoveLast();
  clock_.clear_pending();
  clock_.clear_pending_due();
  clock_.clear_due();
}

}  // namespace watchbell::sla
