// The armed timers in due order: an in-memory index over the timer rows.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/time/time.h"
#include "common/engine/input.h"

namespace watchbell::engine {

// Not thread-safe: belongs to the committer. Equal due times keep the order of arming.
class TimerIndex {
 public:
  struct Entry {
    TimerKey key;
    absl::Time due;
  };

  void Set(const TimerKey& key, absl::Time due);
  void Erase(const TimerKey& key);
  void Clear();
  // Forgets those for which `gone` is true.
  template <typename Gone>
  void EraseIf(Gone gone) {
    for (auto it = by_key_.begin(); it != by_key_.end();) {
      const auto timer = it++;
      if (!gone(timer->first)) continue;
      order_.erase({timer->second.due, timer->second.sequence, nullptr});
      by_key_.erase(timer);
    }
  }
  size_t size() const { return by_key_.size(); }

  // The first due time; InfiniteFuture if none.
  absl::Time NextDue() const;

  // Calls `visit` for timers due before `now` in due order until it returns false.
  template <typename Visit>
  void VisitDue(absl::Time now, Visit visit) const {
    for (auto it = order_.begin(); it != order_.end() && it->due < now; ++it) {
      if (!visit(Entry{*it->key, it->due})) return;
    }
  }

 private:
  struct Place {
    absl::Time due;
    uint64_t sequence;
    const TimerKey* key;  // the map's own key
    bool operator<(const Place& other) const {
      return due != other.due ? due < other.due : sequence < other.sequence;
    }
  };
  struct Armed {
    absl::Time due;
    uint64_t sequence;
  };

  uint64_t next_sequence_ = 0;
  absl::node_hash_map<TimerKey, Armed> by_key_;
  absl::btree_set<Place> order_;
};

}  // namespace watchbell::engine
