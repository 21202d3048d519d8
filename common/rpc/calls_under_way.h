// How many calls a server is working on: what its drain waits for. Connections do not count, an
// idle client must not hold a stop up.
#pragma once

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/clock/clock.h"

namespace watchbell::rpc {

// Thread-safe.
class CallsUnderWay {
 public:
  // False, and nothing is counted, after Close. Otherwise Ended follows.
  bool Begin() {
    MutexLock lock(mu_);
    if (closed_) return false;
    ++count_;
    return true;
  }
  void Ended() {
    MutexLock lock(mu_);
    if (--count_ == 0) none_.NotifyAll();
  }
  void Close() {
    MutexLock lock(mu_);
    closed_ = true;
  }
  // Until there are none, or `deadline`.
  void AwaitNone(Clock& clock, absl::Time deadline) {
    MutexLock lock(mu_);
    while (count_ > 0 && clock.Now() < deadline) clock.WaitUntil(mu_, none_, deadline);
  }

 private:
  Mutex mu_;
  CondVar none_;
  int count_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace watchbell::rpc
