// Stories about promises and pages, in the words of a desk.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/desk.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(EscalationStory, FridayEveningBreachesOnMondayMorningAndStopsAtTheAcknowledgement) {
  Desk desk;
  desk.Hours("09:00", "17:00")
      .Promise(P1, kFirstResponse, absl::Minutes(30))
      .Team("network", {"ana", "ben"}, absl::Minutes(15));

  desk.At("2026-01-02 16:50");  // a Friday
  const std::string ticket = desk.Open(P1);

  desk.At("2026-01-05 09:20");  // due now, and a response now would still be in time
  EXPECT_THAT(desk.Breaches(ticket), IsEmpty());
  desk.At("2026-01-05 09:20:01");
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-05 09:20"));
  EXPECT_THAT(desk.PagedPeople(ticket), ElementsAre("ana"));
  EXPECT_THAT(desk.Mailed(ticket), ElementsAre("ana@example.org"));

  desk.At("2026-01-05 09:30").Acknowledge(ticket, "ana");
  desk.At("2026-01-06 12:00");
  EXPECT_THAT(desk.PagedPeople(ticket), ElementsAre("ana")) << "step two is never paged";
  EXPECT_EQ(desk.Verdict(ticket, kFirstResponse), "missed");
}

TEST(EscalationStory, WithoutAnAcknowledgementTheNextStepIsPaged) {
  Desk desk;
  desk.Hours("09:00", "17:00")
      .Promise(P1, kFirstResponse, absl::Minutes(30), {50})
      .Team("network", {"ana", "ben"}, absl::Minutes(15));
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 09:44:59");
  EXPECT_THAT(desk.Warnings(ticket), ElementsAre("2026-01-05 09:15"));
  EXPECT_THAT(desk.PagedPeople(ticket), ElementsAre("ana"));
  desk.At("2026-01-05 09:46");
  EXPECT_THAT(desk.PagedPeople(ticket), ElementsAre("ana", "ben"));
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-05 09:30"));
}

TEST(EscalationStory, AResponseAtTheDeadlineIsInTimeAndNobodyIsPaged) {
  Desk desk;
  desk.Promise(P1, kFirstResponse, absl::Minutes(30)).Team("network", {"ana"}, absl::Minutes(15));
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.At("2026-01-05 09:30").Acknowledge(ticket, "ana");
  desk.At("2026-01-05 12:00");
  EXPECT_EQ(desk.Verdict(ticket, kFirstResponse), "met");
  EXPECT_THAT(desk.Breaches(ticket), IsEmpty());
  EXPECT_THAT(desk.PagedPeople(ticket), IsEmpty());
}

TEST(EscalationStory, ATicketWithoutAGroupIsRoutedAndItsAssignmentComesBack) {
  Desk desk;
  desk.Promise(P1, kFirstResponse, absl::Minutes(30)).Team("network", {"ana"}, absl::Minutes(15));
  const std::string ticket = desk.Open(P1);
  const auto assigned = desk.world().Events<events::v1::TicketAssigned>("tickets", ticket);
  ASSERT_EQ(assigned.size(), 1u);
  EXPECT_EQ(assigned[0].second.ticket().group(), "network");
  EXPECT_EQ(assigned[0].second.reason(), "rule everything");
}

TEST(EscalationStory, DowntimeOverTheDeadlineFiresOnceAndLate) {
  Desk desk;
  desk.Promise(P1, kFirstResponse, absl::Minutes(30))
      .Team("network", {"ana", "ben"}, absl::Minutes(15));
  desk.At("2026-01-05 09:00");
  const std::string ticket = desk.Open(P1);
  desk.world().clock.Set(ParseStoryTime("2026-01-05 09:40"));  // nothing ran meanwhile
  desk.world().Restart();
  desk.At("2026-01-05 09:41");
  EXPECT_THAT(desk.Breaches(ticket), ElementsAre("2026-01-05 09:30"));
  EXPECT_THAT(desk.PagedPeople(ticket), ElementsAre("ana"));
  desk.world().Restart();
  desk.At("2026-01-05 10:30");
  EXPECT_THAT(desk.PagedPeople(ticket), ElementsAre("ana", "ben"));
}

}  // namespace
}  // namespace watchbell::test
