#include "services/sla/clocks/waiver.h"

#include <algorithm>

#include "absl/time/time.h"
#include "common/base/proto_time.h"

namespace watchbell::sla {

int64_t Overrun(const state::v1::ClockRecord& clock) {
  return std::max<int64_t>(0, clock.elapsed() - clock.allowed());
}

v1::Verdict EffectiveVerdict(const state::v1::ClockRecord& clock) {
  const bool excused = clock.verdict() == v1::VERDICT_MISSED && clock.has_waiver() &&
                       Overrun(clock) <= clock.waiver().excused();
  return excused ? v1::VERDICT_MET : clock.verdict();
}

v1::Waiver ToWaiver(const state::v1::Waiver& waiver) {
  v1::Waiver shown;
  *shown.mutable_excused() = ToProto(absl::Microseconds(waiver.excused()));
  shown.set_reason(waiver.reason());
  shown.set_approved_by(waiver.by());
  *shown.mutable_approved_at() = ToProto(absl::FromUnixMicros(waiver.at()));
  return shown;
}

}  // namespace watchbell::sla
