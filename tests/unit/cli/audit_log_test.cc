#include "services/watchbell/audit_log.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "services/watchbell/servicenow_audit.h"

namespace watchbell::cli {
namespace {

const bool kAlways = true;
absl::StatusOr<AuditLog> Read(const std::string& path) {
  return ReadAuditLog(path, [](int64_t) { return kAlways; });
}

class AuditLogTest : public testing::Test {
 protected:
  ~AuditLogTest() override { std::remove(path_.c_str()); }

  static std::string Header() {
    return absl::StrCat(absl::StrJoin(AuditHeader::Columns(), ","), "\n");
  }
  static std::string Row(const std::string& number, const std::string& state,
                         const std::string& time) {
    return absl::StrCat(number, ",", state,
                        ",true,0,0,0,true,Caller 1,Opened by 1,1/3/2016 08:00,?,?,Updated by 1,",
                        time,
                        ",Phone,Location 1,Category 1,Subcategory 1,?,?,2 - Medium,2 - Medium,3 - "
                        "Moderate,Group 1,?,",
                        "false,false,Do Not Notify,?,?,?,?,code 1,Resolved by 1,?,?\n");
  }
  AuditLog ReadText(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    absl::StatusOr<AuditLog> log = Read(path_);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }
  static std::string Order(const AuditLog& log) {
    return absl::StrJoin(log.commands, " ", [&](std::string* out, const QueuedCommand& c) {
      absl::StrAppend(out, log.tickets[c.ticket].external_id, ":", c.kind);
    });
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "/audit_log_test.", getpid());
};

TEST_F(AuditLogTest, OrderIsEventTimeThenFileOrder) {
  const AuditLog log =
      ReadText(Header() + Row("A", "New", "1/3/2016 09:00") + Row("A", "Active", "1/3/2016 11:00") +
               Row("B", "New", "1/3/2016 08:59") + Row("B", "Resolved", "1/3/2016 11:00"));
  EXPECT_EQ(Order(log), "B:CreateTicket A:CreateTicket A:StartWork B:Resolve");
}

TEST_F(AuditLogTest, AMalformedRowCostsOnlyItsOwnTicket) {
  const AuditLog log =
      ReadText(Header() + Row("A", "New", "1/3/2016 09:00") + Row("A", "Active", "yesterday") +
               Row("A", "Resolved", "1/3/2016 11:00") + Row("B", "New", "1/3/2016 09:30"));
  EXPECT_EQ(Order(log), "A:CreateTicket B:CreateTicket");
  EXPECT_EQ(log.rows, 2);
  EXPECT_EQ(log.rows_malformed, 1);
  ASSERT_EQ(log.failed.size(), 1u);
  EXPECT_EQ(log.failed[0].external_id, "A");
  EXPECT_EQ(log.failed[0].reason,
            "line 3, column 79 (sys_updated_at): not a time D/M/YYYY HH:MM: \"yesterday\"");
  EXPECT_EQ(log.failed[0].line, 3);
  EXPECT_EQ(log.failed[0].rows_skipped, 2);
}

TEST_F(AuditLogTest, ARowThatSaysNotWhoseItIs) {
  const AuditLog log =
      ReadText(Header() + Row("A", "New", "1/3/2016 09:00") + Row("?", "New", "1/3/2016 09:00") +
               Row("A", "Active", "1/3/2016 11:00"));
  EXPECT_EQ(Order(log), "A:CreateTicket A:StartWork");
  ASSERT_EQ(log.failed.size(), 1u);
  EXPECT_EQ(log.failed[0].external_id, "");
  EXPECT_EQ(log.failed[0].reason, "line 3, column 1 (number): the case has no number");
}

TEST_F(AuditLogTest, ALostQuoteCostsItsTicket) {
  const AuditLog log =
      ReadText(Header() + Row("A", "New", "1/3/2016 09:00") + "B,\"New\n" +
               Row("B", "Active", "1/3/2016 11:00") + Row("C", "New", "1/3/2016 09:30"));
  EXPECT_EQ(Order(log), "A:CreateTicket C:CreateTicket");
  ASSERT_EQ(log.failed.size(), 1u);
  EXPECT_EQ(log.failed[0].external_id, "B");
  EXPECT_EQ(log.failed[0].reason, "line 3, column 3: a quote that is never closed");
  EXPECT_EQ(log.failed[0].rows_skipped, 2);
}

TEST_F(AuditLogTest, RowsOfACaseMustFollowEachOther) {
  const AuditLog log =
      ReadText(Header() + Row("A", "New", "1/3/2016 09:00") + Row("B", "New", "1/3/2016 09:00") +
               Row("A", "Active", "1/3/2016 11:00") + Row("B", "Active", "1/3/2016 11:00"));
  EXPECT_EQ(Order(log), "A:CreateTicket B:CreateTicket");
  ASSERT_EQ(log.failed.size(), 2u);
  EXPECT_EQ(log.failed[0].reason, "the rows of this case do not follow each other");
  EXPECT_EQ(log.failed[0].rows_skipped, 1);
}

TEST_F(AuditLogTest, FilesThatAreNoLogs) {
  std::ofstream(path_, std::ios::binary) << "a,b\n1,2\n";
  EXPECT_EQ(Read(path_).status().code(), absl::StatusCode::kInvalidArgument);
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << "";
  EXPECT_EQ(Read(path_).status().message(), absl::StrCat(path_, " is empty"));
}

// The log of a real desk lies beside the project, not in it. Where it must be, its absence is a
// failure.
std::string SharedFile(const std::string& name) {
  const std::string path = absl::StrCat(WATCHBELL_SOURCE_DIR, "/../shared/data/", name);
  if (std::filesystem::exists(path)) return path;
  std::fprintf(stderr,
               "\n*** THE REAL LOG IS NOT THERE: %s\n*** what this test proves is not proved\n\n",
               path.c_str());
  if (std::getenv("CI") != nullptr) ADD_FAILURE() << path << " is absent";
  return "";
}

TEST_F(AuditLogTest, TheRealLogMapsToTheExpectedCommands) {
  const std::string path = SharedFile("incident_event_log.csv.gz");
  const std::string reference_path = SharedFile("incident_event_log_reference.json");
  if (path.empty() || reference_path.empty()) GTEST_SKIP() << "the real log is absent";
  const nlohmann::json reference = nlohmann::json::parse(std::ifstream(reference_path));
  const absl::StatusOr<AuditLog> log = Read(path);
  ASSERT_TRUE(log.ok()) << log.status();

  std::map<std::string, int64_t> kinds;
  for (const QueuedCommand& command : log->commands) ++kinds[command.kind];
  EXPECT_EQ(
      kinds,
      (reference["replay_commands_expected"]["counts"].get<std::map<std::string, int64_t>>()));
  EXPECT_EQ(log->commands.size(), 156678u);
  EXPECT_EQ(log->rows, 119998);
  EXPECT_TRUE(log->failed.empty());

  const nlohmann::json& counts = reference["counts"];
  EXPECT_EQ(log->rows_by_state, (counts["rows_by_state"].get<std::map<std::string, int64_t>>()));
  EXPECT_EQ(log->first_row_state,
            (counts["first_row_state"].get<std::map<std::string, int64_t>>()));
  const std::map<std::string, int64_t> missing(log->missing_marker_counts.begin(),
                                               log->missing_marker_counts.end());
  EXPECT_EQ(missing, (counts["missing_marker_counts"].get<std::map<std::string, int64_t>>()));
  int64_t reopens_agree = 0, reassignments_agree = 0;
  for (const AuditTicket& ticket : log->tickets) {
    if (ticket.closed && ticket.reopen_count_agrees) ++reopens_agree;
    if (ticket.closed && ticket.reassignment_count_agrees) ++reassignments_agree;
  }
  EXPECT_EQ(reopens_agree, reference["reopen"]["agrees_with_state_transitions_for_incidents"]);
  EXPECT_EQ(reassignments_agree,
            reference["reassignment"]["equals_count_of_group_value_changes_incl_missing_marker"]);
}

}  // namespace
}  // namespace watchbell::cli
