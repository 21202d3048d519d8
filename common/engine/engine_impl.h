// The engine's inside: what waits (input_queue.h, intake.h), what is armed (timer_index.h, gate.h),
// and the committer that turns both into transactions (batch.h). Internal to the engine.
//
// engine.cc holds what other threads call; committer.cc and shards.cc what only the committer's
// thread does.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/engine/batch.h"
#include "common/engine/engine.h"
#include "common/engine/gate.h"
#include "common/engine/input_queue.h"
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
  Step RunStep();
  void Start();
  void Stop();
  void Wake();
  void Look();
  absl::Status Health() const;
  absl::Status ProducersHealth() const;
  size_t TimerCount() const { return timer_count_.load(); }

 private:
  inline static const absl::Duration kFirstRetry = absl::Milliseconds(100);

  void Loop();

  // shards.cc: which shards are open here, and what other replicas did to them.
  //
  // Opens and closes shards as the leases say.
  absl::Status FollowLeases(absl::Time now);
  // Those that cannot be recovered wait by themselves.
  absl::Status OpenShards(const std::map<int, int64_t>& shards, absl::Time now);
  std::map<int, int64_t> HeldShards() const;
  bool MayOpen(int shard, int64_t epoch, absl::Time now) const;
  void SetStuck(int shard, int64_t epoch, const absl::Status& why, absl::Time now);
  void ReportShards();
  absl::Time ShardRetryAt() const;
  absl::Status ReleaseReadable(const std::set<int>& shards);
  void CloseShard(int shard);
  absl::Status LoadTimers(const std::set<int>& shards, absl::Time now);
  // The far ones are loaded in the steps that follow.
  absl::Status LoadFarTimers();
  // Reads what other replicas committed: timers they armed, dead letters they released.
  absl::Status LookAtOthers(absl::Time now);
  absl::Status LookAtLetters();
  void TellOthers(const Batch& batch) const;

  // After a commit of unknown outcome: reads back what it may have changed, publishes what was not
  // published.
  absl::Status Recover();
  absl::Status Republish();
  absl::Status RunUnsureEffects();
  std::vector<Item> Collect(absl::Time now, absl::Time* recheck);
  // Decides and stores these inputs, one by one if they fail together. What cannot be stored just
  // now is put back, and the error says why.
  absl::Status Run(std::vector<Item> items, absl::Time now);
  // The same inputs in one transaction, until no other replica is in the way.
  absl::Status RunTogether(std::vector<Item>& items, absl::Time now);
  // One that cannot be stored is set aside, if it is an event.
  absl::Status RunAlone(std::vector<Item>& one, absl::Time now);
  // In one transaction; on failure the items are as they were.
  absl::Status RunBatch(std::vector<Item>& items, absl::Time now);
  void Finish(Batch& batch, std::vector<Item>& items, absl::Time now);
  void FinishItem(Item& item, absl::Time now);
  // How far shards are published, and read, is stored now and then: with the batch that follows, or
  // by itself.
  bool TakeMarks(absl::Time now);
  absl::Status StoreMarks(absl::Time now);
  void PutBack(std::vector<Item> items);
  // An item that cannot be stored although the database works.
  absl::Status Condemn(Item item, const absl::Status& why, absl::Time now);
  void SetCondemned(Item& item, const absl::Status& why) const;
  void LogCondemned(const Item& item, const absl::Status& why) const;
  Step Fail(const absl::Status& why, absl::Time now);
  // Answers every command that waits.
  void AnswerWaiting(const absl::Status& status);
  // While storage is known to be down and nothing waits: finds out whether it is well again.
  absl::Status Revive(absl::Time now);
  void Housekeep(absl::Time now, bool idle);
  void SetHealth(absl::Status health);
  absl::Status HealthOf() const;
  // Told in the log when it turns.
  void ReportProducers(absl::Status status);

  const Options options_;
  const Parts parts_;
  const ClassTable classes_;

  // Committer only.
  ReferenceCache references_;
  TimerIndex timers_;
  std::map<int, int64_t> open_;  // shards open here, with the epoch of their lease
  struct Stuck {
    int64_t epoch;
    absl::Status why;
    absl::Time retry_at;
    absl::Duration retry;
  };
  std::map<int, Stuck> stuck_;                   // shards held that could not be opened
  std::optional<uint64_t> generation_;           // of the leases as last followed
  Batch::Marks marks_;                           // to be stored with a later batch
  absl::Span<const Item> in_hand_;               // while inputs run one by one: those to come
  absl::Time marked_at_ = absl::InfinitePast();  // last asked for
  int64_t seen_ = 0;                             // what others committed is known up to this number
  absl::Time look_at_ = absl::InfinitePast();
  // Timers due at or after the time are not loaded yet, of these shards.
  std::optional<absl::Time> far_;
  std::set<int> far_shards_;
  int64_t published_ = 0;  // last number handed to the publisher
  bool recover_ = false;
  // Of commits of unknown outcome, with what these made of the entity.
  struct UnsureEffect {
    Effect effect;
    StatePtr state;
  };
  std::vector<UnsureEffect> unsure_;
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
  bool look_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status health_ ABSL_GUARDED_BY(mu_);  // of storage
  absl::Status producers_health_ ABSL_GUARDED_BY(mu_);
  absl::Status shard_health_ ABSL_GUARDED_BY(mu_);  // of shards that cannot be opened
  std::thread thread_;
};

}  // namespace watchbell::engine
