// The engine's inside: what waits (intake.h), what is armed (timer_index.h), and the committer that
// turns both into transactions (batch.h). Internal to the engine.
//
// engine.cc holds what other threads call; committer.cc what only the committer's thread does.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/engine/batch.h"
#include "common/engine/engine.h"
#include "common/engine/intake.h"
#include "common/engine/timer_index.h"
#include "common/engine/working_set.h"

namespace watchbell::engine {

// What a command is told while storage does not answer.
absl::Status StorageDown(const absl::Status& why);

class Engine::Impl {
 public:
  Impl(Options options, Parts parts)
      : options_(std::move(options)),
        parts_(parts),
        classes_(parts.decider.classes()),
        queue_(options_.queue_limit),
        intake_(options_, parts_),
        gate_(options_, intake_) {}

  ~Impl() { Stop(); }

  absl::Status Open();
  absl::Status Submit(std::vector<Item> items);
  Step RunOnce();
  void Start();
  void Stop();
  void Wake();
  absl::Status Health() const;
  size_t TimerCount() const { return timer_count_.load(); }

 private:
  inline static const absl::Duration kFirstRetry = absl::Milliseconds(100);

  void Loop();
  absl::Status LoadTimers();
  // After a commit of unknown outcome: reads back what it may have changed, publishes what was not
  // published.
  absl::Status Recover();
  absl::Status Republish();
  std::vector<Item> Collect(absl::Time now, absl::Time* recheck);
  // Decides and stores these inputs, one by one if they fail together. What cannot be stored just
  // now is put back, and the error says why.
  absl::Status Run(std::vector<Item> items, absl::Time now);
  // In one transaction; on failure the items are as they were.
  absl::Status RunBatch(std::vector<Item>& items, absl::Time now);
  void Finish(Batch& batch, std::vector<Item>& items, absl::Time now);
  void PutBack(std::vector<Item> items);
  // An item that cannot be stored although the database works.
  absl::Status Condemn(Item item, const absl::Status& why, absl::Time now);
  Step Fail(const absl::Status& why, absl::Time now);
  // Answers every command that waits.
  void AnswerWaiting(const absl::Status& status);
  // While storage is known to be down and nothing waits: finds out whether it is well again.
  absl::Status Revive(absl::Time now);
  void Housekeep(absl::Time now, bool idle);
  void SetHealth(absl::Status health);
  absl::Status HealthOf() const;
  // A producer that cannot be read refuses no command; it shows in Health.
  void ReportBus(absl::Status status);

  const Options options_;
  const Parts parts_;
  const ClassTable classes_;

  // Committer only.
  ReferenceCache references_;
  TimerIndex timers_;
  int64_t head_ = 0;       // last journal sequence
  int64_t published_ = 0;  // last one handed to the publisher
  bool recover_ = false;
  absl::Duration retry_ = kFirstRetry;  // wait after the next failure
  absl::Time retry_at_ = absl::InfinitePast();
  absl::Time purge_at_ = absl::InfinitePast();

  InputQueue queue_;
  EventIntake intake_;
  Gate gate_;
  std::atomic<size_t> timer_count_{0};

  mutable Mutex mu_;
  CondVar wake_;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status health_ ABSL_GUARDED_BY(mu_);      // of storage
  absl::Status bus_health_ ABSL_GUARDED_BY(mu_);  // of the producers we read
  std::thread thread_;
};

}  // namespace watchbell::engine
