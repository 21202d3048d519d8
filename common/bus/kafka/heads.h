// How far the producers' journals reach: what a timer has to have heard of before it fires.
// Internal to the folder.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/bus/bus.h"
#include "common/bus/journal_source.h"
#include "common/clock/clock.h"

namespace watchbell::bus::kafka {

// Thread-safe. `journals` and `clock` outlive it.
class Heads {
 public:
  struct Head {
    absl::Time asked;  // whatever was committed before is at or below `sequence`
    // Nothing: the producer did not answer.
    std::optional<int64_t> sequence;
    // It did not, but is there, or its connection stands: it may have to wait for its storage.
    // (One that stops is still there: what it was committing may not be on the topic yet.)
    bool blind = false;
  };

  // `answered` is called after answers, on any thread, also after this is gone.
  Heads(JournalSource& journals, Clock& clock, std::function<void()> answered);

  // The head of a shard at `since` or later is wanted. It is asked for at once; while a question
  // about the topic is under way, by the next call after its answer, with all that is wanted by
  // then.
  void Ask(const TopicShard& shard, absl::Time since);
  // Asked for at `since` or later; nothing if there is none yet.
  std::optional<Head> Since(const TopicShard& shard, absl::Time since) const;
  std::optional<Head> Latest(const TopicShard& shard) const;

 private:
  struct Topic {
    std::map<int, absl::Time> wanted;  // since when, by shard
    std::map<int, Head> heads;
    bool asking = false;
    bool silent = false;  // the last answer was none
  };
  // What answers may touch when all else is gone.
  struct State {
    explicit State(std::function<void()> then) : answered(std::move(then)) {}
    const std::function<void()> answered;
    Mutex mu;
    std::map<std::string, Topic> topics ABSL_GUARDED_BY(mu);
  };
  void Send(const std::string& topic);
  static void Take(State& state, const std::string& topic, const std::vector<int>& shards,
                   absl::Time asked, const absl::StatusOr<std::vector<int64_t>>& heads);

  JournalSource& journals_;
  Clock& clock_;
  const std::shared_ptr<State> state_;
};

}  // namespace watchbell::bus::kafka
