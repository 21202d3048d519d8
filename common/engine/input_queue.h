// Commands and outcomes that wait to be decided. Internal to the engine.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/engine/item.h"

namespace watchbell::engine {

// Moves at most `max` items from the front to `out`.
void TakeFront(std::deque<Item>& from, size_t max, std::vector<Item>* out);

// Thread-safe.
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

}  // namespace watchbell::engine
