// A subscriber that does what another one does: the base of those that do a part of it differently.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/bus/bus.h"

namespace watchbell::test {

class ForwardingSubscriber : public bus::Subscriber {
 public:
  explicit ForwardingSubscriber(std::unique_ptr<bus::Subscriber> real) : real_(std::move(real)) {}

  const std::vector<std::string>& topics() const override { return real_->topics(); }
  absl::Status Hold(int shard, const std::map<std::string, bus::Position>& applied) override {
    return real_->Hold(shard, applied);
  }
  void Release(int shard) override { real_->Release(shard); }
  absl::StatusOr<std::vector<bus::RecordPtr>> Poll(size_t max) override { return real_->Poll(max); }
  bool AtEnd(const std::string& topic, int shard, absl::Time since) override {
    return real_->AtEnd(topic, shard, since);
  }
  absl::StatusOr<std::optional<std::vector<bus::RecordPtr>>> ReadStream(
      const std::string& topic, const std::string& tenant, const std::string& stream_id,
      int64_t after_version, int limit) override {
    return real_->ReadStream(topic, tenant, stream_id, after_version, limit);
  }
  void Stored(const std::map<bus::TopicShard, bus::Position>& positions) override {
    real_->Stored(positions);
  }

 private:
  std::unique_ptr<bus::Subscriber> real_;
};

}  // namespace watchbell::test
