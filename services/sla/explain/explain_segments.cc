#include "services/sla/explain/explain_segments.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "common/time/hours_described.h"
#include "services/sla/clocks/clock_view.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;

v1::ClockSegmentKind KindOf(HoursKind kind) {
  switch (kind) {
    case HoursKind::kOpen:
      return v1::CLOCK_SEGMENT_KIND_COUNTED;
    case HoursKind::kHoliday:
      return v1::CLOCK_SEGMENT_KIND_HOLIDAY;
    case HoursKind::kOverride:
      return v1::CLOCK_SEGMENT_KIND_OVERRIDE;
    case HoursKind::kBreak:
      return v1::CLOCK_SEGMENT_KIND_BREAK;
    case HoursKind::kOutside:
      break;
  }
  return v1::CLOCK_SEGMENT_KIND_OUTSIDE_HOURS;
}

bool SameFacts(const ClockMoment& a, const ClockMoment& b) {
  return a.group == b.group && a.assignee == b.assignee && a.hold_reason == b.hold_reason;
}

bool Alike(const ClockStretch& a, const ClockStretch& b) {
  return a.kind == b.kind && a.holiday == b.holiday && a.cause == b.cause && a.target == b.target &&
         a.leg == b.leg && a.set_aside == b.set_aside && a.expected == b.expected &&
         SameFacts(*a.moment, *b.moment);
}

class Describing {
 public:
  Describing(const Judge& judge, const ClockRecord& clock, const ClockHistory& history,
             int64_t as_of)
      : judge_(judge), clock_(clock), history_(history), as_of_(as_of), due_(ShownDue(clock)) {
    for (const ClockMoment& moment : history.moments) cuts_.push_back(moment.at);
    cuts_.push_back(as_of);
    if (due_) cuts_.push_back(*due_);
    std::sort(cuts_.begin(), cuts_.end());
  }

  std::vector<ClockStretch> Run() {
    int64_t reached = clock_.started_at();
    const int64_t end = End();
    for (int i = 0; i < clock_.segments_size(); ++i) {
      const state::v1::Segment& segment = clock_.segments(i);
      const bool goes_on =
          clock_.state() == v1::CLOCK_STATE_RUNNING && i + 1 == clock_.segments_size();
      const int64_t to = goes_on ? end : segment.to();
      AddGap(reached, segment.from());
      AddRun(i, to);
      reached = std::max(reached, to);
    }
    AddGap(reached, end);
    return std::move(stretches_);
  }

 private:
  int64_t End() const {
    if (IsOpen(clock_)) return due_ ? std::max(as_of_, *due_) : as_of_;
    const int count = clock_.segments_size();
    return count == 0 ? clock_.ended_at()
                      : std::max(clock_.ended_at(), clock_.segments(count - 1).to());
  }

  // The clock ran.
  void AddRun(int place, int64_t to) {
    const state::v1::Segment& segment = clock_.segments(place);
    ClockStretch run;
    run.target = segment.target();
    run.leg = history_.legs[static_cast<size_t>(place)];
    run.set_aside = place < clock_.first_segment();
    const auto calendar = HoursOf(judge_, {segment.target(), segment.time_zone()});
    if (calendar == nullptr) {
      run.kind = v1::CLOCK_SEGMENT_KIND_COUNTED;
      return Add(run, segment.from(), to);
    }
    for (HoursStretch& hours :
         DescribeHours(*calendar, absl::FromUnixMicros(segment.from()), absl::FromUnixMicros(to))) {
      run.kind = KindOf(hours.kind);
      run.holiday = std::move(hours.holiday);
      Add(run, absl::ToUnixMicros(hours.from), absl::ToUnixMicros(hours.to));
    }
  }

  // It did not: the moments say why.
  void AddGap(int64_t from, int64_t to) {
    while (from < to) {
      const ClockMoment& moment = history_.At(from);
      ClockStretch gap;
      gap.kind = moment.demand == Demand::kPause ? v1::CLOCK_SEGMENT_KIND_PAUSED
                                                 : v1::CLOCK_SEGMENT_KIND_NOT_RUNNING;
      gap.cause = moment.cause;
      gap.target = moment.target;
      gap.leg = moment.leg;
      const int64_t end = std::min(to, NextCut(from));
      Add(std::move(gap), from, end);
      from = end;
    }
  }

  int64_t NextCut(int64_t after) const {
    const auto next = std::upper_bound(cuts_.begin(), cuts_.end(), after);
    return next == cuts_.end() ? INT64_MAX : *next;
  }

  void Add(ClockStretch stretch, int64_t from, int64_t to) {
    while (from < to) {
      stretch.from = from;
      stretch.to = std::min(to, NextCut(from));
      stretch.expected = from >= as_of_;
      stretch.moment = &history_.At(from);
      from = stretch.to;
      if (!stretches_.empty() && stretch.from != due_ && Alike(stretches_.back(), stretch)) {
        stretches_.back().to = stretch.to;
      } else {
        stretches_.push_back(stretch);
      }
    }
  }

  const Judge& judge_;
  const ClockRecord& clock_;
  const ClockHistory& history_;
  const int64_t as_of_;
  const std::optional<int64_t> due_;
  std::vector<int64_t> cuts_;  // where a stretch may have to end
  std::vector<ClockStretch> stretches_;
};

}  // namespace

std::vector<ClockStretch> StretchesOf(const Judge& judge, const ClockRecord& clock,
                                      const ClockHistory& history, int64_t as_of) {
  return Describing(judge, clock, history, as_of).Run();
}

}  // namespace watchbell::sla
