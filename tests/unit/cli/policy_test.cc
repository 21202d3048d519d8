// `watchbell policy`: over files, and against a watchbell in this process.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/clock/clock.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/local_process.h"
#include "services/watchbell/policy_file.h"
#include "tests/unit/cli/run_command.h"

namespace watchbell::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kHours[] = R"("time_zone": "UTC", "weekly": [
    {"weekday": 1, "intervals": [{"from": "09:00", "to": "17:00"}]}])";
constexpr char kTarget[] = R"({"target_id": "all", "metric": "METRIC_RESOLUTION",
    "duration": "3600s", "basis": "TIME_BASIS_BUSINESS", "calendar_id": "office"})";

// A calendar "office" and a set "desk" of one target on it.
std::string DeskFile() {
  return absl::StrCat(R"({"calendars": [{"calendar_id": "office", )", kHours,
                      R"(}], "policy_set": {"policy_set_id": "desk", "targets": [)", kTarget,
                      "]}}");
}

class PolicyTest : public testing::Test {
 protected:
  std::string Write(absl::string_view json) {
    const std::string path = absl::StrCat(folder_->path(), "/policy.json");
    std::ofstream(path, std::ios::binary | std::ios::trunc) << json;
    return path;
  }
  Outcome Check(absl::string_view json) { return RunCommand({"policy", "check", Write(json)}); }

  const absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Make();
};

TEST_F(PolicyTest, FilesOfTheProjectAreSound) {
  int files = 0;
  for (const char* folder : {"services/watchbell/demo_data", "tests/data/policies"}) {
    const std::filesystem::path path = std::filesystem::path(WATCHBELL_SOURCE_DIR) / folder;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::string name = entry.path().string();
      const bool policy = absl::string_view(folder) == "tests/data/policies" ||
                          name.find("_policy.json") != std::string::npos;
      if (!policy) continue;
      ++files;
      const Outcome outcome = RunCommand({"policy", "check", name});
      EXPECT_EQ(outcome.status, 0) << name << "\n" << outcome.err;
      EXPECT_THAT(outcome.out, HasSubstr("OK: 1 calendar, policy set ")) << name;
    }
  }
  EXPECT_EQ(files, 4);
}

TEST_F(PolicyTest, PrioritiesWithoutAPromiseAreTold) {
  const std::string file =
      std::string(WATCHBELL_SOURCE_DIR) + "/tests/data/policies/closed_within.json";
  const std::string note =
      "no target is for tickets whose priority is critical or high or planning: they have no such "
      "clock\n";
  EXPECT_THAT(RunCommand({"policy", "check", file}).out,
              StartsWith(absl::StrCat("note: policy_set, clock closed: ", note, "OK: ")));
  EXPECT_THAT(RunCommand({"policy", "explain", file}).out,
              HasSubstr(absl::StrCat("\n  note: ", note)));
}

TEST_F(PolicyTest, EveryFaultIsPrintedAtOnce) {
  const Outcome outcome = Check(absl::StrReplaceAll(
      DeskFile(), {{"\"UTC\"", "\"Mars/Olympus\""}, {"17:00", "25:00"}, {"\"3600s\"", "\"0s\""}}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("policy.json has 3 faults:\n"),
                                 HasSubstr("\n  calendars[0].time_zone: must be an IANA"),
                                 HasSubstr("\n  calendars[0].weekly[0].intervals[0].to: must be"),
                                 HasSubstr("\n  policy_set.targets[0].duration: ")));
}

TEST_F(PolicyTest, WhatIsOddIsToldAndNoFault) {
  const Outcome outcome = Check(absl::StrReplaceAll(
      DeskFile(),
      {{"\"time_zone\"", "\"holidays\": [{\"date\": \"2040-01-03\"}], \"time_zone\""}}));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, AllOf(StartsWith("warning: calendars[0].holidays[0] (2040-01-03): "),
                                 HasSubstr("\nOK: 1 calendar, policy set desk with 1 target\n")));
}

TEST_F(PolicyTest, FilesThatAreNone) {
  const Outcome missing = RunCommand({"policy", "check", "/no/such/file.json"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("cannot read /no/such/file.json"));
  const Outcome folder = RunCommand({"policy", "check", folder_->path()});
  EXPECT_EQ(folder.status, 1);
  EXPECT_THAT(folder.err, HasSubstr(absl::StrCat("cannot read ", folder_->path())));
  const Outcome unknown = Check(absl::StrReplaceAll(DeskFile(), {{"\"duration\"", "\"time\""}}));
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("policy.json: the JSON is not a PolicyFile"),
                                 HasSubstr("targets[0]"), HasSubstr("time: Cannot find field"),
                                 HasSubstr("\nFields of Target:\n  target_id\n")));
  const Outcome value = Check(absl::StrReplaceAll(DeskFile(), {{"BASIS_BUSINESS", "WORK"}}));
  EXPECT_EQ(value.status, 1);
  EXPECT_THAT(value.err,
              EndsWith("\nValues of TimeBasis: TIME_BASIS_BUSINESS, TIME_BASIS_CALENDAR\n"));
  EXPECT_EQ(Check("{\"calendars\": ").status, 1);
  EXPECT_EQ(Check("").status, 1);
}

TEST_F(PolicyTest, WrongUse) {
  EXPECT_EQ(RunCommand({"policy", "check"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "check", "a", "b"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "check", "a", "--target=b:1"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "apply"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "apply", "a", "--activate", "--effective-at=noon"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "apply", "a", "--move-running"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "apply", "a", "--activate", "--move-running",
                        "--effective-at=2030-01-01T00:00:00Z"})
                .status,
            2);
  EXPECT_EQ(RunCommand({"policy", "explain"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "explain", "a", "--clock=inc-1/resolution/1"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "explain", "a", "--target=b:1"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "explain", "--clock=inc-1/resolution/1", "--stored"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "preview"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "preview", "a", "--running", "--policy-set=b"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "preview", "--running"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "preview", "a", "--policy-set=b"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "preview", "a", "--version=2"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "preview", "a", "--ticket=b", "--source=c"}).status, 2);
  EXPECT_EQ(
      RunCommand({"policy", "preview", "--running", "--policy-set=b", "--version=new"}).status, 2);
  EXPECT_EQ(RunCommand({"policy", "preview", "--running", "--policy-set=b", "--ticket=c"}).status,
            2);
  const std::string calendars =
      Write(absl::StrCat(R"({"calendars": [{"calendar_id": "a", )", kHours, "}]}"));
  EXPECT_EQ(RunCommand({"policy", "apply", calendars, "--activate"}).status, 2);
  const std::string set = Write(DeskFile());
  EXPECT_EQ(RunCommand({"policy", "apply", set, "--effective-at=2200-01-01T00:00:00Z"}).status, 2);
}

// The error and how that verb is written; no page of help behind it.
TEST_F(PolicyTest, WrongUseSaysHowTheVerbIsWritten) {
  EXPECT_EQ(RunCommand({"policy", "check"}).err,
            "watchbell policy check: give one file to check\n"
            "  watchbell policy check FILE [--stored]\n"
            "  See `watchbell policy --help`.\n");
  EXPECT_THAT(RunCommand({"policy", "preview"}).err,
              AllOf(HasSubstr("\n  watchbell policy preview FILE --ticket="),
                    Not(HasSubstr("policy apply")), Not(HasSubstr("TIME is as"))));
  EXPECT_EQ(RunCommand({"policy", "check", "a", "--no-such-flag"}).err,
            "watchbell: unknown flag --no-such-flag\n  See `watchbell policy --help`.\n");
}

TEST_F(PolicyTest, HelpMayStandAnywhere) {
  const Outcome help = RunCommand({"help", "policy"});
  for (const Arguments& arguments :
       std::vector<Arguments>{{"policy", "check", "/no/such/file.json", "--help"},
                              {"policy", "apply", "-h"},
                              {"policy", "--help", "preview"}}) {
    const Outcome outcome = RunCommand(arguments);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, help.out);
    EXPECT_EQ(outcome.err, "");
  }
  EXPECT_EQ(RunCommand({"policy", "check", "--", "--help"}).status, 1) << "that is a file's name";
}

// A word that is no boolean is refused, not taken for "no".
TEST_F(PolicyTest, SwitchesAreTrueOrFalse) {
  for (const char* flag : {"--activate=yes", "--activate=1", "--move-running=on"}) {
    const Outcome outcome = RunCommand({"policy", "apply", Write(DeskFile()), flag});
    EXPECT_EQ(outcome.status, 2) << flag;
    EXPECT_THAT(outcome.err, HasSubstr("must be true or false"));
  }
}

TEST_F(PolicyTest, TimesOfAWindowAreInstants) {
  const Outcome outcome = RunCommand({"policy", "preview", Write(DeskFile()), "--from=monday"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--from is no instant"));
}

TEST_F(PolicyTest, ExplainRefusesAsCheckDoes) {
  const std::string bad = Write(absl::StrReplaceAll(DeskFile(), {{"\"3600s\"", "\"0s\""}}));
  const Outcome explained = RunCommand({"policy", "explain", bad});
  EXPECT_EQ(explained.status, 1);
  EXPECT_EQ(explained.out, "");
  EXPECT_EQ(explained.err, RunCommand({"policy", "check", bad}).err);
}

class PolicyApplyTest : public PolicyTest {
 protected:
  PolicyApplyTest() : process_(StartLocal("policy_test", folder_->path() + "/data", {}, clock_)) {}

  Outcome Apply(absl::string_view json, Arguments flags = {}) {
    Arguments arguments = {"policy", "apply", Write(json),
                           absl::StrCat("--target=127.0.0.1:", (*process_)->grpc_port())};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return RunCommand(arguments);
  }

  absl::Status Call(const std::string& method, const google::protobuf::Message& request,
                    google::protobuf::Message* response) {
    return (*process_)->InProcessClient()->Call("watchbell.sla.v1.SlaService/" + method, request,
                                                response);
  }

  bool IsStored(const std::string& calendar_id) {
    sla::v1::GetCalendarRequest request;
    request.set_calendar_id(calendar_id);
    sla::v1::Calendar calendar;
    const absl::Status got = Call("GetCalendar", request, &calendar);
    EXPECT_TRUE(got.ok() || absl::IsNotFound(got)) << got;
    return got.ok();
  }

  // The version by which a ticket opened now would be counted; "desk" must be active.
  int64_t CalendarInForce() {
    sla::v1::PreviewClocksRequest request;
    request.mutable_ticket()->set_type(tickets::v1::TICKET_TYPE_INCIDENT);
    sla::v1::PreviewClocksResponse response;
    EXPECT_EQ(Call("PreviewClocks", request, &response), absl::OkStatus());
    return response.clocks_size() == 1 ? response.clocks(0).clock().calendar_version() : 0;
  }

  SystemClock clock_;
  const absl::StatusOr<std::unique_ptr<runtime::Process>> process_;
};

TEST_F(PolicyApplyTest, StoresWhatHasChangedAndSaysWhereItStands) {
  const Outcome first = Apply(DeskFile(), {"--reason=the first"});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out,
            "calendar office: version 1, counts from the beginning\n"
            "policy set desk: version 1, draft: --activate puts it in force\n");
  EXPECT_EQ(Apply(DeskFile()).out,
            "calendar office: unchanged (version 1)\n"
            "policy set desk: unchanged (version 1), draft: --activate puts it in force\n");
  EXPECT_THAT(Apply(DeskFile(), {"--activate", "--reason=go"}).out,
              HasSubstr("policy set desk: unchanged (version 1), active from 20"));
  EXPECT_THAT(
      Apply(DeskFile()).out,
      HasSubstr("policy set desk: unchanged (version 1), in force already: active from 20"));
  const std::string longer = absl::StrReplaceAll(DeskFile(), {{"3600s", "7200s"}});
  EXPECT_EQ(Apply(longer, {"--activate", "--effective-at=2200-01-01T09:00:00Z"}).out,
            "calendar office: unchanged (version 1)\n"
            "policy set desk: version 2, scheduled from 2200-01-01T09:00:00Z\n");

  sla::v1::ListPolicyVersionsRequest request;
  request.set_policy_set_id("desk");
  sla::v1::ListPolicyVersionsResponse response;
  ASSERT_TRUE(Call("ListPolicyVersions", request, &response).ok());
  ASSERT_EQ(response.versions_size(), 2);
  EXPECT_EQ(response.versions(1).create_reason(), "the first");
  EXPECT_EQ(response.versions(1).activate_reason(), "go");
}

TEST_F(PolicyApplyTest, OfAFileWithFaultsNothingIsStored) {
  const Outcome refused = Apply(absl::StrReplaceAll(DeskFile(), {{"3600s", "0s"}}));
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("policy.json has 1 fault:\n  policy_set.targets[0].duration"));
  EXPECT_FALSE(IsStored("office"));
}

TEST_F(PolicyApplyTest, CalendarsMayBeThoseStoredBefore) {
  const std::string set_only =
      absl::StrCat(R"({"policy_set": {"policy_set_id": "desk", "targets": [)", kTarget, "]}}");
  EXPECT_THAT(Apply(set_only).err, HasSubstr("\n  policy_set.targets[0].calendar_id: "));
  EXPECT_EQ(Apply(DeskFile()).status, 0);
  EXPECT_THAT(Apply(set_only).out, StartsWith("policy set desk: unchanged (version 1), draft"));
}

TEST_F(PolicyApplyTest, ExplainNamesCalendarsThatAreStored) {
  const std::string set_only =
      absl::StrCat(R"({"policy_set": {"policy_set_id": "desk", "targets": [)", kTarget, "]}}");
  ASSERT_EQ(Apply(DeskFile()).status, 0);
  const Arguments explain = {"policy", "explain", Write(set_only)};
  const Outcome without = RunCommand(explain);
  EXPECT_EQ(without.status, 1);
  EXPECT_THAT(without.err, HasSubstr("are found with --stored"));
  const std::string target = absl::StrCat("127.0.0.1:", (*process_)->grpc_port());
  Arguments with = explain;
  with.insert(with.end(), {"--stored", "--target=" + target});
  const Outcome explained = RunCommand(with);
  EXPECT_EQ(explained.status, 0) << explained.err;
  EXPECT_THAT(explained.out, HasSubstr("  1. all: 1 h, counted by calendar office\n"));
  EXPECT_THAT(explained.out, EndsWith(absl::StrCat("\nCalendars stored at ", target,
                                                   "\n  office: newest version 1\n")));
}

// What only the server can know is named by its path in the file too.
TEST_F(PolicyApplyTest, FaultsOfTheServerAreNamedByTheirPathInTheFile) {
  ASSERT_EQ(Apply(DeskFile()).status, 0);
  const Outcome refused = Apply(absl::StrCat(
      R"({"calendars": [{"calendar_id": "office", "union_of": ["east"]},
                        {"calendar_id": "east", )",
      kHours, "}]}"));
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err,
              HasSubstr("\n  calendars[0].union_of: a stored calendar cannot become a union"));
}

TEST_F(PolicyApplyTest, ATimeInThePastIsRefusedBeforeAnythingIsStored) {
  const Outcome past = Apply(DeskFile(), {"--activate", "--effective-at=2001-01-01T00:00:00Z"});
  EXPECT_EQ(past.status, 2);
  EXPECT_THAT(past.err, HasSubstr("--effective-at lies in the past"));
  EXPECT_EQ(past.out, "");
  EXPECT_FALSE(IsStored("office"));
}

TEST_F(PolicyApplyTest, CalendarsCountFromTheSameInstant) {
  ASSERT_EQ(Apply(DeskFile(), {"--activate"}).status, 0);
  const std::string later = absl::StrReplaceAll(DeskFile(), {{"17:00", "18:00"}});
  EXPECT_THAT(Apply(later, {"--activate", "--effective-at=2200-01-01T09:00:00Z"}).out,
              StartsWith("calendar office: version 2, counts for tickets opened from "
                         "2200-01-01T09:00:00Z on\n"));
  EXPECT_EQ(CalendarInForce(), 1);
  const std::string now = absl::StrReplaceAll(DeskFile(), {{"17:00", "19:00"}});
  EXPECT_THAT(Apply(now).out,
              StartsWith("calendar office: version 3, counts for tickets opened from now on\n"));
  EXPECT_EQ(CalendarInForce(), 3);
}

TEST_F(PolicyApplyTest, CalendarsAloneMayBeScheduled) {
  ASSERT_EQ(Apply(DeskFile(), {"--activate"}).status, 0);
  const std::string calendar =
      absl::StrCat(R"({"calendars": [{"calendar_id": "office", )",
                   absl::StrReplaceAll(kHours, {{"17:00", "18:00"}}), "}]}");
  EXPECT_EQ(Apply(calendar, {"--effective-at=2200-01-01T09:00:00Z"}).out,
            "calendar office: version 2, counts for tickets opened from 2200-01-01T09:00:00Z on\n");
  EXPECT_EQ(CalendarInForce(), 1);
}

// The first calendar can be stored, the second not: only the server knows what it is there.
TEST_F(PolicyApplyTest, WhatWasStoredBeforeAFailureIsNamed) {
  ASSERT_EQ(Apply(DeskFile()).status, 0);
  const Outcome refused = Apply(absl::StrCat(
      R"({"calendars": [{"calendar_id": "office", "union_of": ["east"]},
                        {"calendar_id": "east", )",
      kHours, "}]}"));
  EXPECT_EQ(refused.out, "calendar east: version 1, counts from the beginning\n");
  EXPECT_THAT(refused.err,
              EndsWith("\n  Done before that, and it stays: calendar east version 1\n"));
  EXPECT_TRUE(IsStored("east"));
}

TEST_F(PolicyApplyTest, UnionsComeAfterTheirMembers) {
  const Outcome outcome = Apply(absl::StrCat(
      R"({"calendars": [{"calendar_id": "sun", "union_of": ["east"]},
                        {"calendar_id": "east", )",
      kHours, "}]}"));
  EXPECT_EQ(outcome.out,
            "calendar east: version 1, counts from the beginning\n"
            "calendar sun: version 1, counts from the beginning\n")
      << outcome.err;
}

}  // namespace
}  // namespace watchbell::cli
