// The verdicts of a replay, clock by clock, as CSV. Pure: the same clocks give the same bytes.
#pragma once

#include <string>
#include <vector>

#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::cli {

// The header external_id,clock,priority,started_at,due_at,stopped_at,elapsed_s,verdict, then a row
// for each clock that has stopped, by external id, clock and cycle. Priorities as the log writes
// them, of the clock's last leg; times in RFC 3339, UTC; due_at is empty if the target is never
// reached; whole seconds; "met" or "missed". Lines end in LF.
std::string VerdictsCsv(const std::vector<sla::v1::ImportClock>& clocks);

}  // namespace watchbell::cli
