#include "services/sla/clock_machine.h"

#include <algorithm>
#include <utility>

#include "services/sla/clock_rules.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::Segment;
using state::v1::TicketClocks;
using state::v1::TicketInput;
using Kind = Happening::Kind;

// What a clock that is begun or taken up again finds: what it should do, and since when.
struct Found {
  Demand demand;
  int64_t since;
};

class Machine {
 public:
  Machine(const Judge& judge, TicketClocks& ticket, const TicketInput& input, Happenings& out)
      : judge_(judge), ticket_(ticket), input_(input), now_(input.at()), out_(out) {}

  void Run() {
    reopened_ = Finished(ticket_.facts().state());
    ChangeFacts(input_, *ticket_.mutable_facts());
    reopened_ &= !Finished(ticket_.facts().state());
    *ticket_.add_inputs() = input_;
    for (const v1::Metric metric : kMetrics) Step(metric);
  }

 private:
  static bool Finished(tickets::v1::State state) {
    return state == tickets::v1::STATE_RESOLVED || state == tickets::v1::STATE_CLOSED;
  }

  Demand DemandFor(v1::Metric metric, int target) const {
    return DemandOf(metric, judge_.policy->targets(target), ticket_.facts());
  }

  ClockRecord* Find(v1::Metric metric) {
    for (ClockRecord& clock : *ticket_.mutable_clocks()) {
      if (clock.metric() == metric) return &clock;
    }
    return nullptr;
  }

  void Step(v1::Metric metric) {
    const int match = MatchTarget(*judge_.policy, metric, ticket_.facts());
    ClockRecord* clock = Find(metric);
    if (clock == nullptr) {
      if (match >= 0 && DemandFor(metric, match) != Demand::kCancel) Attach(metric, match);
      return;
    }
    switch (clock->state()) {
      case v1::CLOCK_STATE_STOPPED:
        if (DemandFor(metric, clock->target()) != Demand::kStop) TakeUp(*clock, match);
        return;
      case v1::CLOCK_STATE_CANCELLED:
        TakeUp(*clock, match);
        return;
      default:
        Go(*clock, match);
    }
  }

  // A clock that counts or is paused.
  void Go(ClockRecord& clock, int match) {
    const Demand demand = DemandFor(clock.metric(), clock.target());
    if (demand == Demand::kStop) {
      Stop(clock, now_);
    } else if (demand == Demand::kCancel || match < 0) {
      Cancel(clock);
    } else if (match != clock.target()) {
      if (clock.state() == v1::CLOCK_STATE_RUNNING) EndSegment(clock, now_);
      BeginLeg(clock, match);
      Enter(clock, {DemandFor(clock.metric(), match), now_}, Kind::kRetargeted);
    } else if (demand == Demand::kPause && clock.state() == v1::CLOCK_STATE_RUNNING) {
      EndSegment(clock, now_);
      clock.set_state(v1::CLOCK_STATE_PAUSED);
      Tell(Kind::kPaused, now_, clock);
    } else if (demand == Demand::kRun && clock.state() == v1::CLOCK_STATE_PAUSED) {
      BeginSegment(clock, now_);
      Tell(Kind::kResumed, now_, clock);
    }
  }

  void Attach(v1::Metric metric, int target) {
    ClockRecord* clock = ticket_.add_clocks();
    clock->set_metric(metric);
    clock->set_cycle(1);
    clock->set_started_at(ticket_.opened_at());
    BeginLeg(*clock, target);
    clock->set_leg_started_at(ticket_.opened_at());
    const Found found = CountPast(*clock, ticket_.opened_at());
    Enter(*clock, found, Kind::kAttached);
    SortClocks();
  }

  // A stopped or cancelled clock goes on: a reopened ticket, or a target that selects it again. The
  // ticket's history since the end says what counts: the gap after a resolution does not.
  void TakeUp(ClockRecord& clock, int match) {
    if (match < 0 || DemandFor(clock.metric(), match) == Demand::kCancel) return;
    if (match != clock.target()) BeginLeg(clock, match);
    const Found found = CountPast(clock, clock.ended_at());
    Enter(clock, found, Kind::kRetargeted);
  }

  // Counts the ticket's inputs since `since` under the clock's target, as if it had had it then.
  Found CountPast(ClockRecord& clock, int64_t since) {
    const v1::Target& target = judge_.policy->targets(clock.target());
    state::v1::Facts facts;
    Found found{Demand::kCancel, since};
    for (int i = 0; i < ticket_.inputs_size(); ++i) {
      ChangeFacts(ticket_.inputs(i), facts);
      const Demand demand = DemandOf(clock.metric(), target, facts);
      if (demand != found.demand) found = {demand, ticket_.inputs(i).at()};
      const int64_t from = std::max(ticket_.inputs(i).at(), since);
      const int64_t to = i + 1 < ticket_.inputs_size() ? ticket_.inputs(i + 1).at() : now_;
      if (demand != Demand::kRun || from >= to) continue;
      AddSegment(clock, from, to);
      clock.set_counted(clock.counted() + CountedTime(judge_, clock.target(), from, to));
    }
    clock.set_elapsed(clock.counted());
    return found;
  }

  // A finished segment; one that goes on where the last ended is the same segment.
  static void AddSegment(ClockRecord& clock, int64_t from, int64_t to) {
    Segment* last =
        clock.segments_size() > 0 ? clock.mutable_segments(clock.segments_size() - 1) : nullptr;
    if (last == nullptr || last->to() != from || last->target() != clock.target()) {
      last = clock.add_segments();
      last->set_from(from);
      last->set_target(clock.target());
    }
    last->set_to(to);
  }

  // Puts a clock whose leg and finished segments are known to work, and tells what had been crossed
  // before.
  void Enter(ClockRecord& clock, const Found& found, Kind kind) {
    clock.clear_ended_at();
    clock.clear_verdict();
    std::optional<int64_t> crossed;
    if (BreachOf(clock, clock.leg()) == nullptr) {
      crossed = Crossing(judge_, clock.segments(), clock.allowed());
    }
    const std::vector<std::pair<int, int64_t>> skipped = SkippedThresholds(clock);
    if (found.demand == Demand::kPause) {
      clock.set_state(v1::CLOCK_STATE_PAUSED);
    } else {
      BeginSegment(clock, found.demand == Demand::kStop ? found.since : now_);
      if (crossed) {
        clock.set_due(*crossed);
        clock.clear_pending_due();
      }
    }
    Tell(kind, kind == Kind::kAttached ? clock.started_at() : now_, clock);
    for (const auto& [percent, at] : skipped) Skip(clock, percent, at);
    if (crossed) BreachOnAttach(clock, *crossed);
    if (found.demand == Demand::kStop) Stop(clock, found.since);
  }

  // Thresholds of the leg that were crossed before now and not told yet.
  std::vector<std::pair<int, int64_t>> SkippedThresholds(const ClockRecord& clock) const {
    std::vector<std::pair<int, int64_t>> skipped;
    for (const int percent : judge_.policy->targets(clock.target()).warn_percent()) {
      if (Fired(clock, percent)) continue;
      const std::optional<int64_t> at =
          Crossing(judge_, clock.segments(), ThresholdTime(clock.allowed(), percent));
      if (at) skipped.emplace_back(percent, *at);
    }
    return skipped;
  }

  void Skip(ClockRecord& clock, int percent, int64_t at) {
    state::v1::FiredWarning* fired = clock.add_fired();
    fired->set_leg(clock.leg());
    fired->set_percent(percent);
    auto* pending = clock.mutable_pending();
    pending->erase(
        std::remove_if(pending->begin(), pending->end(),
                       [&](const auto& warning) { return warning.percent() == percent; }),
        pending->end());
    if (IsAnnounced(ticket_, clock.metric(), clock.leg(), percent)) return;
    Happening& told = Tell(Kind::kWarned, at, clock);
    told.leg = clock.leg();
    told.percent = percent;
    told.skipped = true;
  }

  void BreachOnAttach(ClockRecord& clock, int64_t crossed) {
    state::v1::StandingBreach* breach = clock.add_breaches();
    breach->set_leg(clock.leg());
    breach->set_due(crossed);
    Happening& told = Tell(Kind::kBreached, now_, clock);
    told.leg = clock.leg();
    told.due = crossed;
    told.on_attach = true;
  }

  static bool Fired(const ClockRecord& clock, int percent) {
    return std::any_of(clock.fired().begin(), clock.fired().end(), [&](const auto& fired) {
      return fired.leg() == clock.leg() && fired.percent() == percent;
    });
  }

  void BeginLeg(ClockRecord& clock, int match) {
    const v1::Target& target = judge_.policy->targets(match);
    const bool business = judge_.hours[match].calendar != nullptr;
    clock.set_leg(clock.leg() + 1);
    clock.set_leg_started_at(now_);
    clock.set_priority(ticket_.facts().priority());
    clock.set_target(match);
    clock.set_target_id(target.target_id());
    clock.set_allowed(AllowedTime(target));
    clock.set_calendar_id(business ? target.calendar_id() : "");
    clock.set_calendar_version(judge_.hours[match].version);
    clock.clear_due();
  }

  void BeginSegment(ClockRecord& clock, int64_t at) {
    clock.set_state(v1::CLOCK_STATE_RUNNING);
    Segment* segment = clock.add_segments();
    segment->set_from(at);
    segment->set_target(clock.target());
    if (const state::v1::StandingBreach* breach = BreachOf(clock, clock.leg())) {
      clock.set_due(breach->due());
      return;
    }
    const auto due = Deadline(judge_, clock.target(), at, clock.allowed() - clock.counted());
    if (due) {
      clock.set_due(*due);
      clock.set_pending_due(*due);
    }
    for (const int percent : judge_.policy->targets(clock.target()).warn_percent()) {
      if (Fired(clock, percent)) continue;
      const int64_t left = ThresholdTime(clock.allowed(), percent) - clock.counted();
      if (const auto crossing = Deadline(judge_, clock.target(), at, left)) {
        state::v1::PendingWarning* warning = clock.add_pending();
        warning->set_percent(percent);
        warning->set_at(*crossing);
      }
    }
  }

  void EndSegment(ClockRecord& clock, int64_t at) {
    Segment* segment = clock.mutable_segments(clock.segments_size() - 1);
    segment->set_to(at);
    clock.set_counted(clock.counted() +
                      CountedTime(judge_, segment->target(), segment->from(), at));
    clock.set_elapsed(clock.counted());
    if (segment->from() == at) clock.mutable_segments()->RemoveLast();
    clock.clear_pending();
    clock.clear_pending_due();
    clock.clear_due();
  }

  // The verdict compares instants. A paused clock is taken up first: its deadline lies the
  // remainder ahead.
  void Stop(ClockRecord& clock, int64_t at) {
    if (clock.state() == v1::CLOCK_STATE_PAUSED) BeginSegment(clock, at);
    const std::optional<int64_t> due =
        clock.has_due() ? std::optional<int64_t>(clock.due()) : std::nullopt;
    EndSegment(clock, at);
    if (due) clock.set_due(*due);
    clock.set_state(v1::CLOCK_STATE_STOPPED);
    clock.set_ended_at(at);
    clock.set_verdict(due && at > *due ? v1::VERDICT_MISSED : v1::VERDICT_MET);
    const bool restated = clock.judged();
    clock.set_judged(true);
    Tell(Kind::kStopped, at, clock).restated = restated;
  }

  void Cancel(ClockRecord& clock) {
    if (clock.state() == v1::CLOCK_STATE_RUNNING) EndSegment(clock, now_);
    clock.set_state(v1::CLOCK_STATE_CANCELLED);
    clock.set_ended_at(now_);
    Tell(Kind::kCancelled, now_, clock);
  }

  std::string Cause() const {
    if (reopened_) return "reopen";
    if (input_.has_priority()) return "priority";
    if (input_.has_category()) return "category";
    return input_.has_site() ? "site" : "rematch";
  }

  Happening& Tell(Kind kind, int64_t at, const ClockRecord& clock) {
    out_.push_back({.kind = kind, .at = at, .clock = clock});
    if (kind == Kind::kRetargeted) out_.back().cause = Cause();
    return out_.back();
  }

  void SortClocks() {
    std::sort(ticket_.mutable_clocks()->begin(), ticket_.mutable_clocks()->end(),
              [](const ClockRecord& a, const ClockRecord& b) { return a.metric() < b.metric(); });
  }

  const Judge& judge_;
  TicketClocks& ticket_;
  const TicketInput& input_;
  const int64_t now_;
  Happenings& out_;
  bool reopened_ = false;
};

}  // namespace

const state::v1::StandingBreach* BreachOf(const ClockRecord& clock, int leg) {
  for (const state::v1::StandingBreach& breach : clock.breaches()) {
    if (breach.leg() == leg) return &breach;
  }
  return nullptr;
}

void ApplyInOrder(const Judge& judge, TicketClocks& ticket, const TicketInput& input,
                  Happenings& out) {
  Machine(judge, ticket, input, out).Run();
}

}  // namespace watchbell::sla
