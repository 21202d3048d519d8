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
  Answer answer = *std::move(it->second.answer);
  entries_.erase(it);
  return answer;
}

void StreamAnswers::Put(const Key& key, Answer answer, absl::Duration now) {
  auto it = entries_.find(key);
  if (it == entries_.end()) return;  // it took too long
  it->second = {std::move(answer), now};
}

void StreamAnswers::Expire(absl::Duration now) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    it = now - it->second.at >= kKeep ? entries_.erase(it) : std::next(it);
  }
}

}  // namespace watchbell::bus::kafka
