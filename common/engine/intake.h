// Events read from the bus that wait to be decided. Internal to the engine.
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
#include "absl/types/span.h"
#include "common/bus/bus.h"
#include "common/engine/engine.h"
#include "common/engine/item.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::engine {

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
  // An event that is ahead of its stream, which is being filled: it waits aside, in nobody's way,
  // and goes on when the producer has answered.
  void Defer(Item item);
  bool HasDeferred(const StreamRef& stream) const { return deferred_.count(stream) > 0; }
  // The first record of each topic and shard that was deferred and is not decided yet: a position
  // that is stored must not pass it. `in_hand`: taken, but not part of that commit.
  std::map<bus::TopicShard, bus::Position> HeldBack(absl::Span<const Item> in_hand) const;
  // True while rows of the stream are still to be read or applied.
  bool IsFilling(const StreamRef& stream) const;
  // When what waits is to be taken at the latest, should nothing else be: see Options::patience.
  absl::Time TakeBy() const;
  // True if nothing can be done at `now`.
  bool Idle(absl::Time now) const;
  // When a producer that could not be read is tried again; InfiniteFuture if there is none.
  absl::Time RetryAt() const { return retry_at_; }

  // An event was applied: moves the times the gate looks at.
  void Applied(const Item& item, absl::Time now);
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
  // The stream's version, if there may be more to fill.
  absl::StatusOr<std::optional<int64_t>> FillAfter(const StreamRef& stream) const;
  // Streams of which something waits that a journal answered.
  std::set<StreamRef> WaitFromJournals() const;
  // What was deferred of the stream is decided again, with what the producer said.
  void GoOn(const StreamRef& stream, bool filled);
  void Count(const Item& item, int by);
  Item MakeItem(bus::RecordPtr record, bool from_journal) const;
  bool IsPatient(const Item& item) const;

  const Options& options_;
  const Engine::Parts& parts_;
  std::deque<Item> waiting_;
  std::map<StreamRef, std::vector<Item>> deferred_;
  size_t deferred_count_ = 0;
  size_t deferred_bytes_ = 0;
  std::map<bus::TopicShard, int> waiting_in_shard_;
  std::map<StreamRef, Filling> fills_;  // streams to be read from their producer's journal
  std::set<int> held_;
  absl::Time retry_at_ = absl::InfiniteFuture();
  std::map<bus::TopicShard, bus::Position> positions_;
  std::map<bus::TopicShard, absl::Time> last_recorded_;
};

}  // namespace watchbell::engine
