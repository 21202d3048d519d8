#include "services/sla/clocks/clock_steps.h"

#include <algorithm>

#include "services/sla/clocks/leg.h"

namespace watchbell::sla {

using state::v1::ClockRecord;
using Kind = Happening::Kind;

std::optional<int64_t> DueOf(const ClockRecord& clock) {
  if (clock.state() != v1::CLOCK_STATE_RUNNING || !clock.has_due()) return std::nullopt;
  return clock.due();
}

void ClockSteps::Tell(Happening happening, const ClockRecord& clock) {
  if (out_ == nullptr) return;
  happening.clock = clock;
  out_->push_back(std::move(happening));
}

// --- beginnings ---

void ClockSteps::BeginLeg(ClockRecord& clock, int target, int64_t at) {
  Leg(judge_, clock).Begin(target, at, ticket_.facts());
}

void ClockSteps::AddStretches(ClockRecord& clock, const Course& course, int64_t since) {
  Leg leg(judge_, clock);
  for (const Course::Stretch& stretch : course.stretches) {
    leg.AddSegment(std::max(stretch.from, since), stretch.to);
  }
}

void ClockSteps::Attach(ClockRecord& clock, const Course& course) {
  Enter(clock, course, {.kind = Kind::kAttached, .at = clock.started_at()});
}

void ClockSteps::Retarget(ClockRecord& clock, const Course& course,
                          std::optional<int64_t> previous_due, std::string cause) {
  Happening retargeted{.kind = Kind::kRetargeted, .at = now_};
  retargeted.previous_due = previous_due;
  retargeted.cause = std::move(cause);
  Enter(clock, course, std::move(retargeted));
}

void ClockSteps::Enter(ClockRecord& clock, const Course& course, Happening entered) {
  clock.clear_ended_at();
  clock.clear_verdict();
  clock.clear_unmatched();
  const int64_t goes_on = course.demand == Demand::kStop ? course.since : now_;
  std::optional<int64_t> crossed;
  if (BreachOf(clock, clock.leg()) == nullptr) {
    crossed = DueCrossing(judge_, clock);
    Leg(judge_, clock).Allow(crossed.value_or(goes_on));
  }
  const Thresholds skipped = SkippedThresholds(clock);
  if (course.demand == Demand::kPause) {
    clock.set_state(v1::CLOCK_STATE_PAUSED);
  } else {
    Leg(judge_, clock).BeginSegment(goes_on);
    if (crossed) {
      clock.set_due(*crossed);
      clock.clear_pending_due();
    }
  }
  Tell(std::move(entered), clock);
  for (const auto& [threshold, at] : skipped) Skip(clock, threshold, at);
  if (crossed) BreachOnAttach(clock, *crossed);
  if (course.demand == Demand::kStop) Stop(clock, course.since);
}

ClockSteps::Thresholds ClockSteps::SkippedThresholds(const ClockRecord& clock) const {
  Thresholds skipped;
  for (const WarnAt& warning : judge_.warnings(clock.target())) {
    if (HasFired(clock, clock.leg(), warning.threshold)) continue;
    const std::optional<int64_t> at = Crossing(judge_, clock, warning.Amount(clock.allowed()));
    if (at) skipped.emplace_back(warning.threshold, *at);
  }
  return skipped;
}

void ClockSteps::Skip(ClockRecord& clock, const state::v1::Threshold& threshold, int64_t at) {
  state::v1::FiredWarning* fired = clock.add_fired();
  fired->set_leg(clock.leg());
  *fired->mutable_threshold() = threshold;
  auto* pending = clock.mutable_pending();
  pending->erase(
      std::remove_if(pending->begin(), pending->end(),
                     [&](const auto& warning) { return warning.threshold() == threshold; }),
      pending->end());
  if (IsAnnounced(ticket_, clock, *fired)) return;
  Happening warned{.kind = Kind::kWarned, .at = at};
  warned.leg = clock.leg();
  warned.threshold = threshold;
  warned.skipped = true;
  Tell(std::move(warned), clock);
}

void ClockSteps::BreachOnAttach(ClockRecord& clock, int64_t crossed) {
  state::v1::StandingBreach* breach = clock.add_breaches();
  breach->set_leg(clock.leg());
  breach->set_due(crossed);
  Happening breached{.kind = Kind::kBreached, .at = now_};
  breached.leg = clock.leg();
  breached.due = crossed;
  breached.on_attach = true;
  Tell(std::move(breached), clock);
}

void ClockSteps::Recount(ClockRecord& clock) {
  const std::optional<int64_t> previous = DueOf(clock);
  const int64_t elapsed = clock.elapsed();
  Leg(judge_, clock).Recount(ticket_.facts());
  if (DueOf(clock) == previous) {
    clock.set_elapsed(elapsed);  // warnings may have moved: nobody is told of those
    return;
  }
  Happening retargeted{.kind = Kind::kRetargeted, .at = now_};
  retargeted.previous_due = previous;
  retargeted.cause = "zone data";
  Tell(std::move(retargeted), clock);
}

// --- pauses and ends ---

void ClockSteps::Pause(ClockRecord& clock) {
  Happening paused{.kind = Kind::kPaused, .at = now_};
  paused.previous_due = DueOf(clock);
  Leg(judge_, clock).EndSegment(now_);
  clock.set_state(v1::CLOCK_STATE_PAUSED);
  Tell(std::move(paused), clock);
}

void ClockSteps::Resume(ClockRecord& clock) {
  Leg(judge_, clock).BeginSegment(now_);
  Tell({.kind = Kind::kResumed, .at = now_}, clock);
}

// The verdict compares instants. A paused clock is taken up first: its deadline lies the remainder
// ahead.
void ClockSteps::Stop(ClockRecord& clock, int64_t at) {
  Leg leg(judge_, clock);
  if (clock.state() == v1::CLOCK_STATE_PAUSED) leg.BeginSegment(at);
  const std::optional<int64_t> due = DueOf(clock);
  leg.EndSegment(at);
  if (due) clock.set_due(*due);
  clock.set_state(v1::CLOCK_STATE_STOPPED);
  clock.set_ended_at(at);
  clock.set_verdict(due && at > *due ? v1::VERDICT_MISSED : v1::VERDICT_MET);
  Happening stopped{.kind = Kind::kStopped, .at = at};
  stopped.restated = clock.judged();
  clock.set_judged(true);
  Tell(std::move(stopped), clock);
}

void ClockSteps::Cancel(ClockRecord& clock, bool unmatched) {
  if (clock.state() == v1::CLOCK_STATE_RUNNING) Leg(judge_, clock).EndSegment(now_);
  clock.set_state(v1::CLOCK_STATE_CANCELLED);
  clock.set_ended_at(now_);
  clock.set_unmatched(unmatched);
  Tell({.kind = Kind::kCancelled, .at = now_}, clock);
}

}  // namespace watchbell::sla
