// What the tests of the tickets service share: a decider in memory and short ways to speak to it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "services/tickets/ticket.h"
#include "services/tickets/tickets_decider.h"
#include "services/tickets/tickets_entities.h"
#include "tests/support/decider_harness.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/tickets/state/v1/state.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

class TicketsTest : public testing::Test {
 protected:
  static v1::CreateTicketRequest NewTicket() {
    v1::CreateTicketRequest request;
    request.set_type(v1::TICKET_TYPE_INCIDENT);
    request.set_title("Mail is down");
    request.set_description("Nobody can send");
    request.set_impact(v1::IMPACT_HIGH);
    request.set_urgency(v1::URGENCY_MEDIUM);
    return request;
  }

  v1::Ticket Create() {
    auto ticket = desk.Command<v1::Ticket>(NewTicket());
    EXPECT_TRUE(ticket.ok()) << ticket.status();
    return ticket.ok() ? *ticket : v1::Ticket();
  }

  template <typename Request>
  absl::StatusOr<v1::Ticket> Do(const std::string& name, Request request = {}) {
    request.set_name(name);
    return desk.Command<v1::Ticket>(request);
  }

  absl::StatusOr<v1::Ticket> Hold(const std::string& name, v1::HoldReason reason) {
    v1::HoldTicketRequest request;
    request.set_reason(reason);
    return Do(name, request);
  }

  const state::v1::TicketState* Stored(const std::string& id) const {
    return desk.State<state::v1::TicketState>(TicketKey("default", id));
  }

  // The last event, which must be an E.
  template <typename E>
  const E& Last() const {
    static const E none;
    const E* event = desk.events.empty() ? nullptr : desk.events.back().As<E>();
    EXPECT_NE(event, nullptr);
    return event != nullptr ? *event : none;
  }

  // Versions of every ticket's events are 1, 2, 3, ... and say so in their facts.
  void ExpectVersionsWithoutHoles() const {
    std::map<std::string, int64_t> last;
    for (const test::EmittedEvent& event : desk.events) {
      if (event.stream.cls != kTicketClass) continue;
      const int64_t expected = ++last[event.stream.id];
      EXPECT_EQ(event.version, expected) << event.stream.id;
      const auto* field = event.payload->GetDescriptor()->FindFieldByName("ticket");
      const auto& ticket = static_cast<const v1::Ticket&>(
          event.payload->GetReflection()->GetMessage(*event.payload, field));
      EXPECT_EQ(ticket.version(), expected) << event.stream.id;
      EXPECT_EQ(ticket.etag(), EtagOf(expected));
      EXPECT_EQ(FromProto(ticket.update_time()), event.occurred_at);
      EXPECT_EQ(ticket.description().empty(), expected != 1 || ticket.has_import());
    }
    for (const auto& [id, version] : last) EXPECT_EQ(Stored(id)->ticket().version(), version);
  }

  TicketsDecider decider;
  test::DeciderHarness desk{decider};
};

}  // namespace watchbell::tickets
