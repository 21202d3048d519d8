#include "services/sla/at_risk.h"

#include <algorithm>
#include <random>

#include "common/base/errors.h"
#include "common/rpc/page_token.h"
#include "common/time/business_calendar.h"
#include "common/time/rfc3339.h"
#include "gmock/gmock.h"
#include "services/sla/at_risk_index.h"
#include "tests/unit/sla/at_risk_desk.h"

namespace watchbell::sla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr int64_t kMinute = 60'000'000;

// A list in pages of this size: ids with the minutes left.
class AtRisk : public test::AtRiskDesk {
 protected:
  using Line = std::pair<std::string, int64_t>;

  std::vector<Line> All(v1::ListAtRiskRequest request, int64_t now) {
    std::vector<Line> lines;
    do {
      // Later pages are of the first one's moment, whenever they are asked for.
      const v1::ListAtRiskResponse page = List(request, now + (lines.empty() ? 0 : 5 * kMinute));
      EXPECT_EQ(absl::ToUnixMicros(FromProto(page.as_of())), now);
      for (const v1::AtRiskClock& clock : page.clocks()) {
        lines.emplace_back(clock.clock().clock_id(),
                           absl::ToInt64Minutes(FromProto(clock.time_left())));
      }
      if (!page.next_page_token().empty()) {
        EXPECT_EQ(page.clocks_size(), request.page_size());
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty() && lines.size() < 2000);
    return lines;
  }

  void Refused(const v1::ListAtRiskRequest& request, const std::string& field,
               const std::string& tenant = "acme") {
    const auto violations = FieldViolations(ListAtRisk(*database_, calendars_, tenant, request,
                                                       absl::FromUnixMicros(test::At("Mon 09:00")))
                                                .status());
    ASSERT_EQ(violations.size(), 1u);
    EXPECT_EQ(violations[0].field, field);
  }
};

TEST_F(AtRisk, NothingRunsIsAnEmptyListOfThisMoment) {
  const v1::ListAtRiskResponse list = List({}, test::At("Mon 09:00"));
  EXPECT_EQ(list.clocks_size(), 0);
  EXPECT_EQ(list.next_page_token(), "");
  EXPECT_EQ(absl::ToUnixMicros(FromProto(list.as_of())), test::At("Mon 09:00"));
}

TEST_F(AtRisk, ShowsTheTicketsFacts) {
  Add({"inc-1", test::At("Mon 10:00")});
  Commit();
  const v1::ListAtRiskResponse list = List({}, test::At("Mon 09:00"));
  ASSERT_EQ(list.clocks_size(), 1);
  const v1::AtRiskClock& clock = list.clocks(0);
  EXPECT_EQ(clock.clock().clock_id(), "inc-1/resolution/1");
  EXPECT_EQ(absl::ToUnixMicros(FromProto(clock.clock().due_at())), test::At("Mon 10:00"));
  EXPECT_EQ(FromProto(clock.time_left()), absl::Hours(1));
  EXPECT_EQ(clock.title(), "title of inc-1");
  EXPECT_EQ(clock.group(), "g-inc-1");
  EXPECT_EQ(clock.assignee(), "ana");
  EXPECT_EQ(clock.priority(), tickets::v1::PRIORITY_CRITICAL);
  EXPECT_EQ(clock.site(), "s");
}

TEST_F(AtRisk, ByTimeLeftAsTheTargetCountsItNotByTheDeadline) {
  Put(test::OfficeCalendar("office", "UTC"), 1);
  Put(test::OfficeCalendar("office", "America/New_York"), 2);
  Add({.ticket = "nine", .due = test::At("Tue 09:30"), .calendar = "office@1"});
  Add({.ticket = "late", .due = test::At("Mon 21:00"), .calendar = "office@2"});
  Add({.ticket = "zone",
       .due = test::At("Tue 00:30"),
       .calendar = "office@1",
       .zone = "Asia/Tokyo"});
  Add({.ticket = "plain", .due = test::At("Mon 18:00")});
  Add({.ticket = "gone", .due = test::At("Mon 16:00")});
  Commit();
  // At 16:30 half an hour of the office is left today, in New York 5.5 hours, in Tokyo it is night.
  EXPECT_THAT(All({}, test::At("Mon 16:30")),
              ElementsAre(Pair("gone/resolution/1", -30), Pair("zone/resolution/1", 30),
                          Pair("nine/resolution/1", 60), Pair("plain/resolution/1", 90),
                          Pair("late/resolution/1", 270)));
}

TEST_F(AtRisk, UnionsCountByTheVersionsTheTicketIsJudgedBy) {
  Put(test::OfficeCalendar("office", "UTC"), 1);
  Put(test::OfficeCalendar("office", "Asia/Tokyo"), 2);
  Put(test::OfficeCalendar("tokyo", "Asia/Tokyo"), 1);
  Put(test::UnionCalendar("all", {"office", "tokyo"}), 1);
  const int64_t due = test::At("Tue 10:00");
  Add({.ticket = "both", .due = due, .calendar = "all@1"}, {"all@1", "office@1", "tokyo@1"});
  Add({.ticket = "moved", .due = due, .calendar = "all@1"}, {"all@1", "office@2", "tokyo@1"});
  Commit();
  // From 16:00: an hour of the office, eight of Tokyo, another of the office.
  EXPECT_THAT(All({}, test::At("Mon 16:00")),
              ElementsAre(Pair("moved/resolution/1", 480), Pair("both/resolution/1", 600)));
}

TEST_F(AtRisk, TiesGoByDeadlineThenTicketClockAndCycle) {
  Put(test::OfficeCalendar("office", "UTC"), 1);
  Add({.ticket = "b", .due = test::At("Mon 17:00"), .calendar = "office@1"});
  Add({.ticket = "a", .due = test::At("Mon 23:00"), .calendar = "office@1"});
  Add({.ticket = "a", .due = test::At("Tue 03:00"), .cycle = 2, .calendar = "office@1"});
  Add({.ticket = "a", .due = test::At("Tue 09:00"), .name = "other", .calendar = "office@1"});
  Add({.ticket = "d", .due = test::At("Tue 09:00"), .calendar = "office@1"});
  Add({.ticket = "c", .due = test::At("Mon 17:00")});
  Commit();
  v1::ListAtRiskRequest request;
  for (const int size : {1, 2, 50}) {
    request.set_page_size(size);
    EXPECT_THAT(All(request, test::At("Mon 16:00")),
                ElementsAre(Pair("b/resolution/1", 60), Pair("c/resolution/1", 60),
                            Pair("a/resolution/1", 60), Pair("a/resolution/2", 60),
                            Pair("a/other/1", 60), Pair("d/resolution/1", 60)));
  }
}

TEST_F(AtRisk, EveryFilterMustHold) {
  for (const char* id : {"inc-1", "inc-2", "inc-3"}) {
    Add({id, test::At("Mon 10:00")});
    Add({id, test::At("Mon 11:00"), "first-response"});
  }
  tickets["inc-2"].mutable_ticket()->set_priority(tickets::v1::PRIORITY_LOW);
  tickets["inc-3"].mutable_ticket()->set_site("t");
  Commit();
  const auto listed = [&](const std::function<void(v1::AtRiskFilter&)>& set) {
    v1::ListAtRiskRequest request;
    set(*request.mutable_filter());
    std::vector<std::string> ids;
    for (const auto& [id, left] : All(request, test::At("Mon 09:00"))) ids.push_back(id);
    return ids;
  };
  EXPECT_EQ(listed([](auto&) {}).size(), 6u);
  EXPECT_THAT(listed([](auto& filter) {
                filter.add_groups("g-inc-1");
                filter.add_groups("g-inc-2");
                filter.add_clocks("resolution");
              }),
              ElementsAre("inc-1/resolution/1", "inc-2/resolution/1"));
  EXPECT_THAT(listed([](auto& filter) { filter.add_priorities(tickets::v1::PRIORITY_LOW); }),
              ElementsAre("inc-2/resolution/1", "inc-2/first-response/1"));
  EXPECT_THAT(listed([](auto& filter) { filter.add_sites("t"); }),
              ElementsAre("inc-3/resolution/1", "inc-3/first-response/1"));
  EXPECT_THAT(listed([](auto& filter) {
                filter.add_sites("t");
                filter.add_groups("g-inc-1");
              }),
              IsEmpty());
  // An hour is within an hour.
  EXPECT_EQ(listed([](auto& filter) { filter.mutable_within()->set_seconds(3600); }).size(), 3u);
  EXPECT_THAT(listed([](auto& filter) { filter.mutable_within()->set_seconds(3599); }), IsEmpty());
}

TEST_F(AtRisk, BreachedOnesAreAskedFor) {
  Add({"inc-1", test::At("Mon 10:00")});
  Add({.ticket = "inc-2", .due = test::At("Mon 08:00"), .breached = true});
  Commit();
  v1::ListAtRiskRequest request;
  EXPECT_THAT(All(request, test::At("Mon 09:00")), ElementsAre(Pair("inc-1/resolution/1", 60)));
  request.mutable_filter()->set_include_breached(true);
  EXPECT_THAT(All(request, test::At("Mon 09:00")),
              ElementsAre(Pair("inc-2/resolution/1", -60), Pair("inc-1/resolution/1", 60)));
}

TEST_F(AtRisk, TenantsAreApart) {
  Add({"inc-1", test::At("Mon 10:00")});
  Commit("rival");
  EXPECT_THAT(All({}, test::At("Mon 09:00")), IsEmpty());
  EXPECT_EQ(List({}, test::At("Mon 09:00"), "rival").clocks_size(), 1);
}

TEST_F(AtRisk, WhatChangedSinceItsRowWasReadIsShownAsItIsNow) {
  for (const char* id : {"inc-1", "inc-2", "inc-3", "inc-4"}) Add({id, test::At("Mon 10:00")});
  Commit();
  const int64_t now = test::At("Mon 09:00");
  TimesLeft times(*database_, calendars_, "acme", now);
  const v1::AtRiskFilter filter;
  const auto places = ReadAtRisk(*database_, "acme", filter, std::nullopt, 10, times);
  ASSERT_TRUE(places.ok()) << places.status();
  ASSERT_EQ(places->size(), 4u);
  tickets["inc-1"].mutable_clocks(0)->set_due(test::At("Mon 12:00"));
  tickets["inc-2"].mutable_clocks(0)->set_state(v1::CLOCK_STATE_PAUSED);
  tickets["inc-3"].mutable_clocks(0)->add_breaches()->set_leg(1);
  Commit();
  const auto shown = ShowAtRisk(*database_, "acme", filter, *places, times);
  ASSERT_TRUE(shown.ok()) << shown.status();
  ASSERT_EQ(shown->size(), 2u);
  EXPECT_EQ((*shown)[0].clock().clock_id(), "inc-4/resolution/1");
  EXPECT_EQ((*shown)[1].clock().clock_id(), "inc-1/resolution/1");
  EXPECT_EQ(FromProto((*shown)[1].time_left()), absl::Hours(3));
}

TEST_F(AtRisk, DeadlinesTwentyYearsAheadAreOnOnePageEach) {
  const int64_t far = test::At("Mon 09:00") + absl::ToInt64Microseconds(kDeadlineHorizon);
  Put(test::OfficeCalendar("office", "UTC"), 1);
  Add({"a", far});
  Add({"b", far + kMinute});
  Add({"c", far + 2 * kMinute});
  Add({.ticket = "d", .due = far + 2 * kMinute, .calendar = "office@1"});
  Commit();
  v1::ListAtRiskRequest request;
  request.set_page_size(1);
  EXPECT_EQ(All(request, test::At("Mon 09:00")).size(), 4u);
}

TEST_F(AtRisk, BadRequestsAreRefusedByField) {
  v1::ListAtRiskRequest negative;
  negative.mutable_filter()->mutable_within()->set_seconds(-1);
  Refused(negative, "filter.within");

  for (const char* id : {"inc-1", "inc-2"}) Add({id, test::At("Mon 10:00")});
  Commit();
  v1::ListAtRiskRequest request;
  request.set_page_size(1);
  request.set_page_token(List(request, test::At("Mon 09:00")).next_page_token());
  EXPECT_EQ(Ids(List(request, test::At("Mon 09:00")).clocks()),
            std::vector<std::string>{"inc-2/resolution/1"});
  Refused(request, "page_token", "rival");
  v1::ListAtRiskRequest another = request;
  another.mutable_filter()->add_sites("s");
  Refused(another, "page_token");
  another = request;
  another.set_page_token("nonsense");
  Refused(another, "page_token");
  another = request;
  another.set_page_token(absl::StrCat(request.page_token(), "A"));
  Refused(another, "page_token");
  // What we would not have made: a sum of it overflows, no database takes it for text.
  const std::string binding = rpc::QueryBinding("acme", v1::ListAtRiskRequest());
  const std::string now = absl::StrCat(test::At("Mon 09:00"));
  for (const auto& cursor : std::vector<std::vector<std::string>>{
           {now, "9223372036854775807", now, "inc-1", "resolution", "1"},
           {now, "-9223372036854775808", now, "inc-1", "resolution", "1"},
           {now, "0", "9223372036854775807", "inc-1", "resolution", "1"},
           {now, "0", "-9223372036854775808", "inc-1", "resolution", "1"},
           {now, "0", now, "inc-\xff", "resolution", "1"},
           {now, "0", now, "inc-1", "\xc3", "1"}}) {
    another.set_page_token(rpc::MakePageToken(binding, cursor));
    Refused(another, "page_token");
  }
  // A moment long ago would be counted over years.
  another = {};
  another.set_page_size(1);
  another.set_page_token(
      List(another, test::At("Mon 09:00") - 8 * 24 * 60 * kMinute).next_page_token());
  Refused(another, "page_token");
}

// --- against a list made the slow way ---

class RandomClocks {
 public:
  explicit RandomClocks(uint32_t seed) : random_(seed) {}

  test::RunningClock Next() {
    test::RunningClock clock;
    clock.ticket = absl::StrCat("inc-", Below(120));
    clock.name = absl::StrCat("clock-", counter_ % 3);
    clock.cycle = ++counter_;
    // Often at the same minute as another, often outside hours.
    clock.due = test::At("Mon 00:00") +
                (Below(2) == 0 ? Below(14) * 12 * 60 : Below(14 * 24 * 60)) * kMinute;
    clock.breached = Below(5) == 0;
    static constexpr std::pair<const char*, const char*> kKinds[] = {
        {"", ""},        {"office@1", ""},           {"office@2", ""},
        {"all@1", ""},   {"office@1", "Asia/Tokyo"}, {"office@1", "America/New_York"},
        {"never@1", ""},
    };
    std::tie(clock.calendar, clock.zone) = kKinds[Below(7)];
    return clock;
  }
  int64_t Below(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(random_); }

 private:
  std::mt19937 random_;
  int counter_ = 0;
};

class AtRiskOracle : public AtRisk {
 protected:
  void PutCalendars() {
    v1::Calendar never = test::OfficeCalendar("never", "UTC");
    never.mutable_weekly()->DeleteSubrange(1, 4);
    never.mutable_weekly(0)->mutable_intervals(0)->set_to("09:01");
    const v1::Calendar office = test::OfficeCalendar("office", "UTC");
    const v1::Calendar berlin = test::OfficeCalendar("office", "Europe/Berlin");
    const v1::Calendar tokyo = test::OfficeCalendar("tokyo", "Asia/Tokyo");
    const v1::Calendar all = test::UnionCalendar("all", {"tokyo", "office"});
    Put(office, 1);
    Put(berlin, 2);
    Put(tokyo, 1);
    Put(all, 1);
    Put(never, 1);
    const auto compile = [&](const v1::Calendar& calendar, const std::string& zone) {
      const auto find = [&](const std::string& id) { return id == "tokyo" ? &tokyo : &office; };
      return std::shared_ptr<const BusinessCalendar>(
          *CompileCalendar(calendar, "calendar", find, zone));
    };
    hours_[{"office@1", ""}] = compile(office, "");
    hours_[{"office@2", ""}] = compile(berlin, "");
    hours_[{"all@1", ""}] = compile(all, "");
    hours_[{"never@1", ""}] = compile(never, "");
    for (const char* zone : {"Asia/Tokyo", "America/New_York"}) {
      hours_[{"office@1", zone}] = compile(office, zone);
    }
  }

  void PutClocks(uint32_t seed) {
    RandomClocks random(seed);
    for (int i = 0; i < 400; ++i) {
      clocks_.push_back(random.Next());
      state::v1::TicketClocks& ticket =
          Add(clocks_.back(), {"all@1", "never@1", "office@1", "tokyo@1"});
      ticket.mutable_ticket()->set_priority(
          static_cast<tickets::v1::Priority>(1 + ticket.ticket().ticket_id().back() % 4));
    }
    Commit();
  }

  int64_t TimeLeft(const test::RunningClock& clock, int64_t as_of) {
    if (clock.calendar.empty()) return clock.due - as_of;
    const auto count = [&](int64_t from, int64_t to) {
      return absl::ToInt64Microseconds(hours_[{clock.calendar, clock.zone}]->Elapsed(
          absl::FromUnixMicros(from), absl::FromUnixMicros(to)));
    };
    return clock.due < as_of ? -count(clock.due, as_of) : count(as_of, clock.due);
  }

  std::vector<Line> Expected(const v1::AtRiskFilter& filter, int64_t as_of) {
    std::vector<AtRiskPlace> places;
    for (const test::RunningClock& clock : clocks_) {
      const AtRiskPlace place{TimeLeft(clock, as_of), clock.due, clock.ticket, clock.name,
                              clock.cycle};
      const bool far = filter.has_within() &&
                       place.time_left > absl::ToInt64Microseconds(FromProto(filter.within()));
      const bool other = filter.priorities_size() > 0 &&
                         tickets[clock.ticket].ticket().priority() != filter.priorities(0);
      if (far || other || (clock.breached && !filter.include_breached())) continue;
      places.push_back(place);
    }
    std::sort(places.begin(), places.end());
    std::vector<Line> lines;
    for (const AtRiskPlace& place : places) {
      lines.emplace_back(absl::StrCat(place.ticket_id, "/", place.clock, "/", place.cycle),
                         place.time_left / kMinute);
    }
    return lines;
  }

  std::vector<test::RunningClock> clocks_;

 private:
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const BusinessCalendar>> hours_;
};

TEST_F(AtRiskOracle, OrderAndPagesAreThoseOfAListMadeTheSlowWay) {
  PutCalendars();
  PutClocks(20'260'105);
  for (const char* at :
       {"Mon 00:00", "Wed 10:17", "Fri 17:00", "Sun 12:00", "+Mon 09:00", "+Sun 23:59"}) {
    for (const int size : {7, 500}) {
      v1::ListAtRiskRequest request;
      request.set_page_size(size);
      EXPECT_EQ(All(request, test::At(at)), Expected(request.filter(), test::At(at))) << at;
      request.mutable_filter()->set_include_breached(true);
      EXPECT_EQ(All(request, test::At(at)), Expected(request.filter(), test::At(at))) << at;
      request.mutable_filter()->mutable_within()->set_seconds(5 * 3600);
      request.mutable_filter()->add_priorities(tickets::v1::PRIORITY_HIGH);
      EXPECT_EQ(All(request, test::At(at)), Expected(request.filter(), test::At(at))) << at;
    }
  }
}

}  // namespace
}  // namespace watchbell::sla
