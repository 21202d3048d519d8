// The rows of the index follow the clocks, and are written only when they change.
#include "services/sla/at_risk_index.h"

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "services/sla/sla_store.h"
#include "services/sla/time_left.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla {
namespace {

using test::Bench;
using test::Business;
using test::Life;
using test::MakeTarget;
using testing::ElementsAre;
using testing::IsEmpty;
namespace tv = tickets::v1;

// What was written since the last look: "+<row>" and "-<key>".
class Ledger : public engine::IndexWriter {
 public:
  void Upsert(const db::Table& table, db::Row row) override {
    EXPECT_EQ(&table, &AtRiskTable());
    EXPECT_EQ(row.size(), table.columns.size());
    lines_.push_back(absl::StrCat("+", db::AsText(row[2]), "/", db::AsInt(row[3]), " ",
                                  test::Show(db::AsInt(row[4])),
                                  db::AsInt(row[5]) == 1 ? " breached" : "", " ",
                                  db::AsText(row[6]), " ", db::AsText(row[7])));
  }
  void Delete(const db::Table& table, db::Row key) override {
    EXPECT_EQ(static_cast<int>(key.size()), table.key_columns);
    lines_.push_back(absl::StrCat("-", db::AsText(key[2]), "/", db::AsInt(key[3])));
  }

  std::vector<std::string> After(const state::v1::TicketClocks& ticket) {
    IndexAtRisk(TicketKey("acme", "inc-1"), stored_ ? &*stored_ : nullptr, ticket, *this);
    stored_ = ticket;
    return std::exchange(lines_, {});
  }

 private:
  std::optional<state::v1::TicketClocks> stored_;
  std::vector<std::string> lines_;
};

class AtRiskIndex : public testing::Test {
 protected:
  const Bench bench_{{
      test::WarnedAt(MakeTarget("fast", v1::METRIC_RESOLUTION, 60, {tv::PRIORITY_CRITICAL}), {50}),
      test::PausedBy(Business(MakeTarget("slow", v1::METRIC_RESOLUTION, 240)),
                     tv::HOLD_REASON_USER),
  }};
  Life life_{bench_};
  Ledger ledger_;
};

TEST_F(AtRiskIndex, FollowsAttachPauseResumeRetargetBreachAndStop) {
  life_.Do("Mon 10:00", test::Opened(tv::PRIORITY_LOW));
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("+resolution/1 Mon 14:00 office@1 "));
  life_.Do("Mon 11:00", test::Hold());
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("-resolution/1"));
  life_.Do("Mon 12:00", test::Work());
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("+resolution/1 Mon 15:00 office@1 "));
  life_.Do("Mon 12:10", test::Raise(tv::PRIORITY_CRITICAL));
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("+resolution/1 Mon 12:00 breached  "));
  life_.Do("Mon 12:20", test::Raise(tv::PRIORITY_LOW));
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("+resolution/1 Mon 15:00 office@1 "));
  life_.Until("Mon 15:01");
  EXPECT_THAT(ledger_.After(life_.ticket),
              ElementsAre("+resolution/1 Mon 15:00 breached office@1 "));
  life_.Do("Mon 16:00", test::Resolve());
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("-resolution/1"));
}

TEST_F(AtRiskIndex, WhatDoesNotChangeARowWritesNone) {
  life_.Do("Mon 10:00", test::Opened(tv::PRIORITY_CRITICAL));
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("+resolution/1 Mon 11:00  "));
  life_.Do("Mon 10:05", test::Respond());
  EXPECT_THAT(ledger_.After(life_.ticket), IsEmpty());
  life_.Until("Mon 10:31");  // a warning
  EXPECT_THAT(ledger_.After(life_.ticket), IsEmpty());
  life_.ticket.mutable_ticket()->set_title("another");
  EXPECT_THAT(ledger_.After(life_.ticket), IsEmpty());
  life_.ticket.mutable_ticket()->set_group("network");
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("+resolution/1 Mon 11:00  network"));
}

TEST_F(AtRiskIndex, HistoricTicketsHaveNoRowUntilTheyGoLive) {
  life_.ticket.set_historic(true);
  life_.Do("Mon 10:00", test::Opened(tv::PRIORITY_LOW));
  EXPECT_THAT(ledger_.After(life_.ticket), IsEmpty());
  life_.ticket.set_historic(false);
  EXPECT_THAT(ledger_.After(life_.ticket), ElementsAre("+resolution/1 Mon 14:00 office@1 "));
}

TEST(Counting, NamesAllThatTimeLeftDependsOn) {
  state::v1::TicketClocks ticket;
  state::v1::Era& first = *ticket.add_eras();
  first.add_calendars()->set_calendar_id("office");
  first.mutable_calendars(0)->set_version(1);
  first.add_calendars()->set_calendar_id("tokyo");
  first.mutable_calendars(1)->set_version(3);
  state::v1::Era& second = *ticket.add_eras();
  second.set_first_target(2);
  second.add_calendars()->set_calendar_id("tokyo");
  second.mutable_calendars(0)->set_version(4);
  state::v1::ClockRecord clock;
  EXPECT_EQ(CountingOf(ticket, clock), "");
  clock.set_calendar_id("office");
  clock.set_calendar_version(1);
  EXPECT_EQ(CountingOf(ticket, clock), "office@1+tokyo@3");
  clock.set_target(2);
  EXPECT_EQ(CountingOf(ticket, clock), "office@1+tokyo@4");
  clock.set_time_zone("Etc/GMT+5");
  EXPECT_EQ(CountingOf(ticket, clock), "office@1|Etc/GMT+5");
}

}  // namespace
}  // namespace watchbell::sla
