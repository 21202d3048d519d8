#include "common/bus/kafka/heads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/telemetry/log.h"

namespace watchbell::bus::kafka {

Heads::Heads(JournalSource& journals, Clock& clock, std::function<void()> answered)
    : state_(std::make_shared<State>(journals, clock, std::move(answered))) {}

void Heads::Ask(const TopicShard& shard, absl::Time since) {
  {
    MutexLock lock(state_->mu);
    Topic& topic = state_->topics[shard.first];
    auto [it, inserted] = topic.wanted.try_emplace(shard.second, since);
    if (!inserted) it->second = std::max(it->second, since);
    if (topic.asking) return;
    topic.asking = true;
  }
  Send(state_, shard.first);
}

std::optional<Heads::Head> Heads::Latest(const TopicShard& shard) const {
  MutexLock lock(state_->mu);
  const auto topic = state_->topics.find(shard.first);
  if (topic == state_->topics.end()) return std::nullopt;
  const auto head = topic->second.heads.find(shard.second);
  if (head == topic->second.heads.end()) return std::nullopt;
  return head->second;
}

// With `asking` set.
void Heads::Send(const std::shared_ptr<State>& state, const std::string& topic) {
  std::vector<int> shards;
  {
    MutexLock lock(state->mu);
    for (const auto& [shard, since] : state->topics[topic].wanted) shards.push_back(shard);
  }
  const absl::Time asked = state->clock.Now();
  state->journals.ReadHeads(
      topic, shards,
      [state, topic, shards, asked](const absl::StatusOr<std::vector<int64_t>>& heads) {
        Take(*state, topic, shards, asked, heads);
        bool more = false;
        {
          MutexLock lock(state->mu);
          Topic& of = state->topics[topic];
          more = of.asking = !of.wanted.empty();
        }
        state->answered();
        if (more) Send(state, topic);
      });
}

void Heads::Take(State& state, const std::string& topic, const std::vector<int>& shards,
                 absl::Time asked, const absl::StatusOr<std::vector<int64_t>>& heads) {
  MutexLock lock(state.mu);
  Topic& of = state.topics[topic];
  if (of.silent == heads.ok()) {
    of.silent = !heads.ok();
    telemetry::Log(of.silent ? telemetry::Level::kWarning : telemetry::Level::kInfo,
                   of.silent ? "timers go by the topic's end: its producer does not answer"
                             : "a producer answers again",
                   {{"topic", topic}, {"error", std::string(heads.status().message())}});
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    of.heads[shards[i]] = {asked, std::nullopt};
    if (heads.ok()) of.heads[shards[i]].sequence = (*heads)[i];
    // Wanted at a later moment than that: asked again. A clock that went back wants nothing.
    const auto want = of.wanted.find(shards[i]);
    const bool served = want->second <= asked || want->second > state.clock.Now();
    if (served) of.wanted.erase(want);
  }
}

}  // namespace watchbell::bus::kafka
