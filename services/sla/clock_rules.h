// What the facts of a ticket ask of a clock. One function a metric; everything else is the same for
// all of them.
#pragma once

#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Metrics that exist, in the order of ListClocks.
inline constexpr v1::Metric kMetrics[] = {v1::METRIC_FIRST_RESPONSE, v1::METRIC_RESOLUTION};

enum class Demand {
  kRun,
  kPause,
  kStop,    // the stop condition holds
  kCancel,  // there is nothing to measure now
};

// What a clock with this target should do on a ticket with these facts.
Demand DemandOf(v1::Metric metric, const v1::Target& target, const state::v1::Facts& facts);

// Applies the changes of an input.
void ChangeFacts(const state::v1::TicketInput& input, state::v1::Facts& facts);

}  // namespace watchbell::sla
