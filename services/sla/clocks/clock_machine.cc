#include "services/sla/clocks/clock_machine.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>

#include "absl/strings/string_view.h"
#include "services/sla/clocks/change_cause.h"
#include "services/sla/clocks/clock_steps.h"
#include "services/sla/clocks/course.h"
#include "services/sla/clocks/leg.h"
#include "services/sla/clocks/ticket_inputs.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;
using state::v1::TicketInput;

class Machine {
 public:
  Machine(const Judge& judge, TicketClocks& ticket, const TicketInput& input, Happenings* out)
      : judge_(judge),
        ticket_(ticket),
        input_(input),
        now_(input.at()),
        steps_(judge, ticket, input.at(), out) {}

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
      if (IsOpen(clock) && !known) steps_.Cancel(clock, true);
    }
  }

  std::string Cause() const { return reopened_ ? "reopen" : CauseOf(input_); }
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
      steps_.Stop(clock, now_);
    } else if (rules.reset.Holds(Now())) {
      const int cycle = clock.cycle();
      steps_.Stop(clock, now_);
      if (match >= 0 && judge_.rules(match).start.Holds(Now())) MaybeBegin(slot, match, cycle + 1);
    } else if (rules.cancel.Holds(Now()) || match < 0) {
      steps_.Cancel(clock, !rules.cancel.Holds(Now()));
    } else if (!Leg(judge_, clock).IsOf(match, ticket_.facts())) {
      Rematch(clock, match);
    } else if (clock.set_target(match); rules.pause.Holds(Now())) {
      if (clock.state() == v1::CLOCK_STATE_RUNNING) steps_.Pause(clock);
    } else if (clock.state() == v1::CLOCK_STATE_PAUSED && Resumes(rules, Now())) {
      steps_.Resume(clock);
    }
  }

  // --- beginnings ---

  // The first clock of its name, as if its target had been there from the beginning.
  void AttachByHistory(const ClockSlot& slot, int match) {
    if (!MayHaveBegun(slot, match)) return;
    const Course course = CourseFor(match);
    if (HasBegun(course)) AttachByCourse(slot, match, 1, course);
  }

  // False if the course by this target had not begun before this input, or was cancelled, and still
  // is: a look at the facts spares the way through the whole history.
  bool MayHaveBegun(const ClockSlot& slot, int match) const {
    if (!SelectedBefore(slot, match)) return true;
    const Moment before = QuietMoment(*before_);
    const Rules& rules = judge_.rules(match);
    if (rules.cancel.Holds(Now())) return false;
    const bool was_cancelled = !rules.cancel.AsksForEvent() && rules.cancel.Holds(before);
    return rules.start.Holds(Now()) || (!rules.repeats && (reopened_ || was_cancelled));
  }

  // Whether the target did so before this input.
  bool SelectedBefore(const ClockSlot& slot, int match) const {
    return ticket_.inputs_size() > 1 && !input_.has_era() &&
           MatchTarget(judge_, ticket_.era(), slot, QuietMoment(*before_)) == match;
  }

  void AttachByCourse(const ClockSlot& slot, int match, int cycle, const Course& course) {
    ClockRecord& clock = Add(slot, cycle, course.started_at);
    steps_.BeginLeg(clock, match, course.started_at);
    steps_.AddStretches(clock, course, course.started_at);
    steps_.Attach(clock, course);
  }

  // What repeats begins anew when its start comes to hold, not while it goes on holding. It may
  // have come to hold while the target did not select the ticket.
  void Repeat(const ClockSlot& slot, const ClockRecord& last, int match) {
    if (input_.has_era()) return RepeatByHistory(slot, last, match);
    if (!SelectedBefore(slot, match)) {
      const Course course = CourseFor(match);
      if (HasBegun(course) && IsNext(course, last)) {
        return AttachByCourse(slot, match, last.cycle() + 1, course);
      }
    }
    if (Starts(judge_.rules(match), *before_, Now())) MaybeBegin(slot, match, last.cycle() + 1);
  }

  // Whether the last cycle of the course began after this clock had ended. Of one instant, what
  // began with the clock did not.
  static bool IsNext(const Course& course, const ClockRecord& clock) {
    return course.begins ||
           (course.started_at >= clock.ended_at() && course.started_at > clock.started_at());
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
    Course course;
    course.demand = PauseOrRun(match);
    ClockRecord& clock = Add(slot, cycle, now_);
    steps_.BeginLeg(clock, match, now_);
    steps_.Attach(clock, course);
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
    if (rules.repeats) return Repeat(slot, clock, match);
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
    if (rules.repeats && !clock.unmatched()) return Repeat(slot, clock, match);
    // What was cancelled by something that happened stays so while the ticket is open.
    const bool may = clock.unmatched() || reopened_ || !rules.cancel.AsksForEvent();
    if (may && !rules.cancel.Holds(Now())) TakeUp(slot, clock, match);
  }

  // A stopped or cancelled clock goes on: a reopened ticket, or a target that selects it again. The
  // ticket's history since the end says what counts. If a cycle has begun since, that is attached.
  void TakeUp(const ClockSlot& slot, ClockRecord& clock, int match) {
    const Course course = CourseFor(match, clock);
    if (!HasBegun(course)) return;
    if (IsNext(course, clock)) {
      return AttachByCourse(slot, match, clock.cycle() + 1, course);
    }
    if (clock.state() == v1::CLOCK_STATE_STOPPED && course.demand == Demand::kStop) return;
    TakeMetric(slot, clock);
    const bool begins = !Leg(judge_, clock).IsOf(match, ticket_.facts());
    // A leg that counts from zero sets aside what ran before it.
    const bool restarts = begins && judge_.target(match).on_rematch() == v1::REMATCH_MODE_RESTART;
    if (restarts) steps_.AddStretches(clock, course, clock.ended_at());
    if (begins) steps_.BeginLeg(clock, match, now_);
    clock.set_target(match);
    if (!restarts) steps_.AddStretches(clock, course, clock.ended_at());
    steps_.Retarget(clock, course, std::nullopt, Cause());
  }

  void Rematch(ClockRecord& clock, int match) {
    Course course = CourseFor(match, clock);
    if (course.demand == Demand::kCancel) return steps_.Cancel(clock, false);
    const std::optional<int64_t> previous = DueOf(clock);
    if (clock.state() == v1::CLOCK_STATE_RUNNING) Leg(judge_, clock).EndSegment(now_);
    // By the new target it may have stopped before: what ran since does not count.
    course.since = std::max(course.since, clock.started_at());
    if (course.demand == Demand::kStop) Leg(judge_, clock).TakeBack(course.since);
    steps_.BeginLeg(clock, match, now_);
    // By its own start it may not have begun; the clock has.
    if (course.demand == Demand::kNone) course.demand = PauseOrRun(match);
    steps_.Retarget(clock, course, previous, Cause());
  }

  Course CourseFor(int match) const {
    return CourseOf(judge_.rules(match), judge_.target(match).on_reopen(), ticket_.inputs());
  }

  Course CourseFor(int match, const ClockRecord& clock) const {
    return CourseOfClock(judge_, clock, match, ticket_.inputs());
  }

  const Judge& judge_;
  TicketClocks& ticket_;
  const TicketInput& input_;
  const int64_t now_;
  ClockSteps steps_;
  std::optional<state::v1::Facts> before_;  // this input; only if AsksForBefore
  bool reopened_ = false;
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
  ClockSteps steps(judge, ticket, at, &out);
  for (ClockRecord& clock : *ticket.mutable_clocks()) {
    const bool runs = clock.state() == v1::CLOCK_STATE_RUNNING;
    if (runs && BreachOf(clock, clock.leg()) == nullptr) steps.Recount(clock);
  }
}

}  // namespace watchbell::sla
