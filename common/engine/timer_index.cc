#include "common/engine/timer_index.h"

namespace watchbell::engine {

void TimerIndex::Set(const TimerKey& key, absl::Time due) {
  auto [it, inserted] = by_key_.try_emplace(key);
  if (!inserted) order_.erase({it->second.due, it->second.sequence, &it->first});
  it->second = {due, next_sequence_++};
  order_.insert({due, it->second.sequence, &it->first});
}

void TimerIndex::Erase(const TimerKey& key) {
  auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  order_.erase({it->second.due, it->second.sequence, &it->first});
  by_key_.erase(it);
}

void TimerIndex::Clear() {
  order_.clear();
  by_key_.clear();
}

absl::Time TimerIndex::NextDue() const {
  return order_.empty() ? absl::InfiniteFuture() : order_.begin()->due;
}

}  // namespace watchbell::engine
