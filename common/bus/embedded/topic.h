// One topic of the embedded bus: where its journal is, the tail of its latest records, and who
// listens.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "common/bus/bus.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/journal/journal.h"

namespace watchbell::bus {

// Thread-safe; a Cursor belongs to its subscriber's thread.
//
// The tail of a shard holds every record after its `floor`; what lies at or below is in the journal
// only. A cursor may take from the tail once it has read the journal to its end in the topic's
// present epoch and lies at or above the floor: then nothing is left out and nothing comes twice. A
// new epoch begins when the tail may lack committed rows: with a new producer, and after a commit
// whose rows were not handed over.
class EmbeddedBus::Topic {
 public:
  // A subscriber's place in one shard.
  struct Cursor {
    bool held = false;              // nothing is taken otherwise
    int64_t read = 0;               // every record up to here was taken or lies in `fetched`
    int64_t epoch = -1;             // in which the journal was read to its end
    std::deque<RecordPtr> fetched;  // next to be taken
  };

  Topic(std::string name, int shards) : name_(std::move(name)), tails_(shards) {}

  const std::string& name() const { return name_; }

  // The producer's side. Attach gives the id of the attachment, ALREADY_EXISTS if another producer
  // has the topic. One producer may be attached several times over the same journal (replicas);
  // each hands over what it commits. Rows up to `head` were committed before. Detach waits for
  // reads of the journal under way.
  absl::StatusOr<int64_t> Attach(const std::string& producer, const journal::Reader& reader,
                                 std::vector<std::string> aggregates, int64_t head);
  void Detach(int64_t id);
  void Committing(int64_t id);
  // `rows`: those of this topic, in sequence order; may be empty.
  void Committed(int64_t id, absl::Span<const journal::JournalRow* const> rows);
  void Abandoned(int64_t id);

  // The subscribers' side. `wake` must not call the bus; it is not called any more after
  // RemoveListener.
  int64_t AddListener(std::function<void()> wake);
  void RemoveListener(int64_t id);
  // Appends up to `max` records to `out`, in sequence order as far as the shards allow. `cursors`:
  // one per shard. What was appended before an error counts.
  absl::Status Take(std::vector<Cursor>& cursors, size_t max, std::vector<RecordPtr>* out);
  bool AtEnd(int shard, const Cursor& cursor);
  absl::StatusOr<std::vector<RecordPtr>> ReadStream(const std::string& tenant,
                                                    const std::string& stream_id,
                                                    int64_t after_version, int limit);

 private:
  struct Source {
    std::string producer;
    journal::Reader reader;
    std::vector<std::string> aggregates;
  };
  struct Tail {
    int64_t floor = 0;
    std::deque<RecordPtr> records;
  };
  class SourceUse;

  // Fills an empty `fetched` if there is anything now.
  absl::Status Fill(int shard, Cursor& cursor);
  bool Joined(const Tail& tail, const Cursor& cursor) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !sources_.empty() && cursor.epoch == epoch_ && cursor.read >= tail.floor;
  }
  bool BeginAppend(int64_t id, absl::Span<const journal::JournalRow* const> rows,
                   std::string* producer);
  void ForgetTail() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WakeAll();

  const std::string name_;

  Mutex mu_;
  CondVar unused_;
  // By attachment; the latest one is read. Empty: no producer (yet).
  std::map<int64_t, std::shared_ptr<const Source>> sources_ ABSL_GUARDED_BY(mu_);
  int users_ ABSL_GUARDED_BY(mu_) = 0;  // reads of the journal under way
  int64_t epoch_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t attachments_ ABSL_GUARDED_BY(mu_) = 0;       // ids given
  int64_t last_ ABSL_GUARDED_BY(mu_) = 0;              // sequence of the last row handed over
  std::set<int64_t> committing_ ABSL_GUARDED_BY(mu_);  // attachments with a commit under way
  bool asked_ ABSL_GUARDED_BY(mu_) =
      false;                 // somebody was told "not at the end" for a commit under way
  std::vector<Tail> tails_;  // guarded by mu_, but for its size
  std::deque<int> order_ ABSL_GUARDED_BY(mu_);  // shard of each record in the tails, oldest first

  Mutex wake_mu_;  // held while listeners are called; taken before mu_
  std::vector<std::pair<int64_t, std::function<void()>>> listeners_ ABSL_GUARDED_BY(wake_mu_);
  int64_t listener_ids_ ABSL_GUARDED_BY(wake_mu_) = 0;
  bool listened_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace watchbell::bus
