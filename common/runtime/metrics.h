// The metrics of a process in Prometheus text format. Names: watchbell_<what>_<unit>.
#pragma once

#include <memory>
#include <string>

#include "common/engine/probe.h"
#include "common/rpc/server.h"

namespace watchbell::runtime {

// Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // The probe of one service's engine; lives as long as this.
  engine::Probe& ProbeFor(const std::string& service);
  void CallFinished(const rpc::CallReport& report);
  void EffectsBegun(const std::string& service, size_t effects);
  // 1 if the service is healthy.
  void SetHealthy(const std::string& service, bool healthy);
  // With replicas only: what this process holds of a service, and how many replicas live.
  void SetLeases(const std::string& service, size_t shards_held, int live_replicas);
  // On Kafka, all shards held together: records behind on a topic; shards that are read from their
  // producer's journal; positions that were gone, with records nobody has read; rows not published
  // beyond doubt.
  void SetConsumerLag(const std::string& service, const std::string& topic, int64_t records);
  void SetCatchingUp(const std::string& service, const std::string& topic, int shards);
  void PositionsLost(const std::string& service, const std::string& topic, int64_t more);
  void SetRelayBacklog(const std::string& service, int64_t rows);

  std::string Text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchbell::runtime
