#include "services/sla/judge.h"

#include <algorithm>

#include "absl/time/time.h"
#include "common/base/proto_time.h"

namespace watchbell::sla {
namespace {

template <typename List, typename Value>
bool EmptyOrHas(const List& list, const Value& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

int MatchTarget(const v1::PolicySet& policy, v1::Metric metric, const state::v1::Facts& facts) {
  for (int i = 0; i < policy.targets_size(); ++i) {
    const v1::Target& target = policy.targets(i);
    if (target.metric() == metric &&
        EmptyOrHas(target.priorities(), static_cast<int>(facts.priority())) &&
        EmptyOrHas(target.categories(), facts.category()) &&
        EmptyOrHas(target.sites(), facts.site())) {
      return i;
    }
  }
  return -1;
}

int64_t CountedTime(const Judge& judge, int target, int64_t from, int64_t to) {
  if (to <= from) return 0;
  const BusinessCalendar* calendar = judge.hours[target].calendar.get();
  if (calendar == nullptr) return to - from;
  return absl::ToInt64Microseconds(
      calendar->Elapsed(absl::FromUnixMicros(from), absl::FromUnixMicros(to)));
}

std::optional<int64_t> Deadline(const Judge& judge, int target, int64_t start, int64_t amount) {
  if (amount <= 0) return start;
  const BusinessCalendar* calendar = judge.hours[target].calendar.get();
  if (calendar == nullptr) {
    if (absl::Microseconds(amount) > kDeadlineHorizon) return std::nullopt;
    return start + amount;
  }
  const std::optional<absl::Time> due =
      calendar->Add(absl::FromUnixMicros(start), absl::Microseconds(amount));
  if (!due) return std::nullopt;
  return absl::ToUnixMicros(*due);
}

std::optional<int64_t> Crossing(
    const Judge& judge, const google::protobuf::RepeatedPtrField<state::v1::Segment>& segments,
    int64_t amount) {
  for (const state::v1::Segment& segment : segments) {
    const std::optional<int64_t> at = Deadline(judge, segment.target(), segment.from(), amount);
    if (at && *at < segment.to()) return at;
    amount -= CountedTime(judge, segment.target(), segment.from(), segment.to());
  }
  return std::nullopt;
}

int64_t AllowedTime(const v1::Target& target) {
  return absl::ToInt64Microseconds(FromProto(target.duration()));
}

}  // namespace watchbell::sla
