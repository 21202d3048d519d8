// One batch of inputs in one transaction: load, decide in order, store, commit. Internal to the
// engine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/engine/engine.h"
#include "common/engine/item.h"
#include "common/engine/working_set.h"
#include "common/journal/journal.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::engine {

class Batch {
 public:
  struct Context {
    const Options& options;
    const Engine::Parts& parts;
    const ClassTable& classes;
    ReferenceCache& references;
    const std::map<bus::TopicShard, bus::Position>& topic_positions;  // as stored
    // With leases: the epoch of each open shard. Inputs of others are fenced.
    const std::map<int, int64_t>& epochs;
    // Positions that must not be passed: what was deferred and waits for its turn.
    std::map<bus::TopicShard, bus::Position> held_back;
  };
  struct Timer {
    std::optional<absl::Time> due;
    std::string traceparent;
  };

  // How far shards are beyond what the inputs say, to be stored along.
  struct Marks {
    std::map<int, int64_t> relayed;                    // published, by shard
    std::map<bus::TopicShard, bus::Position> reached;  // bus::Subscriber::Reached; without inputs
  };

  Batch(Context context, absl::Time now)
      : context_(context), now_(now), entities_(context.classes, context.references) {}

  // Sets the fate and answer of every item. OK = committed. Errors: see db.h; then nothing
  // happened, or (UNKNOWN) may have.
  absl::Status Run(absl::Span<Item> items, const Marks& marks);

  // Valid after Run returned OK.
  const std::vector<journal::JournalRow>& rows() const { return rows_; }
  const std::map<TimerKey, Timer>& timers() const { return timers_; }
  std::vector<Effect>& effects() { return effects_; }
  // What was made of an entity; null if nothing. Also after UNKNOWN.
  StatePtr Changed(const EntityKey& key) const { return entities_.Changed(key); }
  const std::vector<StreamRef>& fills() const {
    return fills_;
  }  // streams to read from their journals
  const std::vector<admin::v1::DeadLetter>& again() const { return again_; }  // to be tried again
  // Topic positions that were stored.
  const std::map<bus::TopicShard, bus::Position>& progress() const { return progress_; }
  // The numbers it took: (after, upto].
  int64_t after() const { return after_; }
  int64_t upto() const { return after_ + numbers_; }
  // Shards whose lease another replica holds by now.
  const std::set<int>& fenced() const { return fenced_; }
  // Shards of which rows or timers were committed.
  const std::set<int>& touched() const { return touched_; }

 private:
  struct Position {
    void Take(const db::Row& row);
    void MoveTo(int64_t to);
    int64_t version = 0;
    bool parked = false;
    int64_t behind = 0;  // the last one passed over while it was parked; 0: none is left
    bool dirty = false;
  };
  struct Answer {
    int64_t fingerprint = 0;
    std::string response;
    bool dirty = false;
  };
  using AnswerKey = std::pair<std::string, std::string>;

  std::set<int> ShardsOf(absl::Span<const Item> items, const Marks& marks) const;
  absl::Status LoadAll(absl::Span<const Item> items, const Marks& marks);
  void TakeLease(const db::Row& row);
  absl::Status DecideItem(Item& item);
  absl::Status DecideCommand(Item& item);
  absl::Status DecideEvent(Item& item);
  absl::Status DecideRaw(Item& item);
  absl::Status DecideTimer(Item& item);
  void MarkTaken(const Item& item);
  absl::Status LoadPosition(const StreamRef& stream, Position* position);
  absl::Status DecideRelease(Item& item);
  // Runs Decide, with more keys as it asks, and takes its decision over if it is no refusal.
  // `refusal` gets the error.
  absl::Status Apply(Item& item, absl::Status* refusal, std::string* reply);
  std::vector<EntityKey> WithWantedBehind(std::vector<EntityKey> keys);
  bool WillBeDecided(const Item& item) const;
  absl::Status TakeOver(const Decision& decision, const Item& item);
  void Journal(const NewEvent& event, const Item& item);
  absl::Status SetAside(Item& item, bool parked, const absl::Status& why);
  void Progress(const Item& item);
  void HoldBack(const Item& item);
  absl::Status Store(const Marks& marks);
  absl::Status StoreTimers();
  absl::Status StoreProgress(const Marks& marks);

  Context context_;
  const absl::Time now_;
  int64_t numbers_ = 0;  // taken so far
  int64_t after_ = 0;    // known after the commit
  std::unique_ptr<db::Transaction> transaction_;
  WorkingSet entities_;
  absl::Span<const Item> behind_;  // the item being decided
  int looks_ahead_ = 4;            // left: each costs a decision of every item behind
  std::map<StreamRef, Position> positions_;
  std::map<bus::TopicShard, bus::Position> progress_;
  std::set<int> fenced_;
  std::set<int> touched_;
  std::map<AnswerKey, Answer> answers_;
  absl::flat_hash_map<TimerKey, Timer> armed_;  // rows of the timers that came as inputs
  std::map<TimerKey, Timer> timers_;
  std::vector<journal::JournalRow> rows_;
  std::vector<Effect> effects_;
  std::vector<StreamRef> fills_;
  std::vector<admin::v1::DeadLetter> again_;
};

}  // namespace watchbell::engine
