#include "services/sla/clocks/course.h"

#include <optional>

#include "services/sla/clocks/ticket_inputs.h"

namespace watchbell::sla {
namespace {

using state::v1::Facts;
using state::v1::TicketInput;

class Walk {
 public:
  Walk(const Rules& rules, v1::ReopenMode on_reopen) : rules_(rules), on_reopen_(on_reopen) {}

  void Take(const TicketInput& input) {
    before_ = {IsFinished(*facts_), rules_.repeats && rules_.start.Holds(QuietMoment(*facts_))};
    Learn(input.change());
    at_ = input.at();
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

  Course course_;

 private:
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
  Walk walk(rules, on_reopen);
  for (const TicketInput& input : inputs) walk.Take(input);
  return std::move(walk.course_);
}

}  // namespace watchbell::sla
