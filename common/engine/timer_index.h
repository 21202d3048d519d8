// The armed timers in due order: an in-memory index over the timer rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "common/engine/input.h"
#include "common/engine/packed_timer.h"

namespace watchbell::engine {

// Not thread-safe: belongs to the committer. Equal due times keep the order of arming. Due times
// are kept in microseconds, as in the rows.
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
      if (!gone((*timer)->Key())) continue;
      order_.erase(Place(**timer));
      by_key_.erase(timer);
    }
  }
  size_t size() const { return by_key_.size(); }

  // The first due time; InfiniteFuture if none.
  absl::Time NextDue() const;

  // Calls `visit` for timers due before `now` in due order until it returns false.
  template <typename Visit>
  void VisitDue(absl::Time now, Visit visit) const {
    for (auto it = order_.begin(); it != order_.end(); ++it) {
      const absl::Time due = absl::FromUnixMicros(it->due);
      if (due >= now || !visit(Entry{it->timer->Key(), due})) return;
    }
  }

 private:
  // The due time stands here once more: most comparisons need nothing else.
  struct Place {
    explicit Place(const PackedTimer& packed) : due(packed.due), timer(&packed) {}
    bool operator<(const Place& other) const {
      return due != other.due ? due < other.due : timer->sequence < other.timer->sequence;
    }
    int64_t due;
    const PackedTimer* timer;
  };

  uint64_t next_sequence_ = 0;
  absl::flat_hash_set<PackedTimer::Ptr, PackedTimer::Hash, PackedTimer::Same> by_key_;
  absl::btree_set<Place> order_;
};

}  // namespace watchbell::engine
