#include "services/sla/clocks/course.h"

#include <optional>
#include <utility>

#include "services/sla/clocks/ticket_inputs.h"

namespace watchbell::sla {
namespace {

using state::v1::Facts;
using state::v1::TicketInput;

class Walk {
 public:
  Walk(const Rules& rules, v1::ReopenMode on_reopen, std::optional<int64_t> begun_at)
      : rules_(rules), on_reopen_(on_reopen), begun_at_(begun_at) {}

  Course Over(const google::protobuf::RepeatedPtrField<TicketInput>& inputs) {
    for (const TicketInput& input : inputs) Take(input);
    if (begun_at_) BeginAsTold();
    return std::move(course_);
  }

 private:
  void Take(const TicketInput& input) {
    if (begun_at_ && input.at() > *begun_at_) BeginAsTold();
    course_.begins = false;
    before_ = {IsFinished(*facts_), rules_.repeats && rules_.start.Holds(QuietMoment(*facts_))};
    Learn(input.change());
    at_ = input.at();
    if (begun_at_) return;
    if (course_.demand == Demand::kRun) RunUpTo(at_);
    const Moment moment = MomentOf(*facts_, input);
    switch (course_.demand) {
      case Demand::kNone:
        if (rules_.start.Holds(moment) && !rules_.cancel.Holds(moment)) Begin(moment);
        return;
      case Demand::kRun:
      case Demand::kPause:
        return Go(moment);
      case Demand::kStop:
        return AfterStop(moment);
      case Demand::kCancel:
        return AfterCancel(moment);
    }
  }

  // After all that happened at that instant.
  void BeginAsTold() {
    at_ = *begun_at_;
    begun_at_.reset();
    Begin(QuietMoment(*facts_));
    course_.begins = false;
  }

  // The first input brings all facts; many a course needs no other, and no copy of them.
  void Learn(const Facts& change) {
    if (facts_ == &Facts::default_instance()) {
      facts_ = &change;
      return;
    }
    if (!merged_) facts_ = &merged_.emplace(*facts_);
    merged_->MergeFrom(change);
  }

  void RunUpTo(int64_t at) {
    Course::Stretch& last = course_.stretches.back();
    last.to = at;
  }

  void Become(Demand demand) {
    if (course_.demand == Demand::kRun && course_.stretches.back().from == at_) {
      course_.stretches.pop_back();
    }
    course_.demand = demand;
    course_.since = at_;
    if (demand == Demand::kRun) course_.stretches.push_back({at_, at_});
  }

  void Begin(const Moment& moment) {
    course_ = Course();
    course_.started_at = at_;
    course_.begins = true;
    Enter(moment);
  }
  void MaybeBeginAgain(const Moment& moment) {
    if (!rules_.stop.Holds(moment) && !rules_.cancel.Holds(moment)) Begin(moment);
  }
  bool Reopened() const { return before_.finished && !IsFinished(*facts_); }
  // The start of what repeats comes to hold.
  bool Starts(const Moment& moment) const {
    return !before_.start_held && rules_.start.Holds(moment);
  }

  // It counts from here, unless what ends or pauses it holds already.
  void Enter(const Moment& moment) {
    Become(rules_.stop.Holds(moment)    ? Demand::kStop
           : rules_.pause.Holds(moment) ? Demand::kPause
                                        : Demand::kRun);
  }

  void Go(const Moment& moment) {
    if (rules_.stop.Holds(moment)) return Become(Demand::kStop);
    if (rules_.reset.Holds(moment)) {
      Become(Demand::kStop);
      if (rules_.start.Holds(moment)) MaybeBeginAgain(moment);
      return;
    }
    if (rules_.cancel.Holds(moment)) return Become(Demand::kCancel);
    const bool paused = course_.demand == Demand::kPause;
    if (rules_.pause.Holds(moment)) {
      if (!paused) Become(Demand::kPause);
    } else if (paused && Resumes(rules_, moment)) {
      Become(Demand::kRun);
    }
  }

  void AfterCancel(const Moment& moment) {
    if (rules_.repeats) {
      if (Starts(moment)) MaybeBeginAgain(moment);
      return;
    }
    const bool may = Reopened() || !rules_.cancel.AsksForEvent();
    if (may && !rules_.cancel.Holds(moment)) Enter(moment);
  }

  void AfterStop(const Moment& moment) {
    if (rules_.repeats) {
      if (Starts(moment)) MaybeBeginAgain(moment);
      return;
    }
    if (!Reopened() || rules_.stop.Holds(moment)) return;
    if (on_reopen_ == v1::REOPEN_MODE_NEW_CYCLE) return Begin(moment);
    if (on_reopen_ == v1::REOPEN_MODE_FROM_CREATION && course_.since < at_) {
      course_.stretches.push_back({course_.since, at_});
    }
    Enter(moment);
  }

  const Rules& rules_;
  const v1::ReopenMode on_reopen_;
  std::optional<int64_t> begun_at_;  // what was before is not asked for; unset once it has
  Course course_;
  struct {
    bool finished = false;
    bool start_held = false;                         // of what repeats
  } before_;                                         // the input
  const Facts* facts_ = &Facts::default_instance();  // now
  std::optional<Facts> merged_;
  int64_t at_ = 0;
};

}  // namespace

Course CourseOf(const Rules& rules, v1::ReopenMode on_reopen,
                const google::protobuf::RepeatedPtrField<TicketInput>& inputs) {
  return Walk(rules, on_reopen, std::nullopt).Over(inputs);
}

Course CourseOfClock(const Judge& judge, const state::v1::ClockRecord& clock, int target,
                     const google::protobuf::RepeatedPtrField<TicketInput>& inputs) {
  const Rules& rules = judge.rules(target);
  std::optional<int64_t> begun_at;
  if (rules.repeats) begun_at = clock.started_at();
  return Walk(rules, judge.target(target).on_reopen(), begun_at).Over(inputs);
}

}  // namespace watchbell::sla
