// Ratios and distributions as the API shows them. Exact: integer sums, percentiles by linear
// interpolation (R type 7).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::analytics {

// Numerator, denominator, rate and Wilson 95 % interval (z = 1.959963984540054); none if the
// denominator is 0.
std::optional<v1::Ratio> MakeRatio(int64_t numerator, int64_t denominator);

// R type 7: the value at rank (n-1) * percent / 100, interpolated. `sorted` is ascending and not
// empty.
double Percentile(absl::Span<const int64_t> sorted, int percent);

// Collects durations between two instants in microseconds. Whole seconds, rounded down; negative
// ones are 0 and stay in.
class Durations {
 public:
  void Add(int64_t from, int64_t to);
  bool empty() const { return seconds_.empty(); }
  // None if empty.
  std::optional<v1::DurationStats> Stats() const;

 private:
  std::vector<int64_t> seconds_;
};

}  // namespace watchbell::analytics
