// The escalation service as the engine calls it: setups come as commands, tickets and clocks as
// events, steps as timers. The rules are in routing.h and run_machine.h; here they meet state,
// events and timers.
#pragma once

#include <vector>

#include "common/engine/decider.h"
#include "services/escalation/run_machine.h"

namespace watchbell::escalation {

// Name of the one timer a ticket has: the next step of its run.
inline constexpr char kStepTimer[] = "step";
// Finished runs kept for ListRuns; the journal has them all.
inline constexpr int kMaxHistory = 200;

// Stateless; see engine::Decider for threads.
class EscalationDecider : public engine::Decider {
 public:
  const std::vector<engine::EntityClass>& classes() const override;
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override;
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override;
};

}  // namespace watchbell::escalation
