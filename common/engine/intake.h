// What waits to be decided: commands in a bounded queue, events read from the bus, timers behind
// their gate. Internal to the engine.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/bus/bus.h"
#include "common/engine/engine.h"
#include "common/engine/item.h"
#include "common/engine/timer_index.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::engine {

// Commands and outcomes. Thread-safe.
class InputQueue {
 public:
  explicit InputQueue(size_t limit) : limit_(limit) {}

  // RESOURCE_EXHAUSTED if the commands among them do not fit.
  absl::Status Push(std::vector<Item> items);
  void PutBack(std::vector<Item> items);
  // Moves at most `max` items to `out`.
  void Take(size_t max, std::vector<Item>* out);
  // Takes all commands out; outcomes stay.
  std::vector<Item> TakeCommands();
  size_t size() const;

 private:
  const size_t limit_;
  mutable Mutex mu_;
  std::deque<Item> items_ ABSL_GUARDED_BY(mu_);
};

// Events of all topics, in order per shard. Belongs to the committer.
class EventIntake {
 public:
  EventIntake(const Options& options, const Engine::Parts& parts)
      : options_(options), parts_(parts) {}

  // Reads back how far these shards were applied and starts the subscriber there.
  absl::Status OpenShards(const std::set<int>& shards);
  // After a commit of unknown outcome: how far the shards held were applied.
  absl::Status ReadPositions();
  // Forgets what waits of it.
  void CloseShard(int shard);
  // Another replica let this dead letter go: what follows is ours if its shard is.
  void Released(const admin::v1::DeadLetter& letter);
  // Fills holes, then polls until `want` events wait. UNAVAILABLE: some producer could not be read
  // and has not answered since; what can be read goes on, the rest is tried again a little later.
  absl::Status Read(size_t want, absl::Time now);
  void Take(size_t max, std::vector<Item>* out);
  void PutBack(std::vector<Item> items);
  void TakeAgain(const admin::v1::DeadLetter& letter);
  // Asks the producer's journal for a stream at the next Read, if its shard is held.
  void Fill(const StreamRef& stream);
  // True while rows of the stream are still to be read or applied.
  bool IsFilling(const StreamRef& stream) const;
  // When what waits is to be taken at the latest, should nothing else be: see Options::patience.
  absl::Time TakeBy() const;
  // True if nothing can be done at `now`.
  bool Idle(absl::Time now) const;
  // When a producer that could not be read is tried again; InfiniteFuture if there is none.
  absl::Time RetryAt() const { return retry_at_; }

  // What was applied: moves positions and the times the gate looks at.
  void Applied(const Item& item);
  void Stored(const std::map<bus::TopicShard, bus::Position>& progress);
  const std::map<bus::TopicShard, bus::Position>& positions() const { return positions_; }
  // What moved without an input (bus::Subscriber::Reached). Nothing while anything waits.
  std::map<bus::TopicShard, bus::Position> Reached() const;

  // True if nothing recorded before `due` can still come on any topic of this shard. Where a topic
  // ends counts as it was at `since` or later, which is not before `due`.
  bool Past(int shard, absl::Time due, absl::Time since) const;
  const std::vector<std::string>& topics() const;

 private:
  struct Filling {
    std::optional<int64_t> asked_after;  // the version after which the producer is being asked
    absl::Status trouble;                // of the last question that was answered
  };

  // By shard and topic.
  using AppliedPlaces = std::map<int, std::map<std::string, bus::Position>>;

  absl::StatusOr<AppliedPlaces> ReadApplied() const;
  // What was to follow the release of dead letters, once more: a kill may have come before it.
  absl::Status Resume(const std::set<int>& shards);
  absl::Status FillAll();
  absl::Status TroubleOfFills() const;
  // False: the producer is being asked, or has more.
  absl::StatusOr<bool> FillStream(const StreamRef& stream, Filling& filling);
  Item MakeItem(bus::RecordPtr record, bool from_journal) const;
  bool IsPatient(const Item& item) const;

  const Options& options_;
  const Engine::Parts& parts_;
  std::deque<Item> waiting_;
  std::map<bus::TopicShard, int> waiting_in_shard_;
  std::map<StreamRef, Filling> fills_;  // streams to be read from their producer's journal
  std::set<int> held_;
  absl::Time retry_at_ = absl::InfiniteFuture();
  std::map<bus::TopicShard, bus::Position> positions_;
  std::map<bus::TopicShard, absl::Time> last_recorded_;
};

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
