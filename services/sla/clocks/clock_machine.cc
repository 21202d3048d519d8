#include "services/sla/clocks/clock_machine.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/string_view.h"
#include "services/sla/clocks/change_cause.h"
#include "services/sla/clocks/course.h"
#include "services/sla/clocks/leg.h"
#include "services/sla/clocks/ticket_inputs.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;
using state::v1::TicketInput;
using Kind = Happening::Kind;

class Machine {
 public:
  Machine(const Judge& judge, TicketClocks& ticket, const TicketInput& input, Happenings* out)
      : judge_(judge), ticket_(ticket), input_(input), now_(input.at()), out_(out) {}

  void Run() {
    if (input_.has_era()) ticket_.set_era(input_.era());
    state::v1::Facts& facts = *ticket_.mutable_facts();
    const bool was_finished = IsFinished(facts);
    if (AsksForBefore()) before_.emplace(facts);
    facts.MergeFrom(input_.change());
    reopened_ = was_finished && !IsFinished(facts);
    for (const ClockSlot& slot : Slots()) Step(slot);
    if (input_.has_era()) CancelSlotless();
  }

  void Recount() {
    recounts_ = true;
    for (ClockRecord& clock : *ticket_.mutable_clocks()) {
      if (clock.state() != v1::CLOCK_STATE_RUNNING || BreachOf(clock, clock.leg()) != nullptr) {
        continue;
      }
      const std::optional<int64_t> previous = DueOf(clock);
      const int64_t elapsed = clock.elapsed();
      Leg(judge_, clock).Recount(ticket_.facts());
      if (DueOf(clock) == previous) {
        clock.set_elapsed(elapsed);  // warnings may have moved: nobody is told of those
      } else if (Happening* told = Tell(Kind::kRetargeted, now_, clock)) {
        told->previous_due = previous;
      }
    }
  }

 private:
  static bool ComesBefore(const ClockRecord* a, const ClockRecord* b) {
    return std::make_tuple(a->metric(), absl::string_view(a->name()), a->cycle()) <
           std::make_tuple(b->metric(), absl::string_view(b->name()), b->cycle());
  }

  // Moves no message.
  void PutInOrder() {
    auto* clocks = ticket_.mutable_clocks();
    std::sort(clocks->pointer_begin(), clocks->pointer_end(), &ComesBefore);
  }

  // A clock is what its name says; another version may measure something else by it.
  void TakeMetric(const ClockSlot& slot, ClockRecord& clock) {
    if (clock.metric() == slot.metric) return;
    clock.set_metric(slot.metric);
    PutInOrder();
  }

  const CompiledPolicy& InForce() const { return *judge_.era(ticket_.era()).compiled; }
  const std::vector<ClockSlot>& Slots() const { return InForce().slots; }

  // Whether the facts before this input may matter: for what repeats, and for clocks that are not
  // there yet. Copying them is dear.
  bool AsksForBefore() {
    return InForce().repeats || std::any_of(Slots().begin(), Slots().end(), [&](const auto& slot) {
             return LastOf(slot) == nullptr;
           });
  }

  // The policy in force from now on knows no such clock.
  void CancelSlotless() {
    for (ClockRecord& clock : *ticket_.mutable_clocks()) {
      const bool known = std::any_of(Slots().begin(), Slots().end(),
                                     [&](const auto& slot) { return slot.name == clock.name(); });
      if (IsOpen(clock) && !known) Cancel(clock, true);
    }
  }

  Moment Now() const { return MomentOf(ticket_.facts(), input_); }

  ClockRecord* LastOf(const ClockSlot& slot) {
    ClockRecord* last = nullptr;
    for (ClockRecord& clock : *ticket_.mutable_clocks()) {
      if (clock.name() == slot.name && (last == nullptr || clock.cycle() > last->cycle())) {
        last = &clock;
      }
    }
    return last;
  }

  void Step(const ClockSlot& slot) {
    const int match = MatchTarget(judge_, ticket_.era(), slot, Now());
    ClockRecord* clock = LastOf(slot);
    if (clock == nullptr) {
      if (match >= 0) AttachByHistory(slot, match);
      return;
    }
    switch (clock->state()) {
      case v1::CLOCK_STATE_STOPPED:
        if (match >= 0) AfterStop(slot, *clock, match);
        return;
      case v1::CLOCK_STATE_CANCELLED:
        if (match >= 0) AfterCancel(slot, *clock, match);
        return;
      default:
        TakeMetric(slot, *clock);
        Go(slot, *clock, match);
    }
  }

  // A clock that counts or is paused.
  void Go(const ClockSlot& slot, ClockRecord& clock, int match) {
    const Rules& rules = judge_.rules(clock.target());
    if (rules.stop.Holds(Now())) {
      Stop(clock, now_);
    } else if (rules.reset.Holds(Now())) {
      const int cycle = clock.cycle();
      Stop(clock, now_);
      if (match >= 0 && judge_.rules(match).start.Holds(Now())) MaybeBegin(slot, match, cycle + 1);
    } else if (rules.cancel.Holds(Now()) || match < 0) {
      Cancel(clock, !rules.cancel.Holds(Now()));
    } else if (!Leg(judge_, clock).IsOf(match, ticket_.facts())) {
      Rematch(clock, match);
    } else if (clock.set_target(match); rules.pause.Holds(Now())) {
      if (clock.state() == v1::CLOCK_STATE_RUNNING) Pause(clock);
    } else if (clock.state() == v1::CLOCK_STATE_PAUSED && Resumes(rules, Now())) {
      Leg(judge_, clock).BeginSegment(now_);
      Tell(Kind::kResumed, now_, clock);
    }
  }

  // --- beginnings ---

  // The first clock of its name, as if its target had been there from the beginning.
  void AttachByHistory(const ClockSlot& slot, int match) {
    if (!MayHaveBegun(slot, match)) return;
    const Course course = CourseFor(match);
    if (course.demand == Demand::kNone || course.demand == Demand::kCancel) return;
    AttachByCourse(slot, match, 1, course);
  }

  // False if the course by this target had not begun before this input, or was cancelled, and still
  // is: a look at the facts spares the way through the whole history.
  bool MayHaveBegun(const ClockSlot& slot, int match) const {
    const Moment before = QuietMoment(*before_);
    const bool asked_before = ticket_.inputs_size() > 1 && !input_.has_era() &&
                              MatchTarget(judge_, ticket_.era(), slot, before) == match;
    if (!asked_before) return true;
    const Rules& rules = judge_.rules(match);
    if (rules.cancel.Holds(Now())) return false;
    const bool was_cancelled = !rules.cancel.AsksForEvent() && rules.cancel.Holds(before);
    return rules.start.Holds(Now()) || (!rules.repeats && (reopened_ || was_cancelled));
  }

  void AttachByCourse(const ClockSlot& slot, int match, int cycle, const Course& course) {
    ClockRecord& clock = Add(slot, cycle, course.started_at);
    BeginLeg(clock, match, course.started_at);
    AddStretches(clock, course, course.started_at);
    Enter(clock, course, Kind::kAttached);
  }

  // What repeats begins anew when its start comes to hold, not while it goes on holding.
  void MaybeRepeat(const ClockSlot& slot, int match, int cycle) {
    if (Starts(judge_.rules(match), *before_, Now())) MaybeBegin(slot, match, cycle);
  }

  // Another version applies: by its conditions a cycle may have begun that the old one did not
  // know.
  void RepeatByHistory(const ClockSlot& slot, const ClockRecord& last, int match) {
    Course course = CourseFor(match);
    if (course.demand != Demand::kRun && course.demand != Demand::kPause) return;
    course.started_at = std::max(course.started_at, last.ended_at());
    AttachByCourse(slot, match, last.cycle() + 1, course);
  }

  void MaybeBegin(const ClockSlot& slot, int match, int cycle) {
    const Rules& rules = judge_.rules(match);
    if (!rules.stop.Holds(Now()) && !rules.cancel.Holds(Now())) BeginCycle(slot, match, cycle);
  }

  // One more clock of its name, from now.
  void BeginCycle(const ClockSlot& slot, int match, int cycle) {
    ClockRecord& clock = Add(slot, cycle, now_);
    BeginLeg(clock, match, now_);
    Enter(clock, {PauseOrRun(match), now_, now_, {}}, Kind::kAttached);
  }

  Demand PauseOrRun(int match) const {
    return judge_.rules(match).pause.Holds(Now()) ? Demand::kPause : Demand::kRun;
  }

  ClockRecord& Add(const ClockSlot& slot, int cycle, int64_t started_at) {
    ClockRecord* clock = ticket_.add_clocks();
    clock->set_metric(slot.metric);
    clock->set_name(slot.name);
    clock->set_cycle(cycle);
    clock->set_started_at(started_at);
    // Zones are those of the attaching moment for as long as the clock lives.
    const auto& zones = judge_.era(ticket_.era()).policy->site_time_zones();
    const auto zone = zones.find(ticket_.facts().site());
    if (zone != zones.end()) clock->set_site_time_zone(zone->second);
    clock->set_requester_time_zone(ticket_.facts().requester_time_zone());
    PutInOrder();
    return *clock;
  }

  void AfterStop(const ClockSlot& slot, ClockRecord& clock, int match) {
    const Rules& rules = judge_.rules(match);
    if (rules.repeats && input_.has_era()) return RepeatByHistory(slot, clock, match);
    if (rules.repeats) return MaybeRepeat(slot, match, clock.cycle() + 1);
    if (rules.stop.Holds(Now()) || rules.cancel.Holds(Now())) return;
    // A target may select the ticket only some time after the reopening.
    if (reopened_ || ReopenedSince(clock.ended_at())) TakeUp(slot, clock, match);
  }

  bool ReopenedSince(int64_t at) const {
    state::v1::Facts facts;
    bool was_finished = false;
    for (const TicketInput& input : ticket_.inputs()) {
      if (!input.change().has_state()) continue;
      facts.set_state(input.change().state());
      if (input.at() >= at && was_finished && !IsFinished(facts)) return true;
      was_finished = IsFinished(facts);
    }
    return false;
  }

  void AfterCancel(const ClockSlot& slot, ClockRecord& clock, int match) {
    const Rules& rules = judge_.rules(match);
    if (rules.repeats && !clock.unmatched()) {
      if (input_.has_era()) return RepeatByHistory(slot, clock, match);
      return MaybeRepeat(slot, match, clock.cycle() + 1);
    }
    // What was cancelled by something that happened stays so while the ticket is open.
    const bool may = clock.unmatched() || reopened_ || !rules.cancel.AsksForEvent();
    if (may && !rules.cancel.Holds(Now())) TakeUp(slot, clock, match);
  }

  // A stopped or cancelled clock goes on: a reopened ticket, or a target that selects it again. The
  // ticket's history since the end says what counts. If a cycle has begun since, that is attached.
  void TakeUp(const ClockSlot& slot, ClockRecord& clock, int match) {
    const Course course = CourseFor(match);
    if (course.demand == Demand::kNone || course.demand == Demand::kCancel) return;
    if (course.started_at > clock.ended_at()) {
      return AttachByCourse(slot, match, clock.cycle() + 1, course);
    }
    if (clock.state() == v1::CLOCK_STATE_STOPPED && course.demand == Demand::kStop) return;
    TakeMetric(slot, clock);
    const std::optional<int64_t> previous = DueOf(clock);
    const bool begins = !Leg(judge_, clock).IsOf(match, ticket_.facts());
    // A leg that counts from zero sets aside what ran before it.
    const bool restarts = begins && judge_.target(match).on_rematch() == v1::REMATCH_MODE_RESTART;
    if (restarts) AddStretches(clock, course, clock.ended_at());
    if (begins) BeginLeg(clock, match, now_);
    clock.set_target(match);
    if (!restarts) AddStretches(clock, course, clock.ended_at());
    Enter(clock, course, Kind::kRetargeted, previous);
  }

  void Rematch(ClockRecord& clock, int match) {
    Course course = CourseFor(match);
    if (course.demand == Demand::kCancel) return Cancel(clock, false);
    const std::optional<int64_t> previous = DueOf(clock);
    if (clock.state() == v1::CLOCK_STATE_RUNNING) Leg(judge_, clock).EndSegment(now_);
    // By the new target it may have stopped before: what ran since does not count.
    course.since = std::max(course.since, clock.started_at());
    if (course.demand == Demand::kStop) Leg(judge_, clock).TakeBack(course.since);
    BeginLeg(clock, match, now_);
    // By its own start it may not have begun; the clock has.
    if (course.demand == Demand::kNone) course.demand = PauseOrRun(match);
    Enter(clock, course, Kind::kRetargeted, previous);
  }

  Course CourseFor(int match) const {
    return CourseOf(judge_.rules(match), judge_.target(match).on_reopen(), ticket_.inputs());
  }

  void AddStretches(ClockRecord& clock, const Course& course, int64_t since) {
    Leg leg(judge_, clock);
    for (const Course::Stretch& stretch : course.stretches) {
      leg.AddSegment(std::max(stretch.from, since), stretch.to);
    }
  }

  void BeginLeg(ClockRecord& clock, int match, int64_t at) {
    Leg(judge_, clock).Begin(match, at, ticket_.facts());
  }

  // Puts a clock whose leg and finished segments are known to work, and tells what had been crossed
  // before.
  void Enter(ClockRecord& clock, const Course& course, Kind kind,
             std::optional<int64_t> previous_due = std::nullopt) {
    clock.clear_ended_at();
    clock.clear_verdict();
    clock.clear_unmatched();
    std::optional<int64_t> crossed;
    if (BreachOf(clock, clock.leg()) == nullptr) crossed = DueCrossing(judge_, clock);
    const auto skipped = SkippedThresholds(clock);
    if (course.demand == Demand::kPause) {
      clock.set_state(v1::CLOCK_STATE_PAUSED);
    } else {
      Leg(judge_, clock).BeginSegment(course.demand == Demand::kStop ? course.since : now_);
      if (crossed) {
        clock.set_due(*crossed);
        clock.clear_pending_due();
      }
    }
    if (auto* told = Tell(kind, kind == Kind::kAttached ? clock.started_at() : now_, clock)) {
      if (kind == Kind::kRetargeted) told->previous_due = previous_due;
    }
    for (const auto& [threshold, at] : skipped) Skip(clock, threshold, at);
    if (crossed) BreachOnAttach(clock, *crossed);
    if (course.demand == Demand::kStop) Stop(clock, course.since);
  }

  // Thresholds of the leg that were crossed before now and not told yet.
  std::vector<std::pair<state::v1::Threshold, int64_t>> SkippedThresholds(
      const ClockRecord& clock) const {
    std::vector<std::pair<state::v1::Threshold, int64_t>> skipped;
    for (const WarnAt& warning : judge_.warnings(clock.target())) {
      if (HasFired(clock, clock.leg(), warning.threshold)) continue;
      const std::optional<int64_t> at = Crossing(judge_, clock, warning.Amount(clock.allowed()));
      if (at) skipped.emplace_back(warning.threshold, *at);
    }
    return skipped;
  }

  void Skip(ClockRecord& clock, const state::v1::Threshold& threshold, int64_t at) {
    state::v1::FiredWarning* fired = clock.add_fired();
    fired->set_leg(clock.leg());
    *fired->mutable_threshold() = threshold;
    auto* pending = clock.mutable_pending();
    pending->erase(
        std::remove_if(pending->begin(), pending->end(),
                       [&](const auto& warning) { return warning.threshold() == threshold; }),
        pending->end());
    if (IsAnnounced(ticket_, clock, *fired)) return;
    if (Happening* told = Tell(Kind::kWarned, at, clock)) {
      told->leg = clock.leg();
      told->threshold = threshold;
      told->skipped = true;
    }
  }

  void BreachOnAttach(ClockRecord& clock, int64_t crossed) {
    state::v1::StandingBreach* breach = clock.add_breaches();
    breach->set_leg(clock.leg());
    breach->set_due(crossed);
    if (Happening* told = Tell(Kind::kBreached, now_, clock)) {
      told->leg = clock.leg();
      told->due = crossed;
      told->on_attach = true;
    }
  }

  // --- pauses and ends ---

  static std::optional<int64_t> DueOf(const ClockRecord& clock) {
    if (clock.state() != v1::CLOCK_STATE_RUNNING || !clock.has_due()) return std::nullopt;
    return clock.due();
  }

  void Pause(ClockRecord& clock) {
    const std::optional<int64_t> previous = DueOf(clock);
    Leg(judge_, clock).EndSegment(now_);
    clock.set_state(v1::CLOCK_STATE_PAUSED);
    if (Happening* told = Tell(Kind::kPaused, now_, clock)) told->previous_due = previous;
  }

  // The verdict compares instants. A paused clock is taken up first: its deadline lies the
  // remainder ahead.
  void Stop(ClockRecord& clock, int64_t at) {
    Leg leg(judge_, clock);
    if (clock.state() == v1::CLOCK_STATE_PAUSED) leg.BeginSegment(at);
    const std::optional<int64_t> due = DueOf(clock);
    leg.EndSegment(at);
    if (due) clock.set_due(*due);
    clock.set_state(v1::CLOCK_STATE_STOPPED);
    clock.set_ended_at(at);
    clock.set_verdict(due && at > *due ? v1::VERDICT_MISSED : v1::VERDICT_MET);
    const bool restated = clock.judged();
    clock.set_judged(true);
    if (Happening* told = Tell(Kind::kStopped, at, clock)) told->restated = restated;
  }

  void Cancel(ClockRecord& clock, bool unmatched) {
    if (clock.state() == v1::CLOCK_STATE_RUNNING) Leg(judge_, clock).EndSegment(now_);
    clock.set_state(v1::CLOCK_STATE_CANCELLED);
    clock.set_ended_at(now_);
    clock.set_unmatched(unmatched);
    Tell(Kind::kCancelled, now_, clock);
  }

  // Null: nobody listens.
  Happening* Tell(Kind kind, int64_t at, const ClockRecord& clock) {
    if (out_ == nullptr) return nullptr;
    out_->push_back({.kind = kind, .at = at, .clock = clock});
    if (kind == Kind::kRetargeted) {
      out_->back().cause = recounts_ ? "zone data" : reopened_ ? "reopen" : CauseOf(input_);
    }
    return &out_->back();
  }

  const Judge& judge_;
  TicketClocks& ticket_;
  const TicketInput& input_;
  const int64_t now_;
  Happenings* const out_;                   // null: nobody listens
  std::optional<state::v1::Facts> before_;  // this input; only if AsksForBefore
  bool reopened_ = false;
  bool recounts_ = false;
};

}  // namespace

void ApplyInOrder(const Judge& judge, TicketClocks& ticket, const TicketInput& input,
                  Happenings* out) {
  *ticket.add_inputs() = input;
  ApplyLast(judge, ticket, out);
}

void ApplyLast(const Judge& judge, TicketClocks& ticket, Happenings* out) {
  Machine(judge, ticket, ticket.inputs(ticket.inputs_size() - 1), out).Run();
}

void RecountOpen(const Judge& judge, TicketClocks& ticket, int64_t at, Happenings& out) {
  TicketInput nothing;
  nothing.set_at(at);
  Machine(judge, ticket, nothing, &out).Recount();
}

}  // namespace watchbell::sla
