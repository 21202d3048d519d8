// The ticket events as sla reads them: which one it is, what it changed, whether it is a first
// response. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "google/protobuf/message.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::sla {

// An event of the tickets topic that sla cares about.
struct TicketEvent {
  enum class Kind { kCreated, kChanged, kImportFinished };
  Kind kind = Kind::kChanged;
  const tickets::v1::Ticket* ticket = nullptr;  // facts after; lives as long as the message
  bool response = false;  // a first response, if none came before (semantics: by a person, seen by
                          // the requester)
  int64_t as_of = 0;      // kImportFinished
};

// Nothing for events that cannot matter: a ticket saved without a change, alerts, events unknown
// here.
std::optional<TicketEvent> ReadTicketEvent(const google::protobuf::Message& message);

// The changes from `before` (null = everything is new) to the event's facts, dated `at`.
state::v1::TicketInput ChangesOf(const tickets::v1::Ticket* before, const TicketEvent& event,
                                 int64_t at, int64_t sequence);

}  // namespace watchbell::sla
