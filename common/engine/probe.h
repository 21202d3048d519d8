// What an engine reports about itself; implemented over the metrics of common/runtime,
// ignored in tests.
#pragma once

#include <cstddef>

#include "absl/time/time.h"

namespace watchbell::engine {

// Called on the committer's thread.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual void Batch(size_t inputs, size_t events, absl::Duration took) {
    (void)inputs, (void)events, (void)took;
  }
  virtual void QueueDepth(size_t commands) { (void)commands; }
  virtual void TimersArmed(size_t timers) { (void)timers; }
  virtual void TimerFired(absl::Duration late) { (void)late; }
  virtual void EventApplied(absl::Duration behind) { (void)behind; }
  virtual void DeadLettered() {}
  virtual void StorageFailed() {}
};

}  // namespace watchbell::engine
