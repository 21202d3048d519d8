// Clocks for people. Pure.
#pragma once

#include <string>

#include "watchbell/sla/v1/explain.pb.h"
#include "watchbell/sla/v1/preview.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::cli {

// "running, due 2026-01-05T09:20:00Z", "stopped, missed".
std::string ClockStandsText(const sla::v1::Clock& clock);
// "inc-1042/resolution/1: running, due ..., by p3; then paused, by p2".
std::string ClockMoveText(const sla::v1::ClockMove& move);
// Lines: each clock the ticket would have, or why it would have none.
std::string PreviewedClocksText(const sla::v1::PreviewClocksResponse& preview,
                                const tickets::v1::Ticket& ticket);
// Lines: where the clock stands, stretch by stretch, why, and what would change it.
std::string ExplanationText(const sla::v1::ClockExplanation& explanation);

}  // namespace watchbell::cli
