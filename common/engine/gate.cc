#include "common/engine/gate.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "common/base/shard.h"

namespace watchbell::engine {

Gate::Verdict Gate::Check(const TimerKey& key, absl::Time due, absl::Time now) {
  const auto known = waiting_.find(key);
  // The clock may have gone back.
  const absl::Time since = known == waiting_.end() ? now : std::min(known->second.since, now);
  const auto stream_of = [&key](const std::string& topic) {
    return StreamRef{topic, key.entity.tenant, key.entity.id};
  };
  const auto& topics = intake_.topics();
  // Something of its own is known to be missing, whatever has come since.
  const bool lacks = std::any_of(topics.begin(), topics.end(), [&](const auto& topic) {
    return intake_.HasDeferred(stream_of(topic));
  });
  const int shard = ShardOf(key.entity.id, options_.shards);
  if (!lacks && intake_.Past(shard, due, since)) return Verdict::kFire;
  Waiting& waiting = waiting_.try_emplace(key).first->second;
  waiting.since = since;
  if (now >= since + options_.gate_limit) return Verdict::kFireUngated;
  if (now < due + options_.gate_ask) return Verdict::kWait;
  if (!std::exchange(waiting.asked, true)) {
    for (const std::string& topic : topics) intake_.Fill(stream_of(topic));
    return Verdict::kWait;
  }
  // Asked before: what the producers had is in this batch, ahead of the timer, unless they could
  // not be reached.
  const bool answered = std::none_of(topics.begin(), topics.end(), [&](const auto& topic) {
    return intake_.IsFilling(stream_of(topic));
  });
  return answered ? Verdict::kFire : Verdict::kWait;
}

void Gate::CloseShard(int shard) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    it =
        ShardOf(it->first.entity.id, options_.shards) == shard ? waiting_.erase(it) : std::next(it);
  }
}

absl::Time Gate::Recheck(const TimerKey& key, absl::Time due, absl::Time now) const {
  const absl::Time ask = due + options_.gate_ask;
  if (now < ask) return ask;
  return std::min(now + options_.gate_ask, waiting_.at(key).since + options_.gate_limit);
}

}  // namespace watchbell::engine
