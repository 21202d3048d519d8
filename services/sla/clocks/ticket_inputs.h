// What a ticket's inputs mean to conditions. Pure.
#pragma once

#include "services/sla/policies/metric_rules.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

inline bool IsFinished(const state::v1::Facts& facts) {
  return facts.state() == tickets::v1::STATE_RESOLVED || facts.state() == tickets::v1::STATE_CLOSED;
}

// `facts` after `input`; both outlive the result.
inline Moment MomentOf(const state::v1::Facts& facts, const state::v1::TicketInput& input) {
  return {facts, input.event(), input.actor_kind(), input.public_()};
}

// When nothing happens; `facts` outlive the result.
inline Moment QuietMoment(const state::v1::Facts& facts) {
  return {facts, state::v1::TICKET_EVENT_KIND_UNSPECIFIED, events::v1::ACTOR_KIND_UNSPECIFIED,
          false};
}

// The start of what repeats comes to hold.
inline bool Starts(const Rules& rules, const state::v1::Facts& before, const Moment& moment) {
  return rules.start.Holds(moment) && !rules.start.Holds(QuietMoment(before));
}

// A paused clock goes on; nothing that pauses it holds.
inline bool Resumes(const Rules& rules, const Moment& moment) {
  return !rules.has_resume || rules.resume.Holds(moment);
}

}  // namespace watchbell::sla
