#include "common/clock/clock.h"

#include <thread>

#include "absl/time/clock.h"

#include "gtest/gtest.h"

namespace watchbell {
namespace {

bool IsWholeMicros(absl::Time t) { return absl::FromUnixMicros(absl::ToUnixMicros(t)) == t; }

TEST(SystemClockTest, TellsTheTimeInMicroseconds) {
  SystemClock clock;
  const absl::Time before = absl::Now() - absl::Microseconds(1);
  const absl::Time now = clock.Now();
  EXPECT_TRUE(IsWholeMicros(now));
  EXPECT_GE(now, before);
  EXPECT_LE(now, absl::Now());
}

TEST(SystemClockTest, AWaitEndsAtItsDeadline) {
  SystemClock clock;
  Mutex mu;
  CondVar cv;
  const absl::Time deadline = clock.Now() + absl::Milliseconds(5);
  {
    MutexLock lock(mu);
    while (clock.Now() < deadline) clock.WaitUntil(mu, cv, deadline);
  }
  EXPECT_GE(clock.Now(), deadline);
}

TEST(SystemClockTest, AWaitForADeadlinePassedReturns) {
  SystemClock clock;
  Mutex mu;
  CondVar cv;
  MutexLock lock(mu);
  clock.WaitUntil(mu, cv, absl::InfinitePast());
  clock.WaitUntil(mu, cv, clock.Now() - absl::Hours(1));
}

TEST(SystemClockTest, AWaitWithoutDeadlineEndsWhenNotified) {
  SystemClock clock;
  Mutex mu;
  CondVar cv;
  bool told = false;
  std::thread teller([&] {
    MutexLock lock(mu);
    told = true;
    cv.NotifyAll();
  });
  {
    MutexLock lock(mu);
    while (!told) clock.WaitUntil(mu, cv, absl::InfiniteFuture());
  }
  teller.join();
  EXPECT_TRUE(told);
}

TEST(FakeClockTest, StandsStillUntilTold) {
  const absl::Time start = absl::FromUnixSeconds(1'767'225'600);
  FakeClock clock(start);
  Mutex mu;
  CondVar cv;
  {
    MutexLock lock(mu);
    clock.WaitUntil(mu, cv, start + absl::Hours(1));  // returns at once
  }
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(absl::Seconds(90));
  EXPECT_EQ(clock.Now(), start + absl::Seconds(90));
  clock.Set(start - absl::Hours(1));
  EXPECT_EQ(clock.Now(), start - absl::Hours(1));
}

TEST(FakeClockTest, TruncatesToMicroseconds) {
  FakeClock clock(absl::UnixEpoch());
  clock.Set(absl::UnixEpoch() + absl::Nanoseconds(1'999));
  EXPECT_EQ(clock.Now(), absl::FromUnixMicros(1));
  clock.Advance(absl::Nanoseconds(1'500));
  EXPECT_TRUE(IsWholeMicros(clock.Now()));
}

}  // namespace
}  // namespace watchbell
