#include "services/analytics/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace watchbell::analytics {
namespace {

constexpr double kZ95 = 1.959963984540054;
constexpr int64_t kMicrosPerSecond = 1'000'000;

}  // namespace

std::optional<v1::Ratio> MakeRatio(int64_t numerator, int64_t denominator) {
  if (denominator <= 0) return std::nullopt;
  const double n = static_cast<double>(denominator);
  const double p = static_cast<double>(numerator) / n;
  const double z2 = kZ95 * kZ95;
  const double scale = 1 + z2 / n;
  const double centre = (p + z2 / (2 * n)) / scale;
  const double half = kZ95 * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / scale;
  v1::Ratio ratio;
  ratio.set_numerator(numerator);
  ratio.set_denominator(denominator);
  ratio.set_rate(p);
  // At the ends the bound is 0 or 1 exactly; arithmetic alone would miss it by a rounding error.
  ratio.set_wilson95_low(numerator == 0 ? 0 : centre - half);
  ratio.set_wilson95_high(numerator == denominator ? 1 : centre + half);
  return ratio;
}

double Percentile(absl::Span<const int64_t> sorted, int percent) {
  // The rank in hundredths, so that no fraction is lost before the interpolation.
  const size_t rank = (sorted.size() - 1) * static_cast<size_t>(percent);
  const size_t below = rank / 100;
  const size_t hundredths = rank % 100;
  if (hundredths == 0) return static_cast<double>(sorted[below]);
  const int64_t step = sorted[below + 1] - sorted[below];
  const int64_t scaled = sorted[below] * 100 + step * static_cast<int64_t>(hundredths);
  return static_cast<double>(scaled) / 100;
}

void Durations::Add(int64_t from, int64_t to) {
  seconds_.push_back(std::max<int64_t>(0, to - from) / kMicrosPerSecond);
}

std::optional<v1::DurationStats> Durations::Stats() const {
  if (seconds_.empty()) return std::nullopt;
  std::vector<int64_t> sorted = seconds_;
  std::sort(sorted.begin(), sorted.end());
  v1::DurationStats stats;
  stats.set_count(static_cast<int64_t>(sorted.size()));
  stats.set_sum_seconds(std::accumulate(sorted.begin(), sorted.end(), int64_t{0}));
  stats.set_p50_seconds(Percentile(sorted, 50));
  stats.set_p75_seconds(Percentile(sorted, 75));
  stats.set_p90_seconds(Percentile(sorted, 90));
  stats.set_p95_seconds(Percentile(sorted, 95));
  stats.set_p99_seconds(Percentile(sorted, 99));
  stats.set_max_seconds(sorted.back());
  return stats;
}

}  // namespace watchbell::analytics
