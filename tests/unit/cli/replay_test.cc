// The replay command over the sample log, through all five services in this process.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "services/watchbell/command.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/local_process.h"

namespace watchbell::cli {
namespace {

class ReplayTest : public testing::Test {
 protected:
  std::string In(const std::string& name) const { return absl::StrCat(folder_->path(), "/", name); }

  // Writes `log`, replays it and returns the report's bytes.
  std::string Replay(absl::string_view log, const std::string& data_folder) {
    std::ofstream(In("log.csv"), std::ios::binary | std::ios::trunc) << log;
    EXPECT_EQ(cli::Run({"replay", "--format=servicenow-audit", In("log.csv"),
                        absl::StrCat("--report=", In("out.json")),
                        absl::StrCat("--data=", In(data_folder))}),
              0);
    std::ifstream report(In("out.json"), std::ios::binary);
    return {std::istreambuf_iterator<char>(report), {}};
  }

  static std::string PolicyPath(const std::string& name) {
    return absl::StrCat(WATCHBELL_SOURCE_DIR, "/tests/data/policies/", name);
  }

  // Replays the sample log by a policy; the verdicts are in verdicts.csv.
  int ReplayWith(const std::string& policy, const std::string& data_folder) {
    std::ofstream(In("log.csv"), std::ios::binary | std::ios::trunc) << Embedded("sample_log.csv");
    std::filesystem::remove(In("verdicts.csv"));
    return cli::Run({"replay", "--format=servicenow-audit", In("log.csv"),
                     absl::StrCat("--policy=", policy),
                     absl::StrCat("--verdicts=", In("verdicts.csv")),
                     absl::StrCat("--data=", In(data_folder))});
  }
  std::string Verdicts(const std::string& policy, const std::string& data_folder) {
    EXPECT_EQ(ReplayWith(PolicyPath(policy), data_folder), 0);
    std::ifstream verdicts(In("verdicts.csv"), std::ios::binary);
    return {std::istreambuf_iterator<char>(verdicts), {}};
  }

  const absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Make();
};

TEST_F(ReplayTest, ASecondReplayChangesNothing) {
  const std::string first = Replay(Embedded("sample_log.csv"), "data");
  const nlohmann::json report = nlohmann::json::parse(first);
  EXPECT_EQ(report["counts"]["incidents_all"], 300);
  EXPECT_EQ(report["replay_commands"]["counts"]["CreateTicket"], 300);
  EXPECT_EQ(report["failed"]["tickets"].size(), 0u);
  EXPECT_EQ(report["sla_adherence"]["policy"], "demo-replay@1");
  EXPECT_EQ(Replay(Embedded("sample_log.csv"), "data"), first);
  EXPECT_EQ(Replay(Embedded("sample_log.csv"), "other-data"), first);
}

TEST_F(ReplayTest, AMalformedRowCostsItsOwnTicketOnly) {
  const std::string log =
      absl::StrReplaceAll(Embedded("sample_log.csv"), {{"INC0000150,New", "INC0000150,Asleep"}});
  const nlohmann::json report = nlohmann::json::parse(Replay(log, "data"));
  EXPECT_EQ(report["counts"]["incidents_all"], 299);
  ASSERT_EQ(report["failed"]["tickets"].size(), 1u);
  EXPECT_EQ(report["failed"]["tickets"][0]["external_id"], "INC0000150");
  EXPECT_EQ(report["failed"]["tickets"][0]["column_name"], "incident_state");
  EXPECT_EQ(report["failed"]["tickets"][0]["column"], 12);
}

TEST_F(ReplayTest, VerdictsByAPolicyOfOnesOwn) {
  const std::string first = Verdicts("closed_within.json", "data");
  const std::vector<std::string> lines = absl::StrSplit(first, '\n', absl::SkipEmpty());
  ASSERT_GT(lines.size(), 200u);
  EXPECT_EQ(lines[0], "external_id,clock,priority,started_at,due_at,stopped_at,elapsed_s,verdict");
  std::set<std::string> clocks, verdicts;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = absl::StrSplit(lines[i], ',');
    ASSERT_EQ(fields.size(), 8u) << lines[i];
    EXPECT_TRUE(clocks.insert(fields[0] + fields[1]).second) << lines[i];
    verdicts.insert(fields[7]);
    const int64_t allowed = fields[2] == "3 - Moderate" ? 553'140 : 1'244'052;
    EXPECT_EQ(fields[7], std::stoll(fields[6]) <= allowed ? "met" : "missed") << lines[i];
  }
  EXPECT_TRUE(std::is_sorted(lines.begin() + 1, lines.end()));
  EXPECT_EQ(Verdicts("closed_within.json", "data"), first);
  EXPECT_EQ(Verdicts("closed_within.json", "other-data"), first);
  const std::string resolved = Verdicts("resolved_within.json", "third-data");
  EXPECT_NE(resolved.find(",resolved,3 - Moderate,"), std::string::npos);
}

// Tickets that were imported keep what judged them: verdicts of another policy are not passed off
// as this one's.
TEST_F(ReplayTest, VerdictsOfAnotherPolicyAreRefused) {
  EXPECT_NE(Verdicts("closed_within.json", "data"), "");
  EXPECT_EQ(ReplayWith(PolicyPath("resolved_within.json"), "data"), 1);
  std::ifstream policy(PolicyPath("closed_within.json"));
  const std::string text{std::istreambuf_iterator<char>(policy), {}};
  std::ofstream(In("edited.json")) << absl::StrReplaceAll(text, {{"553140s", "1s"}});
  EXPECT_EQ(ReplayWith(In("edited.json"), "data"), 1);
  EXPECT_FALSE(std::filesystem::exists(In("verdicts.csv")));
}

TEST_F(ReplayTest, PoliciesAndPlacesThatCannotWorkAreToldBeforeTheWork) {
  const std::string log = In("log.csv");
  std::ofstream(log) << Embedded("sample_log.csv");
  const auto replay = [&](Arguments flags) {
    flags.insert(flags.begin(),
                 {"replay", "--format=servicenow-audit", log, "--data=" + In("none")});
    return cli::Run(flags);
  };
  std::ofstream(In("bad.json")) << R"({"policy_set": {"policy_set_id": "x"}})";
  std::ofstream(In("calendars.json")) << R"({"calendars": []})";
  testing::internal::CaptureStderr();
  EXPECT_EQ(replay({"--policy=" + In("bad.json")}), 1);
  const std::string faults = testing::internal::GetCapturedStderr();
  EXPECT_NE(faults.find("bad.json has 1 fault:\n  policy_set.targets: "), std::string::npos)
      << faults;
  EXPECT_EQ(replay({"--policy=" + In("calendars.json")}), 1);
  EXPECT_EQ(replay({"--policy=" + In("no-such.json")}), 1);
  EXPECT_EQ(replay({"--verdicts=" + In("no-such-folder/out.csv")}), 1);
  EXPECT_EQ(replay({"--verdicts=" + folder_->path()}), 1);
  EXPECT_EQ(replay({"--verdicts=" + In("out"), "--report=" + In("out")}), 2);
  EXPECT_FALSE(std::filesystem::exists(In("none")));
}

TEST_F(ReplayTest, FilesThatCannotBeReplayed) {
  EXPECT_EQ(cli::Run({"replay", "--format=servicenow-audit", In("no-such-file")}), 1);
  EXPECT_EQ(cli::Run({"replay", "--format=servicenow-audit", "--data=a", "--target=b", "file"}), 2);
}

}  // namespace
}  // namespace watchbell::cli
