#include "common/bus/kafka/heads.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/telemetry/log.h"

namespace watchbell::bus::kafka {
namespace {

// Reasons of JournalSource::ReadHeads with which a producer says that it is there.
bool IsBlind(const absl::Status& status) {
  static constexpr absl::string_view kThere[] = {"STORAGE_UNAVAILABLE", "DEADLINE_EXCEEDED",
                                                 "QUEUE_FULL", "STARTING", "STOPPING"};
  return std::find(std::begin(kThere), std::end(kThere), ErrorReason(status)) != std::end(kThere);
}

}  // namespace

Heads::Heads(JournalSource& journals, Clock& clock, std::function<void()> answered)
    : journals_(journals), clock_(clock), state_(std::make_shared<State>(std::move(answered))) {}

void Heads::Ask(const TopicShard& shard, absl::Time since) {
  {
    MutexLock lock(state_->mu);
    Topic& topic = state_->topics[shard.first];
    auto [it, inserted] = topic.wanted.try_emplace(shard.second, since);
    if (!inserted) it->second = std::max(it->second, since);
    if (topic.asking) return;
    topic.asking = true;
  }
  Send(shard.first);
}

std::optional<Heads::Head> Heads::Since(const TopicShard& shard, absl::Time since) const {
  const std::optional<Head> head = Latest(shard);
  // Dated after now: the clock went back, and it may be older than it looks.
  if (!head || head->asked < since || head->asked > clock_.Now()) return std::nullopt;
  return head;
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
void Heads::Send(const std::string& topic) {
  std::vector<int> shards;
  {
    MutexLock lock(state_->mu);
    for (const auto& [shard, since] : state_->topics[topic].wanted) shards.push_back(shard);
  }
  const absl::Time asked = clock_.Now();
  journals_.ReadHeads(
      topic, shards,
      [state = state_, topic, shards, asked](const absl::StatusOr<std::vector<int64_t>>& heads) {
        Take(*state, topic, shards, asked, heads);
        // Whoever waits for a blind one looks again by and by.
        if (!IsBlind(heads.status())) state->answered();
      });
}

// On any thread, perhaps after all but the state is gone.
void Heads::Take(State& state, const std::string& topic, const std::vector<int>& shards,
                 absl::Time asked, const absl::StatusOr<std::vector<int64_t>>& heads) {
  MutexLock lock(state.mu);
  Topic& of = state.topics[topic];
  of.asking = false;
  if (heads.ok() && of.silent) {
    telemetry::Log(telemetry::Level::kInfo, "a producer answers again", {{"topic", topic}});
  } else if (!heads.ok() && !of.silent) {
    telemetry::Log(telemetry::Level::kWarning,
                   "timers go by the topic's end: its producer does not answer",
                   {{"topic", topic}, {"error", std::string(heads.status().message())}});
  }
  of.silent = !heads.ok();
  for (size_t i = 0; i < shards.size(); ++i) {
    of.heads[shards[i]] = {asked, std::nullopt, IsBlind(heads.status())};
    if (heads.ok()) of.heads[shards[i]].sequence = (*heads)[i];
    const auto want = of.wanted.find(shards[i]);
    if (want->second <= asked) of.wanted.erase(want);
  }
}

}  // namespace watchbell::bus::kafka
