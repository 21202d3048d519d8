#include "common/engine/input_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"

namespace watchbell::engine {

void TakeFront(std::deque<Item>& from, size_t max, std::vector<Item>* out) {
  const size_t count = std::min(max, from.size());
  std::move(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count),
            std::back_inserter(*out));
  from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
}

absl::Status InputQueue::Push(std::vector<Item> items) {
  const bool commands =
      std::any_of(items.begin(), items.end(), [](const Item& i) { return i.IsCommand(); });
  MutexLock lock(mu_);
  if (commands && items_.size() + items.size() > limit_) {
    return Overloaded(absl::StrCat(items_.size(), " inputs are waiting already; try again"),
                      absl::Milliseconds(250));
  }
  std::move(items.begin(), items.end(), std::back_inserter(items_));
  return absl::OkStatus();
}

void InputQueue::PutBack(std::vector<Item> items) {
  MutexLock lock(mu_);
  items_.insert(items_.begin(), std::make_move_iterator(items.begin()),
                std::make_move_iterator(items.end()));
}

void InputQueue::Take(size_t max, std::vector<Item>* out) {
  MutexLock lock(mu_);
  TakeFront(items_, max, out);
}

std::vector<Item> InputQueue::TakeCommands() {
  MutexLock lock(mu_);
  std::vector<Item> commands;
  std::deque<Item> rest;
  for (Item& item : items_) {
    if (item.IsCommand()) {
      commands.push_back(std::move(item));
    } else {
      rest.push_back(std::move(item));
    }
  }
  items_ = std::move(rest);
  return commands;
}

size_t InputQueue::size() const {
  MutexLock lock(mu_);
  return items_.size();
}

}  // namespace watchbell::engine
