#include "services/escalation/on_call.h"

#include <random>

#include "tests/unit/escalation/fixture.h"

namespace watchbell::escalation {
namespace {

struct HandoffCase {
  const char* name;
  const char* zone;
  const char* anchor;
  const char* handoff;  // the instant at which "b" takes over from "a"
  const char* back;     // and "a" again
};

TEST(OnCall, HandoffsAtClockChanges) {
  // Anchors lie one day before the change, turns last one day.
  const HandoffCase cases[] = {
      {"plain day", "Europe/Berlin", "2024-03-01T09:00", "2024-03-02T08:00:00Z",
       "2024-03-03T08:00:00Z"},
      {"skipped hour: the gap's end", "Europe/Berlin", "2024-03-30T02:30", "2024-03-31T01:00:00Z",
       "2024-04-01T00:30:00Z"},
      {"edge of a gap", "Europe/Berlin", "2024-03-30T02:00", "2024-03-31T01:00:00Z",
       "2024-04-01T00:00:00Z"},
      {"repeated hour: the first pass", "Europe/Berlin", "2024-10-26T02:30", "2024-10-27T00:30:00Z",
       "2024-10-28T01:30:00Z"},
      {"repeated hour", "America/New_York", "2024-11-02T01:15", "2024-11-03T05:15:00Z",
       "2024-11-04T06:15:00Z"},
      {"skipped half hour", "Australia/Lord_Howe", "2023-09-30T02:15", "2023-09-30T15:30:00Z",
       "2023-10-01T15:15:00Z"},
      {"repeated half hour", "Australia/Lord_Howe", "2024-04-06T01:45", "2024-04-06T14:45:00Z",
       "2024-04-07T15:15:00Z"},
      {"midnight skipped", "Africa/Cairo", "2023-04-27T00:00", "2023-04-27T22:00:00Z",
       "2023-04-28T21:00:00Z"},
      {"midnight skipped", "America/Sao_Paulo", "2017-10-14T00:00", "2017-10-15T03:00:00Z",
       "2017-10-16T02:00:00Z"},
      {"two hours skipped", "Antarctica/Troll", "2023-03-25T02:00", "2023-03-26T01:00:00Z",
       "2023-03-27T00:00:00Z"},
  };
  for (const HandoffCase& c : cases) {
    SCOPED_TRACE(std::string(c.zone) + " " + c.name);
    const v1::Rota rota = MakeRota("r", c.zone, c.anchor, 1, {"a", "b"});
    const absl::Time handoff = At(c.handoff);
    const absl::Time back = At(c.back);
    const std::optional<Turn> before = TurnAt(rota, handoff - absl::Microseconds(1));
    const std::optional<Turn> after = TurnAt(rota, handoff);
    ASSERT_TRUE(before && after);
    EXPECT_EQ(before->person, "a");
    EXPECT_EQ(before->until, handoff);
    EXPECT_EQ(after->person, "b");
    EXPECT_EQ(after->from, handoff);
    EXPECT_EQ(after->until, back);
    EXPECT_EQ(TurnAt(rota, back)->person, "a");
  }
}

TEST(OnCall, EachBoundaryComesFromTheAnchor) {
  // The handoff of 31 March falls into the gap; those after it are at half past two again.
  const v1::Rota rota = MakeRota("r", "Europe/Berlin", "2024-03-30T02:30", 1, {"a", "b", "c"});
  EXPECT_EQ(TurnAt(rota, At("2024-03-31T12:00:00Z"))->from, At("2024-03-31T01:00:00Z"));
  for (int day = 1; day <= 30; ++day) {
    const absl::Time noon = At("2024-03-31T12:00:00Z") + absl::Hours(24 * day);
    const absl::Time expected = At("2024-03-31T00:30:00Z") + absl::Hours(24 * day);
    EXPECT_EQ(TurnAt(rota, noon)->from, expected) << day;
    EXPECT_EQ(TurnAt(rota, noon)->person, std::string(1, static_cast<char>('a' + (day + 1) % 3)));
  }
}

TEST(OnCall, TurnsMayLastWeeksAndKeepTheWallClock) {
  const v1::Rota rota = MakeRota("r", "Europe/Berlin", "2024-03-25T09:00", 7, {"a", "b"});
  const std::optional<Turn> first = TurnAt(rota, At("2024-03-28T00:00:00Z"));
  EXPECT_EQ(first->until - first->from, absl::Hours(167));
  EXPECT_EQ(TurnAt(rota, At("2024-04-01T07:00:00Z"))->person, "b");
  EXPECT_EQ(TurnAt(rota, At("2024-04-01T06:59:59Z"))->person, "a");
}

TEST(OnCall, ADayThatNeverWasIsNobodysTurn) {
  // Samoa had no 30 December 2011: that day's turn has no length, the people after it keep their
  // days.
  const v1::Rota rota = MakeRota("r", "Pacific/Apia", "2011-12-29T00:00", 1, {"a", "b", "c"});
  const absl::Time line = At("2011-12-30T10:00:00Z");
  EXPECT_EQ(TurnAt(rota, line - absl::Microseconds(1))->person, "a");
  EXPECT_EQ(TurnAt(rota, line)->person, "c");
  EXPECT_EQ(TurnAt(rota, line)->from, line);
}

TEST(OnCall, NobodyBeforeTheAnchorOrInABrokenRota) {
  const v1::Rota rota = MakeRota("r", "UTC", "2026-01-01T00:00", 1, {"a"});
  EXPECT_FALSE(TurnAt(rota, At("2025-12-31T23:59:59Z")));
  EXPECT_EQ(TurnAt(rota, At("2026-01-01T00:00:00Z"))->person, "a");
  EXPECT_EQ(FirstTurn(rota), At("2026-01-01T00:00:00Z"));
  EXPECT_FALSE(TurnAt(rota, absl::InfinitePast()));
  EXPECT_FALSE(TurnAt(rota, absl::InfiniteFuture()));
  EXPECT_FALSE(
      TurnAt(MakeRota("r", "Mars/Base", "2026-01-01T00:00", 1, {"a"}), At("2026-02-01T00:00:00Z")));
  EXPECT_FALSE(TurnAt(MakeRota("r", "UTC", "soon", 1, {"a"}), At("2026-02-01T00:00:00Z")));
  EXPECT_FALSE(
      TurnAt(MakeRota("r", "UTC", "2026-01-01T00:00", 0, {"a"}), At("2026-02-01T00:00:00Z")));
  EXPECT_FALSE(TurnAt(MakeRota("r", "UTC", "2026-01-01T00:00", 1, {}), At("2026-02-01T00:00:00Z")));
}

TEST(OnCall, AnchorsAreExact) {
  EXPECT_EQ(ParseAnchor("2026-02-28T23:59"), absl::CivilMinute(2026, 2, 28, 23, 59));
  for (const char* bad :
       {"", "2026-02-29T00:00", "2026-01-01T24:00", "2026-01-01T00:60", "2026-01-01 00:00",
        "2026-1-01T00:000", "2026-13-01T00:00", "1969-12-31T00:00", "2201-01-01T00:00",
        "2026-01-01T00:00Z", "+026-01-01T00:00", "2026-01-01T-1:00"}) {
    EXPECT_FALSE(ParseAnchor(bad)) << bad;
  }
}

TEST(OnCall, ZonesAreNamesNotPaths) {
  EXPECT_TRUE(FindZone("Europe/Berlin"));
  EXPECT_TRUE(FindZone("UTC"));
  for (const char* bad : {"", "localtime", "/usr/share/zoneinfo/Europe/Berlin", "../etc/passwd",
                          ":Europe/Berlin", "Europe/Nowhere"}) {
    EXPECT_FALSE(FindZone(bad)) << bad;
  }
}

// The oracle only ever reads the local clock, as somebody at the desk would: when the hand first
// reaches a handoff's label, the next person takes over, and nobody goes back when the hand does.
void CheckAgainstAHand(const std::string& zone_name, int year, const std::string& clock, int days) {
  const std::vector<std::string> people = {"a", "b", "c", "d", "e"};
  const v1::Rota rota =
      MakeRota("r", zone_name, absl::StrCat(year, "-01-01T", clock), days, people);
  const absl::TimeZone zone = *FindZone(zone_name);
  const absl::CivilMinute anchor = *ParseAnchor(rota.anchor());
  const auto label = [&](int64_t turn) {
    return absl::CivilMinute(anchor.year(), anchor.month(), anchor.day() + turn * days,
                             anchor.hour(), anchor.minute());
  };
  int64_t turn = -1;
  absl::Time taken_over;
  std::optional<Turn> last;
  const absl::Time end = absl::FromCivil(absl::CivilDay(year + 1, 1, 8), zone);
  absl::Time at = absl::FromCivil(absl::CivilDay(year - 1, 12, 31), absl::UTCTimeZone());
  for (int step = 0; at < end; at += absl::Minutes(15), ++step) {
    const absl::CivilMinute hand(zone.At(at).cs);
    while (hand >= label(turn + 1)) {
      ++turn;
      taken_over = at;
    }
    const bool near_change =
        zone.At(at - absl::Hours(36)).offset != zone.At(at + absl::Hours(36)).offset;
    if (!near_change && step % 17 != 0) continue;
    const std::optional<Turn> found = TurnAt(rota, at);
    ASSERT_EQ(found.has_value(), turn >= 0) << at;
    if (!found) continue;
    ASSERT_EQ(found->index, turn) << at;
    ASSERT_EQ(found->person, people[static_cast<size_t>(turn) % people.size()]) << at;
    ASSERT_EQ(found->from, taken_over) << at;
    ASSERT_LE(found->from, at);
    ASSERT_GT(found->until, at);
    // Whoever comes next begins where this one ends.
    const std::optional<Turn> next = TurnAt(rota, found->until);
    ASSERT_TRUE(next);
    ASSERT_EQ(next->from, found->until);
    ASSERT_GT(next->index, found->index);
    if (last && last->index != found->index) {
      ASSERT_LE(last->until, found->from);
    }
    last = found;
  }
}

TEST(OnCall, AgreesWithAMinuteHandInEveryZone) {
  const std::pair<const char*, int> zones[] = {
      {"Europe/Berlin", 2024},     {"America/New_York", 2024},  {"Australia/Lord_Howe", 2023},
      {"Africa/Cairo", 2023},      {"America/Sao_Paulo", 2017}, {"Asia/Beirut", 2022},
      {"America/Santiago", 2022},  {"Antarctica/Troll", 2023},  {"Pacific/Apia", 2011},
      {"Africa/Casablanca", 2023}, {"Asia/Kathmandu", 2024},    {"UTC", 2024}};
  for (const auto& [zone, year] : zones) {
    for (const char* clock : {"00:00", "00:30", "01:45", "02:00", "02:30", "03:00", "09:15"}) {
      for (const int days : {1, 2, 7}) {
        SCOPED_TRACE(absl::StrCat(zone, " ", year, " ", clock, " every ", days));
        CheckAgainstAHand(zone, year, clock, days);
        if (HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace watchbell::escalation
