#include "services/tickets/alert_intake.h"

#include <algorithm>
#include <random>

#include "common/time/rfc3339.h"
#include "nlohmann/json.hpp"
#include "services/tickets/alert_episode.h"
#include "tests/unit/tickets/tickets_fixture.h"

namespace watchbell::tickets {
namespace {

namespace ev = events::v1;
using Json = nlohmann::json;

// One delivery about one alert; times are minutes from the start of the test.
struct Delivery {
  std::string host;
  bool firing;
  int starts;
  int ends = 0;
  std::string group = "Disk";
};

class AlertTest : public TicketsTest {
 protected:
  Json Alert(const Delivery& d, const std::string& severity = "critical") const {
    Json alert = {{"status", d.firing ? "firing" : "resolved"},
                  {"labels", {{"alertname", d.group}, {"host", d.host}, {"severity", severity}}},
                  {"annotations", {{"summary", "Disk of " + d.host}}},
                  {"startsAt", FormatRfc3339(start_ + absl::Minutes(d.starts))}};
    if (!d.firing) alert["endsAt"] = FormatRfc3339(start_ + absl::Minutes(d.ends));
    return alert;
  }

  static v1::PublishAlertsRequest Request(const std::vector<Json>& alerts) {
    Json payload = {{"version", "4"}, {"status", "firing"}, {"alerts", alerts}};
    v1::PublishAlertsRequest request;
    request.set_payload(payload.dump());
    return request;
  }

  std::vector<std::string> Send(test::DeciderHarness& to, const std::vector<Json>& alerts) {
    const auto response = to.Command<v1::PublishAlertsResponse>(Request(alerts));
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> outcomes;
    if (!response.ok()) return outcomes;
    for (const v1::AlertOutcome& outcome : response->outcomes()) {
      outcomes.push_back(outcome.outcome());
    }
    return outcomes;
  }
  std::string Send(const Delivery& delivery) { return Send(desk, {Alert(delivery)}).at(0); }

  v1::State StateOf(const std::string& id) const { return Stored(id)->ticket().state(); }

  const absl::Time start_ = desk.now - absl::Hours(1);
};

TEST_F(AlertTest, OneTicketHoweverOftenItIsSentAndAResolveResolvesIt) {
  EXPECT_EQ(Send({"a", true, 0}), "opened");
  const v1::Ticket& ticket = Stored("inc-1")->ticket();
  EXPECT_EQ(ticket.title(), "Disk of a");
  EXPECT_EQ(ticket.priority(), v1::PRIORITY_CRITICAL);
  EXPECT_EQ(ticket.channel(), v1::CHANNEL_MONITORING);
  EXPECT_EQ(FromProto(ticket.opened_at()), desk.now);
  EXPECT_EQ(ticket.alert_fingerprint().substr(0, 2), "1:");
  const size_t events = desk.events.size();
  EXPECT_EQ(events, 2u) << "AlertFired and TicketCreated";
  EXPECT_EQ(Send({"a", true, 0}), "repeated");
  EXPECT_EQ(Send({"a", true, 0}), "repeated");
  EXPECT_EQ(desk.events.size(), events) << "a repeat is no event";
  desk.now += absl::Minutes(10);
  EXPECT_EQ(Send({"a", false, 0, 65}), "resolved");
  EXPECT_EQ(StateOf("inc-1"), v1::STATE_RESOLVED);
  EXPECT_EQ(FromProto(Stored("inc-1")->ticket().resolved_at()), start_ + absl::Minutes(65))
      << "by the source's time";
  EXPECT_EQ(Send({"a", false, 0, 65}), "repeated");
  EXPECT_EQ(Send({"a", true, 0}), "cleared") << "a late old fire opens nothing";
  EXPECT_EQ(Create().ticket_id(), "inc-2");
  ExpectVersionsWithoutHoles();
}

TEST_F(AlertTest, EventsTellWhatBecameOfIt) {
  Send({"a", true, 0});
  const auto* fired = desk.events[1].As<ev::AlertFired>() ? desk.events[1].As<ev::AlertFired>()
                                                          : desk.events[0].As<ev::AlertFired>();
  ASSERT_NE(fired, nullptr);
  EXPECT_EQ(fired->outcome(), "opened");
  EXPECT_EQ(fired->ticket_id(), "inc-1");
  EXPECT_EQ(fired->labels().at("host"), "a");
  EXPECT_EQ(FromProto(fired->starts_at()), start_);
  Send({"a", false, 0, 5});
  const auto& cleared = Last<ev::AlertCleared>();
  EXPECT_EQ(cleared.outcome(), "resolved");
  EXPECT_EQ(cleared.ticket_id(), "inc-1");
  EXPECT_EQ(cleared.fingerprint(), fired->fingerprint());
}

TEST_F(AlertTest, AStormIsOneTicketAndTheLastToClearResolvesIt) {
  std::vector<Json> storm;
  for (int i = 0; i < 40; ++i) storm.push_back(Alert({"h" + std::to_string(i), true, i % 7}));
  const std::vector<std::string> outcomes = Send(desk, storm);
  EXPECT_EQ(outcomes[0], "opened");
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), "joined"), 39);
  for (int i = 0; i < 39; ++i) {
    EXPECT_EQ(Send({"h" + std::to_string(i), false, 0, 50}), "kept:others_firing");
  }
  EXPECT_EQ(StateOf("inc-1"), v1::STATE_NEW);
  EXPECT_EQ(Send({"h39", false, 0, 50}), "resolved");
  EXPECT_EQ(StateOf("inc-1"), v1::STATE_RESOLVED);
  EXPECT_EQ(Stored("inc-2"), nullptr);
}

TEST_F(AlertTest, SeverityTwinsShareATicketAndOtherGroupsDoNot) {
  EXPECT_EQ(Send(desk, {Alert({"a", true, 0}, "warning"), Alert({"a", true, 0}, "critical"),
                        Alert({"a", true, 0, 0, "Mail"})}),
            (std::vector<std::string>{"opened", "joined", "opened"}));
}

TEST_F(AlertTest, ANewEpisodeAfterTheResolutionOpensAnotherTicket) {
  Send({"a", true, 0});
  Send({"a", false, 0, 5});
  EXPECT_EQ(Send({"a", true, 6}), "opened");
  EXPECT_EQ(StateOf("inc-2"), v1::STATE_NEW);
}

TEST_F(AlertTest, ALateOldResolveDoesNotCloseANewerEpisode) {
  Send({"a", true, 0});
  Send({"a", true, 20});  // the resolve in between has not come yet
  EXPECT_EQ(Send({"a", false, 0, 10}), "kept:newer_episode");
  EXPECT_EQ(StateOf("inc-1"), v1::STATE_NEW);
  EXPECT_EQ(Send({"a", false, 20, 30}), "resolved");
}

TEST_F(AlertTest, AResolveBeforeItsFireOpensNothing) {
  EXPECT_EQ(Send({"a", false, 0, 10}), "cleared");
  EXPECT_EQ(Last<ev::AlertCleared>().outcome(), "kept:not_firing");
  EXPECT_EQ(Send({"a", true, 0}), "cleared");
  EXPECT_EQ(Last<ev::AlertFired>().outcome(), "suppressed:already_cleared");
  EXPECT_EQ(Stored("inc-1"), nullptr);
}

TEST_F(AlertTest, WhatAPersonHoldsOrResolvedIsKept) {
  Send({"a", true, 0});
  ASSERT_TRUE(Hold("tickets/inc-1", v1::HOLD_REASON_VENDOR).ok());
  EXPECT_EQ(Send({"a", false, 0, 5}), "kept:on_hold");
  EXPECT_EQ(StateOf("inc-1"), v1::STATE_ON_HOLD);
  Send({"b", true, 0, 0, "Mail"});
  ASSERT_TRUE(Do<v1::ResolveTicketRequest>("tickets/inc-2").ok());
  EXPECT_EQ(Send({"b", true, 0, 0, "Mail"}), "repeated") << "a repeat reopens nothing";
  EXPECT_EQ(Send({"b", false, 0, 5, "Mail"}), "kept:already_resolved");
}

TEST_F(AlertTest, AfterAPersonResolvedItTheNextAlertOpensAnother) {
  Send({"a", true, 0});
  ASSERT_TRUE(Do<v1::ResolveTicketRequest>("tickets/inc-1").ok());
  EXPECT_EQ(Send({"b", true, 0}), "opened");
  EXPECT_EQ(Send({"a", true, 10}), "joined") << "a new episode of the first one";
  EXPECT_EQ(Send({"b", false, 0, 20}), "kept:others_firing");
  EXPECT_EQ(Send({"a", false, 10, 20}), "resolved");
  EXPECT_EQ(StateOf("inc-2"), v1::STATE_RESOLVED);
}

TEST_F(AlertTest, BadAlertsAreNamedAndGoodOnesKept) {
  const auto response = desk.Command<v1::PublishAlertsResponse>(
      Request({Alert({"a", true, 0}), Json{{"status", "fring"}}, Alert({"b", true, 0})}));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->outcomes(0).outcome(), "opened");
  EXPECT_EQ(response->outcomes(0).ticket(), "tickets/inc-1");
  EXPECT_EQ(response->outcomes(1).outcome(), "bad");
  EXPECT_EQ(response->outcomes(1).path(), "/alerts/1");
  EXPECT_EQ(response->outcomes(1).error(),
            "UNKNOWN_ENUM: /alerts/1/status is neither firing nor resolved");
  EXPECT_EQ(response->outcomes(2).outcome(), "joined");
}

TEST_F(AlertTest, APayloadThatIsNoneIsRefused) {
  v1::PublishAlertsRequest request;
  request.set_payload("no json");
  const auto response = desk.Command<v1::PublishAlertsResponse>(request);
  EXPECT_EQ(FieldViolations(response.status())[0].field, "payload");
}

TEST_F(AlertTest, IntegrationsAndTenantsAreApart) {
  Send({"a", true, 0});
  v1::PublishAlertsRequest request = Request({Alert({"a", true, 0})});
  request.set_integration("other");
  EXPECT_EQ(desk.Command<v1::PublishAlertsResponse>(request)->outcomes(0).outcome(), "opened");
  desk.identity.tenant = "other";
  EXPECT_EQ(Send({"a", true, 0}), "opened");
}

TEST_F(AlertTest, AFireWithoutAStartIsOneEpisode) {
  Json alert = Alert({"a", true, 0});
  alert["startsAt"] = "not a date";
  EXPECT_EQ(Send(desk, {alert}), std::vector<std::string>{"opened"});
  desk.now += absl::Minutes(5);
  EXPECT_EQ(Send(desk, {alert}), std::vector<std::string>{"repeated"});
}

TEST(Episode, TimesFarAheadAreNotBelieved) {
  const absl::Time now = absl::FromUnixSeconds(1'767'225'600);
  Episode episode;
  EXPECT_EQ(HearFiring(now + absl::Hours(1), now, &episode), News::kBegan);
  EXPECT_EQ(episode.fired_at, now);
  EXPECT_EQ(HearResolved(std::nullopt, now + absl::Hours(1), now, &episode), News::kCleared);
  EXPECT_EQ(episode.cleared_until, now);
}

TEST(Episode, AnEndBeforeItsStartIsItsStart) {
  const absl::Time now = absl::FromUnixSeconds(1'767'225'600);
  Episode episode;
  HearFiring(now, now, &episode);
  EXPECT_EQ(HearResolved(now, now - absl::Minutes(1), now, &episode), News::kCleared);
}

// What is left when all deliveries have come: per alert its algebra, and the alerts of open
// tickets.
std::string Rest(const test::DeciderHarness& desk, const std::vector<Delivery>& deliveries) {
  std::set<std::string> lines;
  std::map<std::string, std::set<std::string>> members;  // of open tickets
  std::set<std::string> ids;
  for (const test::EmittedEvent& event : desk.events) ids.insert(event.stream.id);
  for (const std::string& id : ids) {
    if (const auto* alert = desk.State<state::v1::AlertState>(AlertKey("default", id))) {
      Episode episode;
      if (alert->has_fired_at()) episode.fired_at = FromProto(alert->fired_at());
      if (alert->has_cleared_until()) episode.cleared_until = FromProto(alert->cleared_until());
      lines.insert(id + " " + absl::FormatTime(episode.fired_at, absl::UTCTimeZone()) + " " +
                   absl::FormatTime(episode.cleared_until, absl::UTCTimeZone()));
      if (!episode.firing()) continue;
      const auto* ticket =
          desk.State<state::v1::TicketState>(TicketKey("default", alert->ticket_id()));
      EXPECT_TRUE(ticket != nullptr && IsOpen(ticket->ticket().state())) << id;
      const auto* group =
          desk.State<state::v1::Correlation>(CorrelationKey("default", alert->correlation_id()));
      EXPECT_EQ(group->ticket_id(), alert->ticket_id());
      EXPECT_EQ(std::count(group->members().begin(), group->members().end(), id), 1);
      members[alert->ticket_id()].insert(id);
    }
  }
  for (const std::string& id : ids) {
    const auto* ticket = desk.State<state::v1::TicketState>(TicketKey("default", id));
    if (ticket == nullptr || !IsOpen(ticket->ticket().state())) continue;
    EXPECT_FALSE(members[id].empty()) << id << " is open and nothing of it fires";
  }
  std::string rest = std::to_string(deliveries.size());
  for (const std::string& line : lines) rest += "\n" + line;
  for (const auto& [ticket, firing] : members) {
    std::string joined;
    for (const std::string& id : firing) joined += " " + id;
    lines.insert("open:" + joined);
  }
  for (const std::string& line : lines) rest += "\n" + line;
  return rest;
}

// Any permutation of the same deliveries, some of them twice, ends in the same state.
TEST_F(AlertTest, AnyPermutationEndsInTheSameState) {
  for (int seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::vector<Delivery> deliveries;
    for (int alert = 0; alert < 4; ++alert) {
      const std::string host = "h" + std::to_string(alert);
      const std::string group = alert % 2 == 0 ? "Disk" : "Mail";
      int at = static_cast<int>(random() % 5);
      const int episodes = 1 + static_cast<int>(random() % 3);
      for (int episode = 0; episode < episodes; ++episode) {
        const int end = at + 1 + static_cast<int>(random() % 5);
        deliveries.push_back({host, true, at, 0, group});
        if (episode + 1 < episodes || random() % 2 == 0) {
          deliveries.push_back({host, false, at, end, group});
        }
        at = end + 1 + static_cast<int>(random() % 5);
      }
    }
    std::string expected;
    for (int order = 0; order < 12; ++order) {
      std::vector<Delivery> shuffled = deliveries;
      if (order > 0) {
        for (int i = 0; i < 3; ++i) shuffled.push_back(deliveries[random() % deliveries.size()]);
        std::shuffle(shuffled.begin(), shuffled.end(), random);
      }
      test::DeciderHarness other(decider);
      for (size_t i = 0; i < shuffled.size();) {
        std::vector<Json> payload;  // one to three deliveries at once
        for (size_t n = 1 + random() % 3; n > 0 && i < shuffled.size(); --n) {
          payload.push_back(Alert(shuffled[i++]));
        }
        Send(other, payload);
      }
      const std::string rest = Rest(other, deliveries);
      if (order == 0) expected = rest;
      EXPECT_EQ(rest, expected);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace watchbell::tickets
