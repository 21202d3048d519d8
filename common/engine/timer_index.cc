#include "common/engine/timer_index.h"

namespace watchbell::engine {

void TimerIndex::Set(const TimerKey& key, absl::Time due) {
  auto it = by_key_.find(key);
  if (it == by_key_.end()) {
    it = by_key_.insert(PackedTimer::Make(key)).first;
  } else {
    order_.erase(Place(**it));
  }
  PackedTimer& timer = **it;
  timer.due = absl::ToUnixMicros(due);
  timer.sequence = next_sequence_++;
  order_.insert(Place(timer));
}

void TimerIndex::Erase(const TimerKey& key) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  order_.erase(Place(**it));
  by_key_.erase(it);
}

void TimerIndex::Clear() {
  order_.clear();
  by_key_.clear();
}

absl::Time TimerIndex::NextDue() const {
  return order_.empty() ? absl::InfiniteFuture() : absl::FromUnixMicros(order_.begin()->due);
}

}  // namespace watchbell::engine
