#include "services/sla/clock_rules.h"

#include <algorithm>

namespace watchbell::sla {
namespace {

bool Finished(const state::v1::Facts& facts) {
  return facts.state() == tickets::v1::STATE_RESOLVED || facts.state() == tickets::v1::STATE_CLOSED;
}

Demand RunOrPause(const v1::Target& target, const state::v1::Facts& facts) {
  const bool waits = facts.state() == tickets::v1::STATE_ON_HOLD &&
                     std::find(target.pause_on().begin(), target.pause_on().end(),
                               facts.hold_reason()) != target.pause_on().end();
  return waits ? Demand::kPause : Demand::kRun;
}

}  // namespace

Demand DemandOf(v1::Metric metric, const v1::Target& target, const state::v1::Facts& facts) {
  if (metric == v1::METRIC_FIRST_RESPONSE) {
    if (facts.responded()) return Demand::kStop;
    if (Finished(facts)) return Demand::kCancel;
    return RunOrPause(target, facts);
  }
  return Finished(facts) ? Demand::kStop : RunOrPause(target, facts);
}

void ChangeFacts(const state::v1::TicketInput& input, state::v1::Facts& facts) {
  if (input.has_state()) facts.set_state(input.state());
  if (input.has_hold_reason()) facts.set_hold_reason(input.hold_reason());
  if (input.has_priority()) facts.set_priority(input.priority());
  if (input.has_category()) facts.set_category(input.category());
  if (input.has_site()) facts.set_site(input.site());
  if (input.response()) facts.set_responded(true);
}

}  // namespace watchbell::sla
