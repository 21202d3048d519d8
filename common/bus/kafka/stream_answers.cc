#include "common/bus/kafka/stream_answers.h"

#include <utility>

namespace watchbell::bus::kafka {
namespace {

constexpr absl::Duration kKeep = absl::Seconds(30);

}  // namespace

std::optional<StreamAnswers::Answer> StreamAnswers::Take(const Key& key, absl::Duration now,
                                                         bool* ask) {
  auto [it, inserted] = entries_.try_emplace(key, Entry{std::nullopt, now});
  *ask = inserted;
  if (!it->second.answer) return std::nullopt;
  auto given = entries_.extract(it);
  return std::move(given.mapped().answer);
}

void StreamAnswers::Put(const Key& key, Answer answer, absl::Duration now) {
  auto it = entries_.find(key);
  if (it == entries_.end()) return;  // it took too long
  if (it->second.too_old) {
    entries_.erase(it);
    return;
  }
  it->second = {std::move(answer), now};
}

void StreamAnswers::Forget(const std::function<bool(const Key&)>& these) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (!these(it->first)) {
      ++it;
    } else if (it->second.answer) {
      it = entries_.erase(it);
    } else {
      (it++)->second.too_old = true;
    }
  }
}

void StreamAnswers::Expire(absl::Duration now) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    it = now - it->second.at >= kKeep ? entries_.erase(it) : std::next(it);
  }
}

}  // namespace watchbell::bus::kafka
