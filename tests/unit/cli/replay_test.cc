// The replay command over the sample log, through all five services in this process.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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

TEST_F(ReplayTest, FilesThatCannotBeReplayed) {
  EXPECT_EQ(cli::Run({"replay", "--format=servicenow-audit", In("no-such-file")}), 1);
  EXPECT_EQ(cli::Run({"replay", "--format=servicenow-audit", "--data=a", "--target=b", "file"}), 2);
}

}  // namespace
}  // namespace watchbell::cli
