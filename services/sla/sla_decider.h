// Decides for the sla service: commands on reference data, ticket events, due timers. Per ticket it
// keeps the clocks and the inputs they came from (state.proto); one timer a live ticket, "due", is
// armed for its next crossing.
#pragma once

#include <vector>

#include "common/engine/decider.h"
#include "services/sla/judge_loading.h"

namespace watchbell::sla {

// Thread-safe; what is compiled is its only memory, and only a memo.
class SlaDecider : public engine::Decider {
 public:
  const std::vector<engine::EntityClass>& classes() const override;
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override;
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override;

 private:
  engine::Decision DecideEvent(const engine::View& view, const engine::Input& input) const;
  engine::Decision DecideTimer(const engine::View& view, const engine::Input& input) const;

  mutable JudgeCaches caches_;
};

}  // namespace watchbell::sla
