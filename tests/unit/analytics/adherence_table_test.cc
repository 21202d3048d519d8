#include "services/analytics/adherence_table.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

using testing::ElementsAre;
using tickets::v1::PRIORITY_HIGH;
using tickets::v1::PRIORITY_LOW;

const absl::Time kOpen = At("2016-02-29T23:00:00Z");

sla::v1::Clock Named(const std::string& name, int cycle, tickets::v1::Priority priority,
                     sla::v1::Verdict verdict, absl::Time started) {
  sla::v1::Clock clock =
      MakeClock(absl::StrCat("t/", name, "/", cycle), sla::v1::METRIC_NEXT_RESPONSE, priority,
                verdict == sla::v1::VERDICT_UNSPECIFIED ? sla::v1::CLOCK_STATE_RUNNING
                                                        : sla::v1::CLOCK_STATE_STOPPED);
  clock.set_clock(name);
  clock.set_cycle(cycle);
  clock.set_verdict(verdict);
  *clock.mutable_started_at() = ToProto(started);
  return clock;
}

// Two tickets: three cycles of "next-response" over the turn of a month, one of them restated
// missed; one "ola-net" of high priority that is open.
std::vector<TicketFacts> Tickets() {
  const absl::Time march = At("2016-03-01T00:00:00Z");
  History first(kOpen, PRIORITY_LOW);
  first.Clock<ev::ClockStopped>(
      Named("next-response", 1, PRIORITY_LOW, sla::v1::VERDICT_MET, march - absl::Microseconds(1)));
  sla::v1::Clock second_cycle =
      Named("next-response", 2, PRIORITY_LOW, sla::v1::VERDICT_MET, march);
  first.Clock<ev::ClockStopped>(second_cycle);
  second_cycle.set_verdict(sla::v1::VERDICT_MISSED);
  second_cycle.set_earlier_breaches(2);
  first.Clock<ev::ClockStopped>(second_cycle);
  History second(kOpen, PRIORITY_HIGH);
  second.Clock<ev::ClockStopped>(
      Named("next-response", 1, PRIORITY_HIGH, sla::v1::VERDICT_MET, march));
  sla::v1::Clock ola = Named("ola-net", 1, PRIORITY_HIGH, sla::v1::VERDICT_UNSPECIFIED, kOpen);
  ola.set_metric(sla::v1::METRIC_OPERATIONAL_LEVEL);
  second.Clock<ev::ClockAttached>(ola);
  return {first.facts(), second.facts()};
}

// Rows as text, "clock/priority/month met missed pending earlier".
std::vector<std::string> Rows(const v1::GetAdherenceRequest& request) {
  AdherenceTable table(request);
  for (const TicketFacts& facts : Tickets()) table.Add(facts);
  const auto response = table.Finish();
  EXPECT_TRUE(response.ok()) << response.status();
  std::vector<std::string> rows;
  for (const v1::Adherence& row : response->rows()) {
    rows.push_back(absl::StrCat(row.clock(), "/", row.priority(), "/", row.month(), " ", row.met(),
                                " ", row.missed(), " ", row.pending(), " ",
                                row.earlier_breaches()));
  }
  return rows;
}

v1::GetAdherenceRequest By(const std::vector<v1::Dimension>& dimensions) {
  v1::GetAdherenceRequest request;
  for (v1::Dimension dimension : dimensions) request.add_group_by(dimension);
  return request;
}

TEST(AdherenceTable, EveryCycleCountsInTheMonthItBegan) {
  // Whatever the order asked in, rows are by clock, priority, month.
  EXPECT_THAT(Rows(By({v1::DIMENSION_MONTH, v1::DIMENSION_CLOCK, v1::DIMENSION_PRIORITY})),
              ElementsAre("next-response/2/2016-03 1 0 0 0", "next-response/4/2016-02 1 0 0 0",
                          "next-response/4/2016-03 0 1 0 2", "ola-net/2/2016-02 0 0 1 0"));
  EXPECT_THAT(Rows(By({v1::DIMENSION_MONTH})),
              ElementsAre("/0/2016-02 1 0 1 0", "/0/2016-03 1 1 0 2"));
  EXPECT_THAT(Rows(By({})), ElementsAre("/0/ 2 1 1 2"));
}

TEST(AdherenceTable, FiltersMustAllHold) {
  v1::GetAdherenceRequest request = By({v1::DIMENSION_CLOCK});
  request.add_priorities(PRIORITY_HIGH);
  EXPECT_THAT(Rows(request), ElementsAre("next-response/0/ 1 0 0 0", "ola-net/0/ 0 0 1 0"));
  request.add_clocks("next-response");
  EXPECT_THAT(Rows(request), ElementsAre("next-response/0/ 1 0 0 0"));
  request.set_last_month("2016-02");
  EXPECT_THAT(Rows(request), ElementsAre());
  request = By({});
  request.set_first_month("2016-03");
  EXPECT_THAT(Rows(request), ElementsAre("/0/ 1 1 0 2"));
  request.set_last_month("2016-03");
  EXPECT_THAT(Rows(request), ElementsAre("/0/ 1 1 0 2"));
  request = By({});
  request.add_categories("mail");
  EXPECT_THAT(Rows(request), ElementsAre());
  request.add_categories("");  // tickets without one
  EXPECT_THAT(Rows(request), ElementsAre("/0/ 2 1 1 2"));
}

TEST(AdherenceTable, MetricIsSetWhereItIsOneAndKeptWhereSomethingIsFinished) {
  for (const bool by_clock : {true, false}) {
    AdherenceTable table(by_clock ? By({v1::DIMENSION_CLOCK}) : By({}));
    for (const TicketFacts& facts : Tickets()) table.Add(facts);
    const v1::GetAdherenceResponse response = *table.Finish();
    EXPECT_EQ(response.rows(0).metric(),
              by_clock ? sla::v1::METRIC_NEXT_RESPONSE : sla::v1::METRIC_UNSPECIFIED);
    EXPECT_EQ(response.rows(0).kept().numerator(), 2);
    EXPECT_EQ(response.rows(0).kept().denominator(), 3);
    if (by_clock) {
      EXPECT_FALSE(response.rows(1).has_kept());
    }
  }
}

TEST(AdherenceTable, WaivedOnesStayMissedAndAreKeptBeside) {
  AdherenceTable table(By({}));
  for (const auto effective : {sla::v1::VERDICT_MISSED, sla::v1::VERDICT_MET}) {
    sla::v1::Clock clock = Named("next-response", 1, PRIORITY_LOW, sla::v1::VERDICT_MISSED, kOpen);
    clock.set_effective_verdict(effective);
    table.Add(History(kOpen, PRIORITY_LOW).Clock<ev::ClockWaived>(clock).facts());
  }
  for (const TicketFacts& facts : Tickets()) table.Add(facts);
  const v1::Adherence row = table.Finish()->rows(0);
  EXPECT_EQ(row.met(), 2);
  EXPECT_EQ(row.missed(), 3);
  EXPECT_EQ(row.waived(), 1);
  EXPECT_EQ(row.kept().numerator(), 2);
  EXPECT_EQ(row.kept_with_waivers().numerator(), 3);
  EXPECT_EQ(row.kept_with_waivers().denominator(), 5);
  EXPECT_GT(row.kept_with_waivers().wilson95_low(), row.kept().wilson95_low());
}

TEST(AdherenceTable, NamesEveryFaultOfTheRequest) {
  v1::GetAdherenceRequest request =
      By({v1::DIMENSION_CLOCK, v1::DIMENSION_UNSPECIFIED, v1::DIMENSION_CLOCK});
  request.add_priorities(PRIORITY_LOW);
  request.add_priorities(tickets::v1::PRIORITY_UNSPECIFIED);
  request.set_first_month("2016-3");
  request.set_last_month("2016-13");
  std::vector<std::string> fields;
  for (const FieldViolation& violation : CheckAdherenceRequest(request))
    fields.push_back(violation.field);
  EXPECT_THAT(fields, ElementsAre("priorities[1]", "first_month", "last_month", "group_by[1]",
                                  "group_by[2]"));
}

TEST(AdherenceTable, MonthsMayNotBeReversed) {
  auto faults = [](const std::string& first, const std::string& last) {
    v1::GetAdherenceRequest request;
    request.set_first_month(first);
    request.set_last_month(last);
    std::vector<std::string> fields;
    for (const FieldViolation& violation : CheckAdherenceRequest(request))
      fields.push_back(violation.field);
    return fields;
  };
  EXPECT_THAT(faults("2016-04", "2016-03"), ElementsAre("last_month"));
  EXPECT_THAT(faults("2016-03", "2016-03"), ElementsAre());
  EXPECT_THAT(faults("2016-03", ""), ElementsAre());
  EXPECT_THAT(faults("", "2016-03"), ElementsAre());
  EXPECT_THAT(faults("2016-00", "March"), ElementsAre("first_month", "last_month"));
}

TEST(AdherenceTable, RefusesMoreRowsThanAnAnswerHolds) {
  AdherenceTable table(By({v1::DIMENSION_CATEGORY}));
  auto add = [&](size_t number) {
    TicketFacts facts = Tickets()[0];
    facts.set_category(absl::StrCat("category ", number));
    table.Add(facts);
  };
  for (size_t i = 0; i < AdherenceTable::kMaxRows; ++i) add(i);
  ASSERT_TRUE(table.Finish().ok());
  EXPECT_EQ(table.Finish()->rows_size(), static_cast<int>(AdherenceTable::kMaxRows));
  add(AdherenceTable::kMaxRows);
  const absl::Status refused = table.Finish().status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  ASSERT_EQ(FieldViolations(refused).size(), 1u);
  EXPECT_EQ(FieldViolations(refused)[0].field, "group_by");
}

}  // namespace
}  // namespace watchbell::analytics
