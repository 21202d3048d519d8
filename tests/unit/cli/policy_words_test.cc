// `watchbell policy explain FILE`: what a file promises, in words.
#include "services/sla/policies/policy_words.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/time/rfc3339.h"
#include "services/watchbell/message_json.h"
#include "tests/unit/cli/run_command.h"

namespace watchbell::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Words(const std::string& json) {
  sla::v1::PolicyFile file;
  EXPECT_TRUE(ParseJson(json, &file).ok());
  return sla::PolicyFileInWords(file, *ParseRfc3339("2026-01-05T09:00:00Z"));
}

std::string Explain(const std::string& file) {
  const Outcome outcome =
      RunCommand({"policy", "explain", absl::StrCat(WATCHBELL_SOURCE_DIR, "/", file)});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return outcome.out;
}

TEST(PolicyWords, TheDemosLivePolicy) {
  EXPECT_EQ(Explain("services/watchbell/demo_data/live_policy.json"),
            R"(Calendar demo-always
  Mon to Sun 00:00-24:00, in UTC
  0 holidays

Policy set demo-live. Of each clock the first target that selects a ticket counts.

Clock first-response (first response)
  1. p1-first-response: 4 s, counted by calendar demo-always
       of: tickets: priority is critical
       starts: when the ticket is opened
       stops: when responded is true
       cancelled: when state is resolved or closed
       warns: at 50 %
       when reopened: the clock goes on, and the time in between does not count
       after another target: the time counted is carried over
  2. first-response: 15 min, counted by calendar demo-always
       of: every ticket
       starts: when the ticket is opened
       stops: when responded is true
       cancelled: when state is resolved or closed
       warns: at 50 %
       when reopened: the clock goes on, and the time in between does not count
       after another target: the time counted is carried over

Clock resolution (resolution)
  1. p1-resolution: 1 min, counted by calendar demo-always
       of: tickets: priority is critical
       starts: when the ticket is opened
       stops: when state is resolved or closed
       pauses: when state is on hold and hold reason is user or vendor
       warns: at 75 %
       when reopened: the clock goes on, and the time in between does not count
       after another target: the time counted is carried over
  2. resolution: 8 h, counted by calendar demo-always
       of: every ticket
       starts: when the ticket is opened
       stops: when state is resolved or closed
       pauses: when state is on hold and hold reason is user or vendor
       warns: at 75 %
       when reopened: the clock goes on, and the time in between does not count
       after another target: the time counted is carried over
)");
}

TEST(PolicyWords, TheOtherFilesOfTheProject) {
  const std::string replay = Explain("services/watchbell/demo_data/replay_policy.json");
  EXPECT_THAT(replay, HasSubstr("  Mon to Fri 08:00-18:00, in UTC\n"));
  EXPECT_THAT(replay, HasSubstr("  1. p1-resolution: 4 h, all time counts\n"));
  EXPECT_THAT(replay, HasSubstr("       warns: at 50 %, at 80 %\n"));
  EXPECT_THAT(
      Explain("tests/data/policies/closed_within.json"),
      HasSubstr("\nClock closed (resolution)\n"
                "  1. p3-closed-within: 153 h 39 min, counted by calendar weekdays-24h\n"
                "       of: tickets: priority is moderate\n"
                "       starts: when the ticket is opened\n"
                "       stops: when state is closed\n"
                "       warns: never\n"
                "       when reopened: the clock goes on, and the time in between counts\n"));
}

TEST(PolicyWords, Calendars) {
  const std::string words = Words(R"({"calendars": [
      {"calendar_id": "shop", "time_zone": "Europe/Rome",
       "weekly": [{"weekday": 1, "intervals": [{"from": "14:00", "to": "18:00"},
                                               {"from": "09:00", "to": "13:00"}]},
                  {"weekday": 3, "intervals": [{"from": "22:00", "to": "06:00"}]}],
       "holidays": [{"date": "2026-12-28"}, {"date": "2026-05-05", "yearly": true},
                    {"date": "2026-01-05", "name": "stocktaking"}],
       "overrides": [{"date": "2026-01-12", "intervals": [{"from": "10:00", "to": "12:00"}]}],
       "breaks": [{"date": "2026-01-19", "intervals": [{"from": "10:00", "to": "12:00"}]}]},
      {"calendar_id": "sun", "union_of": ["shop", "other"]},
      {"calendar_id": "other", "time_zone": "UTC"}]})");
  EXPECT_THAT(words, HasSubstr("Calendar shop\n"
                               "  Mon 09:00-13:00, 14:00-18:00; Wed 22:00-06:00, in Europe/Rome\n"
                               "  3 holidays, 1 of them every year; 1 date with hours of their "
                               "own; 1 date with breaks\n"));
  EXPECT_THAT(words, HasSubstr("  warning: calendars[0].holidays[1] (2026-05-05): "));
  EXPECT_THAT(words,
              HasSubstr("\nCalendar sun\n"
                        "  open while one of these is, each in its own zone: shop, other\n"));
  EXPECT_THAT(words, HasSubstr("\nCalendar other\n  no weekly hours, in UTC\n  0 holidays\n"
                               "  warning: calendars[2].weekly: "));
  EXPECT_THAT(words, Not(HasSubstr("Policy set")));
}

TEST(PolicyWords, PromisesOfEveryKind) {
  const std::string words = Words(R"({"policy_set": {"policy_set_id": "all", "targets": [
      {"target_id": "day", "metric": "METRIC_RESOLUTION", "basis": "TIME_BASIS_BUSINESS",
       "calendar_id": "shop", "relative": {"business_days": 3}, "zone_source": "ZONE_SOURCE_SITE",
       "on_reopen": "REOPEN_MODE_NEW_CYCLE", "on_rematch": "REMATCH_MODE_RESTART", "vip": true,
       "when": {"any": {"of": [
          {"compare": {"field": "tags", "operator": "OPERATOR_HAS_ALL", "values": ["a", "b"]}},
          {"none": {"of": [{"compare": {"field": "service", "operator": "OPERATOR_STARTS_WITH",
                                        "values": ["web"]}}]}},
          {"compare": {"field": "vendor", "operator": "OPERATOR_IS_SET"}}]}}},
      {"target_id": "due", "metric": "METRIC_RESOLUTION", "basis": "TIME_BASIS_CALENDAR",
       "relative": {"due_date": true}},
      {"target_id": "talk", "metric": "METRIC_NEXT_RESPONSE", "basis": "TIME_BASIS_CALENDAR",
       "duration": "5400s", "warn_time_left": ["600s"]},
      {"target_id": "end", "metric": "METRIC_NAMED", "basis": "TIME_BASIS_BUSINESS",
       "calendar_id": "shop", "relative": {"end_of_business_day": 2},
       "start": {"compare": {"field": "group", "operator": "OPERATOR_IS", "values": ["db"]}},
       "stop": {"compare": {"field": "event", "operator": "OPERATOR_IS", "values": ["resolved"]}},
       "resume": {"compare": {"field": "state", "operator": "OPERATOR_IS_NOT",
                              "values": ["STATE_ON_HOLD"]}}}],
      "site_time_zones": {"rome": "Europe/Rome", "oslo": "Europe/Oslo"}}})");
  EXPECT_THAT(words, HasSubstr("  1. day: by the same time on the 3rd working day after, counted "
                               "by calendar shop, read in the zone of the ticket's site\n"
                               "       of: tickets: vip is true and (tags have \"a\" and \"b\" or "
                               "not (service begins with \"web\") or vendor is set)\n"));
  EXPECT_THAT(words, HasSubstr("when reopened: the clock stays as it is, and a new one begins\n"
                               "       after another target: counts from zero\n"));
  EXPECT_THAT(words, HasSubstr("  2. due: by the ticket's own due date, all time counts\n"
                               "       of: tickets: due at is set\n"));
  EXPECT_THAT(words, HasSubstr("\nClock next-response (next response)\n"
                               "  1. talk: 1 h 30 min, all time counts\n"));
  EXPECT_THAT(words, HasSubstr("starts: when event is commented and event public is true and event "
                               "actor is requester and not (state is resolved or closed), each "
                               "time\n"));
  EXPECT_THAT(words, HasSubstr("warns: with 10 min left\n"));
  EXPECT_THAT(words, HasSubstr("  1. end: by the end of the 2nd working day after"));
  EXPECT_THAT(words, HasSubstr("starts: when group is \"db\"\n"
                               "       stops: when event is resolved\n"
                               "       goes on: when state is not on hold\n"));
  EXPECT_THAT(words, HasSubstr("\nZones of sites\n  oslo: Europe/Oslo\n  rome: Europe/Rome\n"));
}

TEST(DurationInWords, HoursMinutesSeconds) {
  EXPECT_EQ(sla::DurationInWords(absl::ZeroDuration()), "0 s");
  EXPECT_EQ(sla::DurationInWords(absl::Hours(30) + absl::Seconds(5)), "30 h 5 s");
  EXPECT_EQ(sla::DurationInWords(-absl::Minutes(90)), "-1 h 30 min");
}

}  // namespace
}  // namespace watchbell::cli
