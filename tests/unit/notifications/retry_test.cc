#include "services/notifications/retry.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace watchbell::notifications {
namespace {

TEST(RetryDelay, GrowsThreefoldUpToTenMinutes) {
  const int full_s[] = {5, 15, 45, 135, 405, 600, 600, 600};
  for (int attempt = 1; attempt <= 8; ++attempt) {
    const absl::Duration full = absl::Seconds(full_s[attempt - 1]);
    for (const char* id : {"inc-1/run/1/1/1/ana/email1", "inc-2/run/1/1/1/bob/webhook1", ""}) {
      const absl::Duration delay = RetryDelay(id, attempt);
      EXPECT_LE(delay, full) << attempt;
      EXPECT_GE(delay, full * 4 / 5) << attempt;
      EXPECT_EQ(delay, RetryDelay(id, attempt));
    }
  }
  EXPECT_LE(RetryDelay("x", 1'000'000), absl::Minutes(10));
}

TEST(RetryDelay, SpreadsWhatFailedTogether) {
  std::set<absl::Duration> delays;
  for (int i = 0; i < 100; ++i) delays.insert(RetryDelay(absl::StrCat("inc-", i, "/email1"), 1));
  EXPECT_GT(delays.size(), 80u);
}

}  // namespace
}  // namespace watchbell::notifications
