// A notifications decider with one contact, ana: one mail address and two webhooks.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/notifications/notifications_decider.h"
#include "services/notifications/notifications_store.h"
#include "services/notifications/retry.h"
#include "tests/support/decider_harness.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/events/v1/notifications.pb.h"
#include "watchbell/notifications/state/v1/state.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"

namespace watchbell::notifications {

inline constexpr char kRun[] = "inc-7/run/1";
inline constexpr char kPage[] = "inc-7/run/1/1/1/ana";
inline constexpr char kMail[] = "inc-7/run/1/1/1/ana/email1";

class DeciderTest : public ::testing::Test {
 protected:
  static v1::PutContactRequest Ana(int points) {
    v1::PutContactRequest request;
    request.mutable_contact()->set_person("ana");
    request.mutable_contact()->set_display_name("Ana Lima");
    const std::pair<v1::Medium, const char*> all[] = {
        {v1::MEDIUM_EMAIL, "ana@example.com"},
        {v1::MEDIUM_WEBHOOK, "https://example.com/1"},
        {v1::MEDIUM_WEBHOOK, "https://example.com/2"}};
    for (int i = 0; i < points; ++i) {
      v1::ContactPoint& point = *request.mutable_contact()->add_points();
      point.set_medium(all[i].first);
      point.set_address(all[i].second);
    }
    return request;
  }
  void Put(int points) { ASSERT_TRUE(harness.Command<v1::Contact>(Ana(points)).ok()); }

  static events::v1::PageRequested PageFor(const std::string& person,
                                           const std::string& run = kRun) {
    events::v1::PageRequested event;
    event.mutable_page()->set_page_id(absl::StrCat(run, "/1/1/", person));
    event.mutable_page()->set_run_id(run);
    event.mutable_page()->set_ticket_id("inc-7");
    event.mutable_page()->set_person(person);
    event.mutable_ticket()->set_title("Payment API down");
    event.mutable_ticket()->set_priority(tickets::v1::PRIORITY_CRITICAL);
    event.set_summary("first response breached, step 1");
    return event;
  }
  void Page(const std::string& person = "ana", const std::string& run = kRun) {
    ASSERT_TRUE(
        harness.Event(events::kEscalationTopic, "inc-7", PageFor(person, run), harness.now).ok());
  }
  void End(escalation::v1::RunEnd end, const std::string& run = kRun) {
    events::v1::RunEnded event;
    event.mutable_run()->set_run_id(run);
    event.mutable_run()->set_ticket_id("inc-7");
    event.mutable_run()->set_end(end);
    ASSERT_TRUE(harness.Event(events::kEscalationTopic, "inc-7", event, harness.now).ok());
  }
  // Lets the timers that are due now fire.
  void Fire() { ASSERT_TRUE(harness.AdvanceTo(harness.now + absl::Microseconds(2)).ok()); }
  void Advance(absl::Duration by) { ASSERT_TRUE(harness.AdvanceTo(harness.now + by).ok()); }

  static state::v1::DeliveryOutcome Outcome(int attempt, const std::string& id = kMail) {
    state::v1::DeliveryOutcome outcome;
    outcome.set_delivery_id(id);
    outcome.set_tenant("default");
    outcome.set_ticket_id("inc-7");
    outcome.set_attempt(attempt);
    outcome.set_result("451 4.3.0 try later");
    return outcome;
  }
  void Answer(const state::v1::DeliveryOutcome& outcome) {
    ASSERT_TRUE(harness.Outcome(outcome).ok());
  }
  void Taken(int attempt) {
    state::v1::DeliveryOutcome outcome = Outcome(attempt);
    outcome.set_ok(true);
    outcome.set_result("250 2.0.0 queued");
    Answer(outcome);
  }

  const state::v1::TicketDeliveries& State() {
    static const state::v1::TicketDeliveries kNone;
    const auto* state = harness.State<state::v1::TicketDeliveries>(TicketKey("default", "inc-7"));
    return state == nullptr ? kNone : *state;
  }
  const v1::Delivery& Mail() { return State().deliveries(0); }

  // Names of the armed timers with the time until they are due.
  std::vector<std::pair<std::string, absl::Duration>> Timers() {
    std::vector<std::pair<std::string, absl::Duration>> timers;
    for (const auto& [key, due] : harness.timers) timers.emplace_back(key.name, due - harness.now);
    return timers;
  }
  // Types of everything emitted, without package.
  std::vector<std::string> Events() {
    std::vector<std::string> names;
    for (const test::EmittedEvent& event : harness.events)
      names.push_back(event.payload->GetDescriptor()->name());
    return names;
  }

  NotificationsDecider decider;
  test::DeciderHarness harness{decider};
};

}  // namespace watchbell::notifications
