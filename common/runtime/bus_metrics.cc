#include "common/runtime/bus_metrics.h"

#include <algorithm>

namespace watchbell::runtime {

void BusMetrics::Report(const bus::KafkaStats& stats, Metrics& metrics) {
  MutexLock lock(mu_);
  // What is no longer told of has no figure of its own any more: its shards are held elsewhere.
  for (auto& [who, behind] : behind_) behind = {};
  for (auto& [producer, rows] : backlogs_) rows = 0;
  for (const bus::KafkaStats::Lag& lag : stats.lags) {
    Behind& behind = behind_[{lag.consumer, lag.topic}];
    behind.records += lag.records;
    behind.catching_up += lag.catching_up ? 1 : 0;
    // A shard keeps its losses while it is held elsewhere: what was told once is not told again.
    int64_t& told = lost_[{lag.consumer, lag.topic, lag.shard}];
    metrics.PositionsLost(lag.consumer, lag.topic, std::max<int64_t>(0, lag.lost - told));
    told = lag.lost;
  }
  for (const auto& backlog : stats.backlogs) backlogs_[backlog.producer] += backlog.rows;
  for (const auto& [who, behind] : behind_) {
    metrics.SetConsumerLag(who.first, who.second, behind.records);
    metrics.SetCatchingUp(who.first, who.second, behind.catching_up);
  }
  for (const auto& [producer, rows] : backlogs_) metrics.SetRelayBacklog(producer, rows);
}

}  // namespace watchbell::runtime
