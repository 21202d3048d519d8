// One batch of inputs in one transaction: load, decide in order, store, commit. Internal to the
// engine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/engine/engine.h"
#include "common/engine/item.h"
#include "common/engine/working_set.h"
#include "common/journal/journal.h"

namespace watchbell::engine {

class Batch {
 public:
  struct Context {
    const Options& options;
    const Engine::Parts& parts;
    const ClassTable& classes;
    ReferenceCache& references;
    const std::map<bus::TopicShard, int64_t>& topic_positions;  // as stored: they never go back
  };
  struct Timer {
    std::optional<absl::Time> due;
    std::string traceparent;
  };

  // `head` is the journal's last sequence.
  Batch(Context context, absl::Time now, int64_t head)
      : context_(context), now_(now), head_(head), entities_(context.classes, context.references) {}

  // Sets the fate and answer of every item. OK = committed. Errors: see db.h; then nothing
  // happened, or (UNKNOWN) may have.
  absl::Status Run(absl::Span<Item> items);

  // Valid after Run returned OK.
  const std::vector<journal::JournalRow>& rows() const { return rows_; }
  const std::map<TimerKey, Timer>& timers() const { return timers_; }
  std::vector<Effect>& effects() { return effects_; }
  const std::vector<StreamRef>& fills() const {
    return fills_;
  }  // streams to read from their journals
  const std::vector<bus::RecordPtr>& again() const { return again_; }  // records to take once more
  // Topic positions that were stored.
  const std::map<bus::TopicShard, int64_t>& progress() const { return progress_; }
  int64_t head() const { return head_; }

 private:
  struct Position {
    int64_t version = 0;
    bool parked = false;
    bool dirty = false;
  };
  struct Answer {
    int64_t fingerprint = 0;
    std::string response;
    bool dirty = false;
  };
  using AnswerKey = std::pair<std::string, std::string>;

  absl::Status LoadAll(absl::Span<const Item> items);
  absl::Status DecideItem(Item& item);
  absl::Status DecideCommand(Item& item);
  absl::Status DecideEvent(Item& item);
  absl::Status DecideTimer(Item& item);
  absl::Status DecideRelease(Item& item);
  // Runs Decide, with more keys as it asks, and takes its decision over if it is no refusal.
  // `refusal` gets the error.
  absl::Status Apply(Item& item, absl::Status* refusal, std::string* reply);
  absl::Status TakeOver(const Decision& decision, const Item& item);
  void Journal(const NewEvent& event, const Item& item);
  absl::Status SetAside(Item& item, bool parked, const absl::Status& why);
  void Progress(const Item& item);
  void HoldBack(const Item& item);
  absl::Status Store();

  Context context_;
  const absl::Time now_;
  int64_t head_;
  std::unique_ptr<db::Transaction> transaction_;
  WorkingSet entities_;
  std::map<StreamRef, Position> positions_;
  std::map<bus::TopicShard, int64_t> progress_;
  std::map<bus::TopicShard, int64_t> held_back_;  // first sequence that must not be passed
  std::map<AnswerKey, Answer> answers_;
  absl::flat_hash_map<TimerKey, Timer> armed_;  // rows of the timers that came as inputs
  std::map<TimerKey, Timer> timers_;
  std::vector<journal::JournalRow> rows_;
  std::vector<Effect> effects_;
  std::vector<StreamRef> fills_;
  std::vector<bus::RecordPtr> again_;
};

}  // namespace watchbell::engine
