#include "services/sla/policies/policy_file.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"

namespace watchbell::sla {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::PolicyFile Parse(const std::string& json) {
  v1::PolicyFile file;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &file);
  EXPECT_TRUE(parsed.ok()) << parsed.ToString();
  return file;
}

const v1::Calendar* Nowhere(const std::string&) { return nullptr; }

std::vector<std::string> Faults(const v1::PolicyFile& file, const FindCalendar& find = Nowhere) {
  std::vector<std::string> lines;
  for (const FieldViolation& fault : PolicyFileFaults(file, find)) {
    lines.push_back(absl::StrCat(fault.field, ": ", fault.description));
  }
  return lines;
}

std::string Hours(const std::string& id, const std::string& zone = "UTC") {
  return absl::StrCat(R"({"calendar_id": ")", id, R"(", "time_zone": ")", zone,
                      R"(", "weekly": [{"weekday": 1, "intervals": [
                        {"from": "09:00", "to": "17:00"}]}]})");
}

std::string Target(const std::string& id, const std::string& calendar,
                   const std::string& more = "") {
  return absl::StrCat(R"({"target_id": ")", id, R"(", "metric": "METRIC_RESOLUTION",
    "duration": "3600s", "basis": "TIME_BASIS_BUSINESS", "calendar_id": ")",
                      calendar, "\"", more, "}");
}

std::string Set(const std::string& targets) {
  return absl::StrCat(R"({"policy_set_id": "desk", "targets": [)", targets, "]}");
}

TEST(PolicyFileTest, ASoundFileHasNoFaults) {
  EXPECT_THAT(Faults(Parse(absl::StrCat(R"({"calendars": [{"calendar_id": "sun", "union_of":
    ["east", "west"]}, )",
                                        Hours("east", "Asia/Tokyo"), ", ", Hours("west"),
                                        R"(], "policy_set": )", Set(Target("all", "sun")), "}"))),
              IsEmpty());
}

TEST(PolicyFileTest, AFileOfNothingIsRefused) {
  EXPECT_THAT(Faults(Parse("{}")),
              ElementsAre("policy_set: is required in a file without calendars"));
  EXPECT_THAT(Faults(Parse(absl::StrCat(R"({"calendars": [)", Hours("a"), "]}"))), IsEmpty());
}

TEST(PolicyFileTest, EveryFaultIsNamedByItsPathInTheFile) {
  const auto faults = Faults(Parse(absl::StrCat(
      R"({"calendars": [)", Hours("a"), ", ", Hours("b", "Mars/Olympus"), ", ", Hours("a"),
      R"(, {"calendar_id": "u", "union_of": ["a", "gone"]}], "policy_set": )",
      Set(absl::StrCat(Target("one", "gone"), R"(, {"target_id": "Two!"})")), "}")));
  EXPECT_THAT(faults, Contains("calendars[1].time_zone: must be an IANA time zone known here, as "
                               "Europe/Berlin"));
  EXPECT_THAT(faults, Contains("calendars[2].calendar_id: \"a\" is given twice"));
  EXPECT_THAT(faults, Contains("calendars[3].union_of[1]: there is no calendar \"gone\""));
  EXPECT_THAT(faults, Contains(testing::StartsWith("policy_set.targets[0].calendar_id: ")));
  EXPECT_THAT(faults, Contains(testing::StartsWith("policy_set.targets[1].target_id: must be 1")));
  EXPECT_THAT(faults, Contains("policy_set.targets[1].metric: is required"));
  EXPECT_THAT(faults, Contains("policy_set.targets[1].basis: is required"));
}

// The checker of a request's rules ends after 16; a file is checked piece by piece.
TEST(PolicyFileTest, ManyFaultsAreAllTold) {
  std::string calendars, targets;
  for (int i = 0; i < 30; ++i) {
    absl::StrAppend(&calendars, i == 0 ? "" : ", ", Hours(absl::StrCat("c", i), "Mars/Olympus"));
    absl::StrAppend(&targets, i == 0 ? "" : ", ", Target(absl::StrCat("T ", i), "c0"));
  }
  std::vector<std::string> paths;
  for (const FieldViolation& fault :
       PolicyFileFaults(Parse(absl::StrCat(R"({"calendars": [)", calendars, R"(], "policy_set": )",
                                           Set(targets), "}")),
                        Nowhere)) {
    paths.push_back(fault.field);
  }
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(std::count(paths.begin(), paths.end(), absl::StrCat("calendars[", i, "].time_zone")),
              1);
    EXPECT_EQ(std::count(paths.begin(), paths.end(),
                         absl::StrCat("policy_set.targets[", i, "].target_id")),
              1);
  }
}

TEST(PolicyFileTest, CalendarsMayStandElsewhere) {
  const v1::PolicyFile file = Parse(absl::StrCat(
      R"({"calendars": [{"calendar_id": "u", "union_of": ["there", "a"]}, )", Hours("a"),
      R"(], "policy_set": )",
      Set(absl::StrCat(Target("one", "there"), ", ", Target("two", "far", R"(, "clock": "two")"))),
      "}"));
  EXPECT_THAT(CalendarsElsewhere(file), ElementsAre("far", "there"));
  v1::Calendar there;
  there.set_calendar_id("there");
  const auto faults =
      Faults(file, [&](const std::string& id) { return id == "there" ? &there : nullptr; });
  EXPECT_THAT(faults, ElementsAre(testing::StartsWith("policy_set.targets[1].calendar_id: ")));
}

TEST(PolicyFileTest, UnionsAreStoredAfterTheirMembers) {
  EXPECT_THAT(StoringOrder(Parse(absl::StrCat(
                  R"({"calendars": [{"calendar_id": "u", "union_of": ["b"]}, )", Hours("a"), ", ",
                  Hours("b"), R"(, {"calendar_id": "v", "union_of": ["a"]}]})"))),
              ElementsAre(1, 2, 0, 3));
}

TEST(PolicyFileTest, PathsOfTheServerBecomePathsInTheFile) {
  EXPECT_EQ(PathInFile("calendar.weekly[0]", 3), "calendars[3].weekly[0]");
  EXPECT_EQ(PathInFile("calendar", 3), "calendars[3]");
  EXPECT_EQ(PathInFile("calendar_id", 3), "calendar_id");
  EXPECT_EQ(PathInFile("policy_set.targets[1].basis", -1), "policy_set.targets[1].basis");
  EXPECT_EQ(PathInFile("request_id", -1), "request_id");
}

TEST(PolicyFileTest, WhatIsOddIsNamedByItsPathInTheFile) {
  const v1::PolicyFile file = Parse(R"({"calendars": [
    {"calendar_id": "u", "union_of": ["a"]},
    {"calendar_id": "a", "time_zone": "UTC",
     "weekly": [{"weekday": 1, "intervals": [{"from": "09:00", "to": "17:00"}]}],
     "holidays": [{"date": "2026-01-06", "name": "A Tuesday"}]}]})");
  const auto findings = PolicyFileFindings(file, absl::FromUnixSeconds(1'767'225'600));  // 2026
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind(), v1::CALENDAR_FINDING_KIND_HOLIDAY_ON_DAY_OFF);
  EXPECT_EQ(findings[0].field(), "calendars[1].holidays[0]");
}

}  // namespace
}  // namespace watchbell::sla
