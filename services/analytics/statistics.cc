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
  // In doubles throughout, as statistics packages do: where a figure falls on a rounding tie, it
  // must fall on the same side as theirs.
  const double rank = static_cast<double>(sorted.size() - 1) * (percent / 100.0);
  const double below = std::floor(rank);
  const size_t index = static_cast<size_t>(below);
  const double low = static_cast<double>(sorted[index]);
  if (index + 1 == sorted.size()) return low;
  return low + (static_cast<double>(sorted[index + 1]) - low) * (rank - below);
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
