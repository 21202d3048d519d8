// Due timers wait at their gate until what was recorded before their due time has been applied.
// Internal to the engine.
#pragma once

#include <map>

#include "absl/time/time.h"
#include "common/engine/engine.h"
#include "common/engine/input.h"
#include "common/engine/intake.h"

namespace watchbell::engine {

// Which due timers may fire (semantics: the gate). Belongs to the committer.
class Gate {
 public:
  Gate(const Options& options, EventIntake& intake) : options_(options), intake_(intake) {}

  enum class Verdict { kFire, kFireUngated, kWait };
  // For a timer due before `now`. While it waits, the producers may be asked through the intake.
  Verdict Check(const TimerKey& key, absl::Time due, absl::Time now);
  // When a timer that was told to wait is to be looked at again.
  absl::Time Recheck(const TimerKey& key, absl::Time due, absl::Time now) const;
  void Forget(const TimerKey& key) { waiting_.erase(key); }
  // Storage was away, or very slow: what the producers said meanwhile proves nothing, and nobody
  // has waited for them.
  void ForgetAll() { waiting_.clear(); }
  void CloseShard(int shard);

 private:
  struct Waiting {
    // When it was found due. It may have been so for long, when it was armed or when the process
    // started: it waits as long as any other for what precedes it, and what was known earlier of
    // the producers (one was silent while the database they share was away) is not enough.
    absl::Time since;
    bool asked = false;
  };

  const Options& options_;
  EventIntake& intake_;
  std::map<TimerKey, Waiting> waiting_;
};

}  // namespace watchbell::engine
