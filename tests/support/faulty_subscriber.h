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
#include "tests/support/forwarding_subscriber.h"

namespace watchbell::test {

class FaultySubscriber : public ForwardingSubscriber {
 public:
  // `chance(percent)` decides each fault.
  FaultySubscriber(std::unique_ptr<bus::Subscriber> real, std::function<bool(int)> chance)
      : ForwardingSubscriber(std::move(real)), chance_(std::move(chance)) {}

  void Release(int shard) override {
    for (auto& [topic_shard, held] : held_) {
      if (topic_shard.second == shard) held.clear();
    }
    ForwardingSubscriber::Release(shard);
  }
  absl::StatusOr<std::vector<bus::RecordPtr>> Poll(size_t max) override {
    absl::StatusOr<std::vector<bus::RecordPtr>> polled = ForwardingSubscriber::Poll(max);
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
  bool AtEnd(const std::string& topic, int shard, absl::Time since) override {
    auto held = held_.find({topic, shard});
    return (held == held_.end() || held->second.empty()) &&
           ForwardingSubscriber::AtEnd(topic, shard, since);
  }

 private:
  std::function<bool(int)> chance_;
  std::map<bus::TopicShard, std::deque<bus::RecordPtr>> held_;
};

}  // namespace watchbell::test
