// Every decision of notifications: contacts by command, deliveries by what escalation asked for, by
// timers and by what the sender reports.
#pragma once

#include <vector>

#include "common/engine/decider.h"

namespace watchbell::notifications {

class NotificationsDecider : public engine::Decider {
 public:
  const std::vector<engine::EntityClass>& classes() const override;
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override;
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override;
  void Index(const engine::EntityKey& key, const google::protobuf::Message* before,
             const google::protobuf::Message& after, engine::IndexWriter& writer) const override;
};

}  // namespace watchbell::notifications
