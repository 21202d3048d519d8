#include "services/sla/explain/explain_history.h"

#include <algorithm>
#include <utility>

#include "services/sla/clocks/clock_machine.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;
using state::v1::TicketInput;

Demand DemandOf(v1::ClockState state) {
  switch (state) {
    case v1::CLOCK_STATE_RUNNING:
      return Demand::kRun;
    case v1::CLOCK_STATE_PAUSED:
      return Demand::kPause;
    case v1::CLOCK_STATE_STOPPED:
      return Demand::kStop;
    case v1::CLOCK_STATE_CANCELLED:
      return Demand::kCancel;
    default:
      return Demand::kNone;
  }
}

class Recorder {
 public:
  Recorder(const Judge& judge, const ClockRecord& clock) : judge_(judge), clock_(clock) {}

  // `again` is the ticket after `input`.
  void Look(const TicketClocks& again, const TicketInput& input) {
    const int place = static_cast<int>(history_.moments.size());
    ClockMoment& moment = history_.moments.emplace_back();
    moment.at = input.at();
    moment.group = again.facts().group();
    moment.assignee = again.facts().assignee();
    moment.hold_reason = again.facts().hold_reason();
    for (const ClockRecord& clock : again.clocks()) {
      if (IsSameClock(clock, clock_)) return Look(again, clock, place);
    }
  }

  ClockHistory&& Take() { return std::move(history_); }

 private:
  void Look(const TicketClocks& again, const ClockRecord& clock, int place) {
    if (history_.chosen < 0) {
      LookBack(again, clock, place, clock.started_at());
    } else if (was_.has_ended_at() &&
               (!clock.has_ended_at() || clock.ended_at() != was_.ended_at() ||
                clock.leg() != was_.leg())) {
      LookBack(again, clock, place, was_.ended_at());
    }
    if (clock.leg() != was_.leg()) history_.chosen = place;
    Note(place, DemandOf(clock.state()), clock);
    NoteLegs(clock, again.inputs(place).at());
    was_ = clock;
  }

  // It was attached late, or taken up again: since then its target's own conditions say where it
  // stood, as far as they are of one cycle. Time that stays without it stays with the target it
  // had.
  void LookBack(const TicketClocks& again, const ClockRecord& clock, int place, int64_t since) {
    const auto course_over = [&](const google::protobuf::RepeatedPtrField<TicketInput>& inputs) {
      return CourseOfClock(judge_, clock, clock.target(), inputs);
    };
    since = std::max(since, course_over(again.inputs()).started_at);
    google::protobuf::RepeatedPtrField<TicketInput> heard;
    for (int i = 0; i < place; ++i) {
      *heard.Add() = again.inputs(i);
      if (again.inputs(i).at() < since) continue;
      const Course course = course_over(heard);
      const ClockMoment was = history_.moments[static_cast<size_t>(i)];
      Note(i, course.demand, clock);
      const bool goes = course.demand == Demand::kRun || course.demand == Demand::kPause;
      if (goes || history_.chosen < 0) continue;
      history_.moments[static_cast<size_t>(i)].target = was.target;
      history_.moments[static_cast<size_t>(i)].leg = was.leg;
    }
  }

  void Note(int place, Demand demand, const ClockRecord& clock) {
    ClockMoment& moment = history_.moments[static_cast<size_t>(place)];
    moment.demand = demand;
    moment.cause = place;
    moment.target = clock.target();
    moment.leg = clock.leg();
    if (place == 0) return;
    const ClockMoment& before = history_.moments[static_cast<size_t>(place) - 1];
    if (before.demand == demand) moment.cause = before.cause;
  }

  // Segments that are new, or were begun anew at this very instant, belong to the present leg.
  void NoteLegs(const ClockRecord& clock, int64_t at) {
    const size_t known = history_.legs.size();
    history_.legs.resize(static_cast<size_t>(clock.segments_size()));
    for (size_t i = history_.legs.size(); i-- > 0;) {
      if (i < known && clock.segments(static_cast<int>(i)).from() < at) return;
      history_.legs[i] = clock.leg();
    }
  }

  const Judge& judge_;
  const ClockRecord& clock_;
  ClockHistory history_;
  ClockRecord was_;  // after the input before
};

}  // namespace

const ClockMoment& ClockHistory::At(int64_t time) const {
  const auto after = std::upper_bound(
      moments.begin(), moments.end(), time,
      [](int64_t instant, const ClockMoment& moment) { return instant < moment.at; });
  return after == moments.begin() ? *after : *(after - 1);
}

ClockHistory HistoryOf(const Judge& judge, const TicketClocks& ticket, const ClockRecord& clock) {
  Recorder recorder(judge, clock);
  TicketClocks again;
  again.set_opened_at(ticket.opened_at());
  for (const TicketInput& input : ticket.inputs()) {
    Happenings unheard;
    Settle(again, input.at(), unheard);
    ApplyInOrder(judge, again, input, unheard);
    recorder.Look(again, input);
  }
  ClockHistory history = recorder.Take();
  history.legs.resize(static_cast<size_t>(clock.segments_size()), clock.leg());
  return history;
}

}  // namespace watchbell::sla
