// Analytics as a decider: every lifecycle event that changes a ticket's facts is folded into them.
// It takes no commands, arms no timers and emits no events.
#pragma once

#include <vector>

#include "common/engine/decider.h"

namespace watchbell::analytics {

class AnalyticsDecider : public engine::Decider {
 public:
  AnalyticsDecider();

  const std::vector<engine::EntityClass>& classes() const override { return classes_; }
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override;
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override;
  void Index(const engine::EntityKey& key, const google::protobuf::Message* before,
             const google::protobuf::Message& after, engine::IndexWriter& writer) const override;

 private:
  const std::vector<engine::EntityClass> classes_;
};

}  // namespace watchbell::analytics
