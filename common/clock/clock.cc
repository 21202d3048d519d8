#include "common/clock/clock.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"

namespace watchbell {
namespace {

absl::Time ToMicros(absl::Time t) { return absl::FromUnixMicros(absl::ToUnixMicros(t)); }

}  // namespace

absl::Time SystemClock::Now() { return ToMicros(absl::Now()); }

absl::Duration SystemClock::Steady() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

void SystemClock::WaitUntil(Mutex& mu, CondVar& cv, absl::Time deadline) {
  if (deadline == absl::InfiniteFuture()) {
    cv.Wait(mu);
    return;
  }
  // A bounded nap, so that a step of the wall clock is noticed.
  const absl::Duration left =
      std::clamp(deadline - absl::Now(), absl::ZeroDuration(), absl::Minutes(1));
  cv.WaitUntil(mu, std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(left));
}

absl::Time FakeClock::Now() {
  MutexLock lock(mu_);
  return now_;
}

absl::Duration FakeClock::Steady() {
  MutexLock lock(mu_);
  return steady_;
}

void FakeClock::WaitUntil(Mutex&, CondVar&, absl::Time) {}

void FakeClock::Set(absl::Time now) {
  MutexLock lock(mu_);
  now_ = ToMicros(now);
}

void FakeClock::Advance(absl::Duration by) {
  MutexLock lock(mu_);
  now_ = ToMicros(now_ + by);
  steady_ += std::max(by, absl::ZeroDuration());
}

}  // namespace watchbell
