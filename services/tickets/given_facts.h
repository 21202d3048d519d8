// What a creation says of its ticket in the same words, be it a portal's or an import's.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/tickets/dating.h"
#include "services/tickets/tags.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::tickets {

// Takes over the attributes that v1::CreateTicketRequest and the v1::Ticket of an import name alike
// and that need no default. INVALID_ARGUMENT naming the field, behind `prefix`, for bad tags and a
// due date that is none.
template <typename Given>
absl::Status TakeGivenFacts(const Given& given, const std::string& prefix, v1::Ticket* ticket) {
  RETURN_IF_ERROR(CheckTags(given.tags(), prefix + "tags"));
  if (given.has_due_at()) {
    ASSIGN_OR_RETURN(const absl::Time due_at,
                     ParseInstant(given.due_at(), (prefix + "due_at").c_str()));
    *ticket->mutable_due_at() = ToProto(due_at);
  }
  ticket->set_type(given.type());
  ticket->set_impact(given.impact());
  ticket->set_urgency(given.urgency());
  ticket->set_site(given.site());
  if (given.has_classification()) *ticket->mutable_classification() = given.classification();
  ticket->set_config_item(given.config_item());
  ticket->set_group(given.group());
  ticket->set_assignee(given.assignee());
  ticket->set_vendor(given.vendor());
  if (given.has_links()) *ticket->mutable_links() = given.links();
  ticket->set_service(given.service());
  ticket->set_vip(given.vip());
  *ticket->mutable_tags() = Sorted(given.tags());
  ticket->set_requester_time_zone(given.requester_time_zone());
  return absl::OkStatus();
}

}  // namespace watchbell::tickets
