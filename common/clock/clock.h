// The only way production code reads or waits for time.
#pragma once

#include "absl/time/time.h"
#include "common/base/mutex.h"

namespace watchbell {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // UTC now, truncated to microseconds: the resolution of everything stored.
  virtual absl::Time Now() = 0;

  // Time since some fixed moment; never goes back, whatever is done to the clock. For measuring how
  // long something took or was seen.
  virtual absl::Duration Steady() = 0;

  // Waits on `cv` until notified or `deadline` has come; `mu` must be held and is held again on
  // return. May wake early.
  virtual void WaitUntil(Mutex& mu, CondVar& cv, absl::Time deadline) = 0;
};

// The machine's clock.
class SystemClock : public Clock {
 public:
  absl::Time Now() override;
  absl::Duration Steady() override;
  void WaitUntil(Mutex& mu, CondVar& cv, absl::Time deadline) override;
};

// A clock that stands still until told. For stories and simulation, which step loops by RunOnce()
// and never wait.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time start) : now_(start) {}
  absl::Time Now() override;
  absl::Duration Steady() override;
  // Returns at once: nothing that runs under a FakeClock may wait for it.
  void WaitUntil(Mutex& mu, CondVar& cv, absl::Time deadline) override;
  // May go back: clocks do.
  void Set(absl::Time now);
  void Advance(absl::Duration by);

 private:
  Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_);
  absl::Duration steady_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell
