// Records of the raw alert topic, decided: tickets from good ones, no harm from any other.
#include <algorithm>
#include <iterator>
#include <random>
#include <set>

#include "absl/strings/escaping.h"
#include "common/time/rfc3339.h"
#include "tests/unit/tickets/raw_records.h"
#include "tests/unit/tickets/tickets_fixture.h"

namespace watchbell::tickets {
namespace {

namespace ev = events::v1;

class RawIntakeTest : public TicketsTest {
 protected:
  void Feed(const std::string& value, Headers headers = {}) {
    const auto input = decider.ReadRaw(Record(value, std::move(headers)));
    ASSERT_TRUE(input.ok()) << input.status();
    desk.identity = input->identity;
    const std::shared_ptr<const google::protobuf::Message> message = input->message;
    ASSERT_TRUE(desk.EventMessage(events::kRawAlertsTopic, "", message, desk.now).ok());
  }
  void FeedKeyed(const std::string& status, absl::Duration at) {
    Feed(Keyed(status),
         Binary({{"ce_subject", "rack-14"}, {"ce_time", FormatRfc3339(start_ + at)}}));
  }
  v1::State StateOf(const std::string& id) const { return Stored(id)->ticket().state(); }
  template <typename E>
  int Count() const {
    return static_cast<int>(std::count_if(desk.events.begin(), desk.events.end(),
                                          [](const auto& e) { return e.template As<E>(); }));
  }
  const absl::Time start_ = desk.now - absl::Hours(1);
};

TEST_F(RawIntakeTest, AnAlertBecomesATicketAndItsEndResolvesIt) {
  Feed(Webhook());
  const v1::Ticket& ticket = Stored("inc-1")->ticket();
  EXPECT_EQ(ticket.requester(), "monitoring:raw");
  EXPECT_EQ(ticket.channel(), v1::CHANNEL_MONITORING);
  EXPECT_EQ(FromProto(ticket.opened_at()), desk.now) << "when the desk knows";
  Feed(Webhook());
  EXPECT_EQ(Stored("inc-2"), nullptr);
  Feed(Webhook(
      R"({"status":"resolved","labels":{"alertname":"Disk","host":"a"},"endsAt":"2026-01-01T00:00:00Z"})"));
  EXPECT_EQ(StateOf("inc-1"), v1::STATE_RESOLVED);
}

TEST_F(RawIntakeTest, TheSameAlertByRpcAndByTopicOfOneIntegrationIsOne) {
  Feed(Webhook(), {{"ce_source", "prom"}});
  v1::PublishAlertsRequest request;
  request.set_payload(Webhook());
  request.set_integration("prom");
  const auto response = desk.Command<v1::PublishAlertsResponse>(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->outcomes(0).outcome(), "repeated");
  EXPECT_EQ(response->outcomes(0).ticket(), "tickets/inc-1");
}

TEST_F(RawIntakeTest, TheBadPartHarmsNoGoodOne) {
  Feed(Webhook(absl::StrCat("7,", kAlert, R"(,{"status":"fring"})")));
  EXPECT_NE(Stored("inc-1"), nullptr);
  EXPECT_EQ(Stored("inc-2"), nullptr);
}

TEST_F(RawIntakeTest, AKeyedAlertIsOneEpisodeHoweverOftenItIsSent) {
  FeedKeyed("firing", absl::ZeroDuration());
  const v1::Ticket& ticket = Stored("inc-1")->ticket();
  EXPECT_EQ(ticket.title(), "PDU B at 97%");
  EXPECT_EQ(ticket.config_item(), "rack-14");
  EXPECT_EQ(ticket.priority(), v1::PRIORITY_CRITICAL);
  EXPECT_EQ(ticket.requester(), "monitoring://prom/fra");
  FeedKeyed("firing", absl::Minutes(5));
  FeedKeyed("firing", absl::Minutes(5));
  EXPECT_EQ(Count<ev::AlertFired>(), 1);
  // An end that is older than the last word of firing ends nothing.
  FeedKeyed("resolved", absl::Minutes(3));
  EXPECT_EQ(StateOf("inc-1"), v1::STATE_NEW);
  FeedKeyed("resolved", absl::Minutes(9));
  EXPECT_EQ(StateOf("inc-1"), v1::STATE_RESOLVED);
  FeedKeyed("firing", absl::Minutes(7));
  EXPECT_EQ(Stored("inc-2"), nullptr) << "a late word of the old one";
  FeedKeyed("firing", absl::Minutes(11));
  EXPECT_NE(Stored("inc-2"), nullptr);
}

// Whatever order the same deliveries come in, the alert's state in the end is the same.
TEST_F(RawIntakeTest, KeyedDeliveriesInAnyOrderEndTheSame) {
  std::vector<std::pair<std::string, int>> deliveries = {
      {"firing", 0}, {"firing", 5}, {"resolved", 3}, {"resolved", 9}, {"firing", 12}};
  std::sort(deliveries.begin(), deliveries.end());
  std::set<std::string> ends;
  do {
    TicketsDecider fresh;
    test::DeciderHarness other(fresh);
    other.now = desk.now;
    for (const auto& [status, minute] : deliveries) {
      const auto input = fresh.ReadRaw(Record(
          Keyed(status), Binary({{"ce_time", FormatRfc3339(start_ + absl::Minutes(minute))}})));
      ASSERT_TRUE(input.ok());
      other.identity = input->identity;
      const std::shared_ptr<const google::protobuf::Message> message = input->message;
      ASSERT_TRUE(other.EventMessage(events::kRawAlertsTopic, "", message, other.now).ok());
    }
    const auto* state = other.State<state::v1::AlertState>(AlertKey(
        "default", AlertFingerprint("default", "//prom/fra", {{"alert_key", "rack-14/pdu-b"}})));
    ASSERT_NE(state, nullptr);
    ends.insert(absl::StrCat(absl::ToUnixSeconds(FromProto(state->fired_at())), "/",
                             absl::ToUnixSeconds(FromProto(state->cleared_until()))));
  } while (std::next_permutation(deliveries.begin(), deliveries.end()));
  EXPECT_EQ(ends.size(), 1u);
}

// Never a crash: either an input or a reason, and what is an input can be decided.
class RawAlertFuzz : public TicketsTest {
 protected:
  void Feed(const bus::Record& record) {
    const auto input = ReadRawAlert(record, "default");
    if (!input.ok()) {
      EXPECT_EQ(input.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_NE(ErrorReason(input.status()), "") << input.status();
      ++refused;
      return;
    }
    ++taken;
    EXPECT_TRUE(RawOf(*input).SerializeAsString().size() > 0);
    const std::shared_ptr<const google::protobuf::Message> message = input->message;
    desk.identity = input->identity;
    EXPECT_TRUE(desk.EventMessage(events::kRawAlertsTopic, "", message, desk.now).ok());
  }
  int refused = 0;
  int taken = 0;
};

TEST_F(RawAlertFuzz, EveryPrefixOfEveryForm) {
  const std::string forms[] = {
      Webhook(), Array("2026-01-01T00:00:00Z"), Keyed(), Structured(Data(Webhook())),
      Structured(absl::StrCat(R"(,"data_base64":")", absl::Base64Escape(Webhook()), "\""))};
  for (const std::string& form : forms) {
    for (size_t size = 0; size <= form.size(); ++size) Feed(Record(form.substr(0, size)));
  }
  EXPECT_EQ(taken, 5) << "only the whole ones";
}

TEST_F(RawAlertFuzz, BytesFlippedAndThrownTogether) {
  const unsigned seed = 20260101;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto pick = [&random](size_t below) { return static_cast<size_t>(random()) % below; };
  const std::string forms[] = {Webhook(), Array("2026-01-01T00:00:00Z"), Keyed(),
                               Structured(Data(Webhook())), Structured(Data(Keyed()))};
  const char* const names[] = {"content-type", "ce_specversion", "ce_source",   "ce_time",
                               "ce_tenant",    "ce_subject",     "traceparent", "ce_"};
  const char* const values[] = {"1.0",
                                "application/json",
                                "application/cloudevents+json",
                                "",
                                "a",
                                "\xff",
                                "2026-01-01T00:00:00Z",
                                kTrace};
  for (int round = 0; round < 4000; ++round) {
    std::string value;
    if (round % 4 == 0) {
      value.resize(pick(200));
      for (char& c : value) c = static_cast<char>(random());
    } else {
      value = forms[pick(std::size(forms))];
      for (size_t flips = pick(4); flips > 0; --flips) {
        value[pick(value.size())] = static_cast<char>(random());
      }
      if (round % 7 == 0) value.insert(pick(value.size()), value.substr(pick(value.size())));
    }
    Headers headers;
    for (size_t i = pick(3); i > 0; --i) {
      headers.emplace_back(names[pick(std::size(names))], values[pick(std::size(values))]);
    }
    Feed(Record(value, std::move(headers)));
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(taken, 100);
}

TEST_F(RawAlertFuzz, AMebibyteOfAnything) {
  constexpr size_t kMebibyte = 1024 * 1024;
  const auto fill = [](const std::string& before, const std::string& item,
                       const std::string& after) {
    std::string value = before;
    while (value.size() + item.size() + after.size() <= kMebibyte) value += item;
    return value + after;
  };
  const std::string values[] = {
      fill("", "[", ""),
      fill("", "{\"a\":", ""),
      fill("[7", ",7", "]"),
      fill("[{}", ",{}", "]"),
      fill("[{\"a\":1,\"a\":1}", ",{\"a\":1,\"a\":1}", "]"),
      fill("{\"alerts\":[{\"a\":1,\"a\":1}", ",{\"a\":1,\"a\":1}", "],\"z\":1,\"z\":2}"),
      fill("{\"alerts\":[],\"x\":{\"a\":1", ",\"a\":1", "}}"),
      fill("{\"alert_key\":\"", "k", "\",\"status\":\"firing\"}"),
      fill("{\"alert_key\":\"k\",\"status\":\"firing\",\"title\":\"", "\\n", "\"}"),
      fill("{\"specversion\":\"1.0\",\"data_base64\":\"", "A", "\"}"),
      fill("\"", "\xf0\x9f\x98\x80", "\""),
      fill("", "\xff", ""),
  };
  for (const std::string& value : values) {
    EXPECT_GT(value.size(), kMebibyte - 32);
    Feed(Record(value));
  }
  EXPECT_EQ(taken, 1) << "the one with a long title";
}

}  // namespace
}  // namespace watchbell::tickets
