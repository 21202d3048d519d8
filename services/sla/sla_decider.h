// Decides for the sla service: commands, ticket events, due timers, what it tells itself. Per
// ticket it keeps the clocks and the inputs they came from (state.proto); one timer a live ticket,
// "due", is armed for its next crossing.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/engine/decider.h"
#include "common/time/zone_data.h"
#include "services/sla/judge_loading.h"

namespace watchbell::sla {

// Thread-safe; what is compiled is its only memory, and only a memo.
class SlaDecider : public engine::Decider {
 public:
  // `zone_data`: the version of the zone data calendars are compiled with.
  explicit SlaDecider(std::string zone_data = ZoneDataVersion())
      : zone_data_(std::move(zone_data)) {}

  const std::vector<engine::EntityClass>& classes() const override;
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override;
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override;
  void Index(const engine::EntityKey& key, const google::protobuf::Message* before,
             const google::protobuf::Message& after, engine::IndexWriter& writer) const override;

 private:
  engine::Decision DecideEvent(const engine::View& view, const engine::Input& input) const;
  engine::Decision DecideTimer(const engine::View& view, const engine::Input& input) const;

  const std::string zone_data_;
  mutable JudgeCaches caches_;
};

}  // namespace watchbell::sla
