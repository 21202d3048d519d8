#include "services/watchbell/servicenow_audit.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"

namespace watchbell::cli {
namespace {

using tickets::v1::ImportCommand;
using Values = std::map<std::string, std::string>;

CsvRecord Record(const std::vector<std::string>& texts, int64_t line) {
  CsvRecord record;
  record.line = line;
  int column = 1;
  for (const std::string& text : texts) {
    record.fields.push_back({text, line, column});
    column += static_cast<int>(text.size()) + 1;
  }
  return record;
}

std::vector<std::string> ColumnNames() {
  return {AuditHeader::Columns().begin(), AuditHeader::Columns().end()};
}

AuditHeader Header() { return *AuditHeader::Parse(Record(ColumnNames(), 1)); }

// A row of INC1 in state New at 29/2/2016 10:00, with changes.
CsvRecord Row(const Values& changes, int64_t line = 2) {
  Values values = {{"number", "INC1"},
                   {"incident_state", "New"},
                   {"active", "true"},
                   {"reassignment_count", "0"},
                   {"reopen_count", "0"},
                   {"sys_mod_count", "0"},
                   {"made_sla", "true"},
                   {"caller_id", "Caller 1"},
                   {"opened_by", "Opened by  8"},
                   {"opened_at", "29/2/2016 09:30"},
                   {"sys_updated_by", "Updated by 2"},
                   {"sys_updated_at", "29/2/2016 10:00"},
                   {"contact_type", "Phone"},
                   {"location", "Location 1"},
                   {"category", "Category 5"},
                   {"subcategory", "Subcategory 6"},
                   {"u_symptom", "Symptom 7"},
                   {"impact", "2 - Medium"},
                   {"urgency", "2 - Medium"},
                   {"priority", "3 - Moderate"},
                   {"assignment_group", "Group 1"},
                   {"knowledge", "false"},
                   {"u_priority_confirmation", "false"},
                   {"closed_code", "code 5"},
                   {"resolved_by", "Resolved by 9"},
                   {"caused_by", "CHG9"}};
  for (const auto& [name, value] : changes) values[name] = value;
  std::vector<std::string> texts;
  for (const char* name : AuditHeader::Columns())
    texts.push_back(values.count(name) ? values[name] : "?");
  return Record(texts, line);
}

AuditRow Parse(const CsvRecord& record) {
  AuditRow row;
  AuditProblem problem;
  EXPECT_TRUE(ParseAuditRow(Header(), record, &row, &problem)) << Describe(problem);
  return row;
}

std::string ProblemOf(const CsvRecord& record) {
  AuditRow row;
  AuditProblem problem;
  return ParseAuditRow(Header(), record, &row, &problem) ? "" : Describe(problem);
}

// Maps the rows given by their changes; each row keeps the values of the one before.
std::vector<MappedCommand> Map(const std::vector<Values>& rows) {
  CaseMapper mapper;
  std::vector<MappedCommand> commands;
  Values values;
  for (const Values& changes : rows) {
    for (const auto& [name, value] : changes) values[name] = value;
    EXPECT_TRUE(mapper.Add(Parse(Row(values)), &commands).ok());
  }
  return commands;
}

std::string Kinds(const std::vector<MappedCommand>& commands) {
  std::string kinds;
  for (const MappedCommand& c : commands) absl::StrAppend(&kinds, kinds.empty() ? "" : " ", c.kind);
  return kinds;
}

std::string Time(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%d %H:%M", FromProto(time), absl::UTCTimeZone());
}

TEST(AuditHeaderTest, TakesTheColumnsInAnyOrder) {
  std::vector<std::string> names = ColumnNames();
  std::reverse(names.begin(), names.end());
  const auto header = AuditHeader::Parse(Record(names, 1));
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->position(0), 35);
}

TEST(AuditHeaderTest, NamesWhatIsWrong) {
  std::vector<std::string> names = ColumnNames();
  names[1] = "state";
  names[2] = "number";
  EXPECT_EQ(
      AuditHeader::Parse(Record(names, 1)).status().message(),
      "line 1 is not the header of a ServiceNow audit log: column 8: unknown column \"state\"; "
      "column 14: column "
      "\"number\" is there twice; missing column \"incident_state\"; missing column \"active\"");
}

TEST(AuditRowTest, ReadsEveryFact) {
  const AuditRow row = Parse(Row({{"opened_at", "1/12/2016 07:05"},
                                  {"sys_updated_at", "31/12/2016 23:59"},
                                  {"impact", "1 - High"},
                                  {"urgency", "3 - Low"},
                                  {"priority", "4 - Low"},
                                  {"contact_type", "Email"},
                                  {"knowledge", "true"},
                                  {"vendor", "code 8s"},
                                  {"problem_id", "Problem ID 4"},
                                  {"rfc", "CHG1"},
                                  {"cmdb_ci", "CI 3"},
                                  {"assigned_to", "Resolver 3"}}));
  EXPECT_EQ(absl::FormatTime(row.updated_at, absl::UTCTimeZone()), "2016-12-31T23:59:00+00:00");
  EXPECT_EQ(row.actor, "Updated by 2");
  const tickets::v1::Ticket& facts = row.facts;
  EXPECT_EQ(absl::FormatTime(FromProto(facts.opened_at()), absl::UTCTimeZone()),
            "2016-12-01T07:05:00+00:00");
  EXPECT_EQ(facts.title(), "Category 5 / Subcategory 6 / Symptom 7");
  EXPECT_EQ(facts.impact(), tickets::v1::IMPACT_HIGH);
  EXPECT_EQ(facts.urgency(), tickets::v1::URGENCY_LOW);
  EXPECT_EQ(facts.priority(), tickets::v1::PRIORITY_LOW);
  EXPECT_EQ(facts.channel(), tickets::v1::CHANNEL_EMAIL);
  EXPECT_EQ(facts.requester(), "Caller 1");
  EXPECT_EQ(facts.creator(), "Opened by  8");
  EXPECT_EQ(facts.vendor(), "code 8s");  // dirty data, kept as it is
  EXPECT_EQ(facts.links().problem(), "Problem ID 4");
  EXPECT_EQ(facts.links().change(), "CHG1");
  EXPECT_EQ(facts.links().caused_by(), "");  // known only when it is over
  EXPECT_EQ(facts.config_item(), "CI 3");
  EXPECT_TRUE(facts.knowledge());
  EXPECT_FALSE(facts.priority_confirmed());
}

TEST(AuditRowTest, QuestionMarksAreUnset) {
  const AuditRow row = Parse(
      Row({{"assignment_group", "?"}, {"caller_id", "?"}, {"category", "?"}, {"u_symptom", "?"}}));
  EXPECT_EQ(row.facts.group(), "");
  EXPECT_EQ(row.facts.requester(), "");
  EXPECT_EQ(row.facts.title(), "Subcategory 6");
  EXPECT_TRUE(row.missing >> 23 & 1);   // assignment_group
  EXPECT_FALSE(row.missing >> 25 & 1);  // knowledge
}

TEST(AuditRowTest, MalformedValuesAreNamedByLineAndColumn) {
  EXPECT_EQ(ProblemOf(Row({{"opened_at", "31/2/2016 10:00"}}, 17)),
            "line 17, column 48 (opened_at): not a time D/M/YYYY HH:MM: \"31/2/2016 10:00\"");
  for (const char* time :
       {"29/2/2016", "2016-02-29 10:00", "29/2/2016 24:00", "29/2/2016 10:60", "29-2-2016 10:00",
        "0/2/2016 10:00", "29/2/16 10:00", "29/2/2016 1:00", "+9/2/2016 10:00", "?"}) {
    EXPECT_NE(ProblemOf(Row({{"sys_updated_at", time}})).find("(sys_updated_at): not a time"),
              std::string::npos)
        << time;
  }
  EXPECT_NE(ProblemOf(Row({{"incident_state", "Asleep"}})).find("(incident_state): not a state"),
            std::string::npos);
  EXPECT_NE(ProblemOf(Row({{"impact", "1 - Low"}})).find("(impact): not an impact"),
            std::string::npos);
  EXPECT_NE(ProblemOf(Row({{"priority", "?"}})).find("(priority): not a priority"),
            std::string::npos);
  EXPECT_NE(ProblemOf(Row({{"knowledge", "yes"}})).find("(knowledge): neither true nor false"),
            std::string::npos);
  EXPECT_NE(ProblemOf(Row({{"reopen_count", "x"}})).find("(reopen_count): not a whole number"),
            std::string::npos);
  EXPECT_NE(ProblemOf(Row({{"location", "\xC3("}})).find("(location): not valid UTF-8"),
            std::string::npos);
  EXPECT_NE(
      ProblemOf(Row({{"location", std::string(257, 'x')}})).find("longer than 256 characters"),
      std::string::npos);
  EXPECT_EQ(ProblemOf(Row({{"number", "?"}})), "line 2, column 1 (number): the case has no number");
  EXPECT_EQ(ProblemOf(Record({"INC1", "New"}, 5)),
            "line 5, column 6: the row has 2 fields, not 36");
}

// The moves between states, by the name they are counted under.
TEST(CaseMapperTest, Moves) {
  const struct {
    const char* from;
    const char* to;
    const char* kinds;
  } kCases[] = {
      {"New", "Active", "StartWork"},
      {"New", "-100", "StartWork"},
      {"-100", "Active", "Touch"},
      {"New", "Awaiting User Info", "Hold"},
      {"Active", "Awaiting Vendor", "Hold"},
      {"Awaiting User Info", "Active", "Resume"},
      {"Awaiting Problem", "Awaiting Evidence", "ChangeHoldReason"},
      {"New", "Resolved", "Resolve"},
      {"Awaiting Vendor", "Resolved", "Resolve"},
      {"Resolved", "Closed", "Close"},
      {"New", "Closed", "Resolve+Close"},
      {"Awaiting User Info", "Closed", "Resolve+Close"},
      {"Resolved", "Active", "Reopen"},
      {"Closed", "Awaiting User Info", "Reopen"},
      {"Resolved", "New", "Reopen"},
      {"Closed", "Closed", "Touch"},
  };
  for (const auto& c : kCases) {
    CaseMapper mapper;
    std::vector<MappedCommand> ignored, commands;
    ASSERT_TRUE(mapper.Add(Parse(Row({{"incident_state", c.from}})), &ignored).ok());
    ASSERT_TRUE(mapper.Add(Parse(Row({{"incident_state", c.to}})), &commands).ok());
    EXPECT_EQ(Kinds(commands), c.kinds) << c.from << " to " << c.to;
  }
}

TEST(CaseMapperTest, MovesNoDeskCanMakeAreRefused) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"Closed", "Resolved"}, {"Active", "New"}, {"Awaiting Vendor", "New"}}) {
    CaseMapper mapper;
    std::vector<MappedCommand> commands;
    ASSERT_TRUE(mapper.Add(Parse(Row({{"incident_state", from}})), &commands).ok());
    const size_t before = commands.size();
    EXPECT_EQ(mapper.Add(Parse(Row({{"incident_state", to}})), &commands).message(),
              absl::StrCat("a ticket cannot go from ", from, " to ", to));
    EXPECT_EQ(commands.size(), before);
    EXPECT_EQ(mapper.rows(), 1);
  }
}

TEST(CaseMapperTest, FirstRowCreatesThenMoves) {
  const auto commands =
      Map({{{"incident_state", "Resolved"}, {"knowledge", "true"}, {"problem_id", "P1"}}});
  ASSERT_EQ(Kinds(commands), "CreateTicket Resolve");
  const ImportCommand& create = commands[0].command;
  EXPECT_EQ(Time(create.occurred_at()), "29 09:30");
  EXPECT_EQ(Time(create.source_recorded_at()), "29 10:00");
  EXPECT_TRUE(create.create().ticket().knowledge());
  EXPECT_EQ(create.create().ticket().links().problem(), "P1");
  EXPECT_EQ(create.create().ticket().group(), "Group 1");
  EXPECT_EQ(create.create().ticket().state(), tickets::v1::STATE_UNSPECIFIED);
  const ImportCommand& resolve = commands[1].command;
  EXPECT_EQ(Time(resolve.occurred_at()), "29 10:00");
  EXPECT_EQ(resolve.row(), 0);
  EXPECT_EQ(resolve.step(), 1);
  EXPECT_EQ(resolve.resolve().resolution_code(), "code 5");
  EXPECT_EQ(resolve.resolve().resolver(), "Resolved by 9");
  EXPECT_EQ(resolve.resolve().caused_by(), "CHG9");
  EXPECT_EQ(resolve.actor(), "Updated by 2");
}

TEST(CaseMapperTest, ARowBeforeItsOpeningIsClamped) {
  const auto commands =
      Map({{{"incident_state", "Active"}, {"sys_updated_at", "29/2/2016 08:00"}}});
  ASSERT_EQ(Kinds(commands), "CreateTicket StartWork");
  EXPECT_EQ(Time(commands[1].command.occurred_at()), "29 09:30");
  EXPECT_EQ(Time(commands[1].command.source_recorded_at()), "29 08:00");
}

TEST(CaseMapperTest, TimeNeverGoesBack) {
  const auto commands =
      Map({{{"sys_updated_at", "29/2/2016 11:10"}}, {{"sys_updated_at", "29/2/2016 09:52"}}});
  ASSERT_EQ(Kinds(commands), "CreateTicket Touch");
  EXPECT_EQ(Time(commands[1].command.occurred_at()), "29 11:10");
  EXPECT_EQ(commands[1].command.row(), 1);
}

TEST(CaseMapperTest, EveryChangeOfARowInTheListedOrder) {
  const auto commands = Map({{},
                             {{"incident_state", "Active"},
                              {"assignment_group", "?"},
                              {"assigned_to", "Resolver 2"},
                              {"impact", "1 - High"},
                              {"priority", "2 - High"},
                              {"u_symptom", "?"},
                              {"location", "?"},
                              {"caller_id", "Caller 2"},
                              {"problem_id", "P1"},
                              {"rfc", "C1"},
                              {"vendor", "Vendor 1"},
                              {"cmdb_ci", "CI 1"},
                              {"knowledge", "true"},
                              {"u_priority_confirmation", "true"}}});
  ASSERT_EQ(Kinds(commands),
            "CreateTicket StartWork AssignGroup AssignAgent Reprioritise Reclassify SetSite "
            "SetCaller LinkProblem "
            "LinkChange SetVendor SetConfigItem SetKnowledgeFlag ConfirmPriority");
  for (size_t i = 1; i < commands.size(); ++i)
    EXPECT_EQ(commands[i].command.step(), static_cast<int>(i) - 1);
  // To "?" clears, and clears only that.
  EXPECT_TRUE(commands[2].command.assign().has_group());
  EXPECT_EQ(commands[2].command.assign().group(), "");
  EXPECT_FALSE(commands[2].command.assign().has_assignee());
  EXPECT_EQ(commands[4].command.update().priority(), tickets::v1::PRIORITY_HIGH);
  EXPECT_EQ(commands[4].command.update().changes().impact(), tickets::v1::IMPACT_HIGH);
  EXPECT_EQ(commands[5].command.update().changes().classification().category(), "Category 5");
  EXPECT_EQ(commands[5].command.update().changes().classification().symptom(), "");
  EXPECT_TRUE(commands[6].command.update().changes().has_site());
  EXPECT_EQ(commands[6].command.update().changes().site(), "");
}

TEST(CaseMapperTest, WhatIsNotMappedIsATouch) {
  EXPECT_EQ(
      Kinds(Map({{}, {{"made_sla", "false"}, {"active", "false"}, {"reassignment_count", "7"}}})),
      "CreateTicket Touch");
}

TEST(CaseMapperTest, CountsReopeningsAndGroupChanges) {
  CaseMapper mapper;
  std::vector<MappedCommand> commands;
  for (const Values& values :
       std::vector<Values>{{{"incident_state", "Resolved"}},
                           {{"incident_state", "Active"}, {"assignment_group", "?"}},
                           {{"incident_state", "Resolved"}},
                           {{"incident_state", "Closed"}, {"assignment_group", "Group 2"}},
                           {{"incident_state", "Awaiting Vendor"}}}) {
    ASSERT_TRUE(mapper.Add(Parse(Row(values)), &commands).ok());
  }
  EXPECT_EQ(mapper.reopenings(), 2);
  EXPECT_EQ(mapper.group_changes(), 4);
  EXPECT_EQ(commands.back().command.assign().group(), "Group 1");
}

TEST(PriorityLabelTest, AsTheLogWritesThem) {
  EXPECT_EQ(PriorityLabel(tickets::v1::PRIORITY_CRITICAL), "1 - Critical");
  EXPECT_EQ(PriorityLabel(tickets::v1::PRIORITY_PLANNING), "5 - Planning");
  EXPECT_EQ(PriorityLabel(tickets::v1::PRIORITY_UNSPECIFIED), "unknown");
}

}  // namespace
}  // namespace watchbell::cli
