// A subscriber that repeats records and holds partitions back, as a real broker may. Order within a
// partition is kept: no broker breaks that.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/bus/bus.h"

namespace watchbell::test {

class FaultySubscriber : public bus::Subscriber {
 public:
  // `chance(percent)` decides each fault.
  FaultySubscriber(std::unique_ptr<bus::Subscriber> real, std::function<bool(int)> chance)
      : real_(std::move(real)), chance_(std::move(chance)) {}

  const std::vector<std::string>& topics() const override { return real_->topics(); }
  absl::Status Start(const std::map<bus::TopicShard, int64_t>& applied) override {
    held_.clear();
    return real_->Start(applied);
  }
  absl::StatusOr<std::vector<bus::RecordPtr>> Poll(size_t max) override {
    absl::StatusOr<std::vector<bus::RecordPtr>> polled = real_->Poll(max);
    if (!polled.ok()) return polled;
    for (bus::RecordPtr& record : *polled) {
      std::deque<bus::RecordPtr>& held = held_[{record->topic, record->shard}];
      held.push_back(record);
      if (chance_(5)) held.push_back(record);
    }
    std::vector<bus::RecordPtr> released;
    for (auto& [shard, held] : held_) {
      if (chance_(20)) continue;  // this partition is late
      while (!held.empty() && released.size() < max) {
        released.push_back(std::move(held.front()));
        held.pop_front();
      }
    }
    return released;
  }
  bool AtEnd(const std::string& topic, int shard) override {
    auto held = held_.find({topic, shard});
    return (held == held_.end() || held->second.empty()) && real_->AtEnd(topic, shard);
  }
  absl::StatusOr<std::vector<bus::RecordPtr>> ReadStream(const std::string& topic,
                                                         const std::string& tenant,
                                                         const std::string& stream_id,
                                                         int64_t after_version,
                                                         int limit) override {
    return real_->ReadStream(topic, tenant, stream_id, after_version, limit);
  }
  // Records taken from the bus and not handed on yet.
  bool Holding() const {
    for (const auto& [shard, held] : held_) {
      if (!held.empty()) return true;
    }
    return false;
  }

 private:
  std::unique_ptr<bus::Subscriber> real_;
  std::function<bool(int)> chance_;
  std::map<bus::TopicShard, std::deque<bus::RecordPtr>> held_;
};

}  // namespace watchbell::test
