#include "services/watchbell/servicenow_audit.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/proto_time.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

using tickets::v1::Ticket;

constexpr size_t kMaxCharacters = 256;  // the API's default limit of text
constexpr size_t kMaxTitle = 200;

// Same order as kColumns.
enum Column {
  kNumber,
  kState,
  kActive,
  kReassignmentCount,
  kReopenCount,
  kSysModCount,
  kMadeSla,
  kCaller,
  kOpenedBy,
  kOpenedAt,
  kSysCreatedBy,
  kSysCreatedAt,
  kSysUpdatedBy,
  kSysUpdatedAt,
  kContactType,
  kLocation,
  kCategory,
  kSubcategory,
  kSymptom,
  kConfigItem,
  kImpact,
  kUrgency,
  kPriority,
  kGroup,
  kAssignee,
  kKnowledge,
  kPriorityConfirmation,
  kNotify,
  kProblem,
  kChange,
  kVendor,
  kCausedBy,
  kClosedCode,
  kResolvedBy,
  kResolvedAt,
  kClosedAt,
  kColumnCount
};

constexpr const char* kColumns[] = {"number",
                                    "incident_state",
                                    "active",
                                    "reassignment_count",
                                    "reopen_count",
                                    "sys_mod_count",
                                    "made_sla",
                                    "caller_id",
                                    "opened_by",
                                    "opened_at",
                                    "sys_created_by",
                                    "sys_created_at",
                                    "sys_updated_by",
                                    "sys_updated_at",
                                    "contact_type",
                                    "location",
                                    "category",
                                    "subcategory",
                                    "u_symptom",
                                    "cmdb_ci",
                                    "impact",
                                    "urgency",
                                    "priority",
                                    "assignment_group",
                                    "assigned_to",
                                    "knowledge",
                                    "u_priority_confirmation",
                                    "notify",
                                    "problem_id",
                                    "rfc",
                                    "vendor",
                                    "caused_by",
                                    "closed_code",
                                    "resolved_by",
                                    "resolved_at",
                                    "closed_at"};
static_assert(std::size(kColumns) == kColumnCount);

// "D/M/YYYY HH:MM", UTC.
bool ParseTime(absl::string_view text, absl::Time* time) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::ByAnyChar("/ :"));
  const auto number = [&](size_t i, size_t shortest, size_t longest, int* value) {
    return parts[i].size() >= shortest && parts[i].size() <= longest &&
           std::all_of(parts[i].begin(), parts[i].end(),
                       [](char c) { return c >= '0' && c <= '9'; }) &&
           absl::SimpleAtoi(parts[i], value);
  };
  int day, month, year, hour, minute;
  if (parts.size() != 5 || !number(0, 1, 2, &day) || !number(1, 1, 2, &month) ||
      !number(2, 4, 4, &year) || !number(3, 2, 2, &hour) || !number(4, 2, 2, &minute) ||
      year < 1970) {
    return false;
  }
  const absl::CivilMinute civil(year, month, day, hour, minute);
  if (civil.month() != month || civil.day() != day || civil.hour() != hour ||
      civil.minute() != minute)
    return false;
  // The separators were only split on: they must also be the right ones.
  if (text != absl::StrCat(parts[0], "/", parts[1], "/", parts[2], " ", parts[3], ":", parts[4]))
    return false;
  *time = absl::FromCivil(civil, absl::UTCTimeZone());
  return true;
}

bool ParseState(absl::string_view text, AuditState* state) {
  using namespace tickets::v1;  // NOLINT: a table of its enums
  static const auto* const kStates = new std::map<absl::string_view, AuditState>{
      {"New", {STATE_NEW, HOLD_REASON_UNSPECIFIED}},
      {"Active", {STATE_IN_PROGRESS, HOLD_REASON_UNSPECIFIED}},
      {"-100", {STATE_IN_PROGRESS, HOLD_REASON_UNSPECIFIED}},
      {"Awaiting User Info", {STATE_ON_HOLD, HOLD_REASON_USER}},
      {"Awaiting Vendor", {STATE_ON_HOLD, HOLD_REASON_VENDOR}},
      {"Awaiting Problem", {STATE_ON_HOLD, HOLD_REASON_PROBLEM}},
      {"Awaiting Evidence", {STATE_ON_HOLD, HOLD_REASON_EVIDENCE}},
      {"Resolved", {STATE_RESOLVED, HOLD_REASON_UNSPECIFIED}},
      {"Closed", {STATE_CLOSED, HOLD_REASON_UNSPECIFIED}},
  };
  const auto found = kStates->find(text);
  if (found == kStates->end()) return false;
  *state = found->second;
  return true;
}

// "2 - Medium" to 2, if the words fit the number.
bool ParseLevel(absl::string_view text, absl::Span<const char* const> words, int* level) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (text == absl::StrCat(i + 1, " - ", words[i])) {
      *level = static_cast<int>(i) + 1;
      return true;
    }
  }
  return false;
}

constexpr const char* kLevels[] = {"High", "Medium", "Low"};
constexpr const char* kPriorities[] = {"Critical", "High", "Moderate", "Low", "Planning"};

tickets::v1::Channel ParseChannel(absl::string_view text) {
  if (text == "Phone" || text == "IVR") return tickets::v1::CHANNEL_PHONE;
  if (text == "Email") return tickets::v1::CHANNEL_EMAIL;
  if (text == "Self service") return tickets::v1::CHANNEL_PORTAL;
  return tickets::v1::CHANNEL_UNSPECIFIED;  // a way we have no name for is not worth a ticket
}

std::string MakeTitle(const tickets::v1::Classification& c) {
  std::vector<absl::string_view> parts;
  for (const std::string* part : {&c.category(), &c.subcategory(), &c.symptom()}) {
    if (!part->empty()) parts.push_back(*part);
  }
  if (parts.empty()) return "Incident";
  return TruncateUtf8(absl::StrJoin(parts, " / "), kMaxTitle);
}

// Reads the values of one record; the first one that is wrong ends it.
class RowParser {
 public:
  RowParser(const AuditHeader& header, const CsvRecord& record, AuditRow* row,
            AuditProblem* problem)
      : header_(header), record_(record), row_(*row), problem_(*problem) {}

  bool Parse() {
    if (!record_.problem.empty()) {
      problem_ = {record_.problem_line, record_.problem_column, "", record_.problem};
      return false;
    }
    if (record_.fields.size() != kColumnCount) {
      const CsvField& last = record_.fields.back();
      problem_ = {
          last.line, last.column, "",
          absl::StrCat("the row has ", record_.fields.size(), " fields, not ", int{kColumnCount})};
      return false;
    }
    row_ = AuditRow();
    for (int i = 0; i < kColumnCount; ++i) {
      const std::string& text = Field(i).text;
      if (!IsUtf8(text)) return Wrong(i, "not valid UTF-8");
      if (text.size() > kMaxCharacters && Utf8Length(text) > kMaxCharacters) {
        return Wrong(i, absl::StrCat("longer than ", kMaxCharacters, " characters"));
      }
      if (text == "?") row_.missing |= uint64_t{1} << i;
    }
    return ParseKeys() && ParseLevels() && ParseFlags() && TakeTexts();
  }

 private:
  const CsvField& Field(int column) const {
    return record_.fields[static_cast<size_t>(header_.position(column))];
  }
  std::string Value(int column) const {
    return Field(column).text == "?" ? "" : Field(column).text;
  }

  bool Wrong(int column, absl::string_view what) {
    const CsvField& field = Field(column);
    problem_ = {field.line, field.column, kColumns[column], std::string(what)};
    return false;
  }
  bool WrongValue(int column, absl::string_view what) {
    return Wrong(column, absl::StrCat(what, ": \"", TruncateUtf8(Field(column).text, 60), "\""));
  }

  bool ParseKeys() {
    row_.number = Value(kNumber);
    if (row_.number.empty()) return Wrong(kNumber, "the case has no number");
    row_.state_text = Field(kState).text;
    if (!ParseState(row_.state_text, &row_.state))
      return WrongValue(kState, "not a state of the log");
    absl::Time opened_at;
    if (!ParseTime(Field(kOpenedAt).text, &opened_at))
      return WrongValue(kOpenedAt, "not a time D/M/YYYY HH:MM");
    *row_.facts.mutable_opened_at() = ToProto(opened_at);
    if (!ParseTime(Field(kSysUpdatedAt).text, &row_.updated_at)) {
      return WrongValue(kSysUpdatedAt, "not a time D/M/YYYY HH:MM");
    }
    if (!absl::SimpleAtoi(Field(kReopenCount).text, &row_.reopen_count)) {
      return WrongValue(kReopenCount, "not a whole number");
    }
    if (!absl::SimpleAtoi(Field(kReassignmentCount).text, &row_.reassignment_count)) {
      return WrongValue(kReassignmentCount, "not a whole number");
    }
    return true;
  }

  bool ParseLevels() {
    int level = 0;
    if (!ParseLevel(Field(kImpact).text, kLevels, &level))
      return WrongValue(kImpact, "not an impact");
    row_.facts.set_impact(static_cast<tickets::v1::Impact>(level));
    if (!ParseLevel(Field(kUrgency).text, kLevels, &level))
      return WrongValue(kUrgency, "not an urgency");
    row_.facts.set_urgency(static_cast<tickets::v1::Urgency>(level));
    if (!ParseLevel(Field(kPriority).text, kPriorities, &level))
      return WrongValue(kPriority, "not a priority");
    row_.facts.set_priority(static_cast<tickets::v1::Priority>(level));
    return true;
  }

  bool ParseFlag(int column, bool* flag) {
    const std::string& text = Field(column).text;
    if (text != "true" && text != "false") return WrongValue(column, "neither true nor false");
    *flag = text == "true";
    return true;
  }

  bool ParseFlags() {
    bool knowledge = false, confirmed = false;
    if (!ParseFlag(kKnowledge, &knowledge) || !ParseFlag(kPriorityConfirmation, &confirmed))
      return false;
    row_.facts.set_knowledge(knowledge);
    row_.facts.set_priority_confirmed(confirmed);
    return true;
  }

  bool TakeTexts() {
    row_.actor = Value(kSysUpdatedBy);
    row_.closed_code = Value(kClosedCode);
    row_.resolver = Value(kResolvedBy);
    row_.caused_by = Value(kCausedBy);
    Ticket& facts = row_.facts;
    facts.set_type(tickets::v1::TICKET_TYPE_INCIDENT);
    facts.set_requester(Value(kCaller));
    facts.set_creator(Value(kOpenedBy));
    facts.set_channel(ParseChannel(Field(kContactType).text));
    facts.set_site(Value(kLocation));
    facts.mutable_classification()->set_category(Value(kCategory));
    facts.mutable_classification()->set_subcategory(Value(kSubcategory));
    facts.mutable_classification()->set_symptom(Value(kSymptom));
    facts.set_title(MakeTitle(facts.classification()));
    facts.set_config_item(Value(kConfigItem));
    facts.set_group(Value(kGroup));
    facts.set_assignee(Value(kAssignee));
    facts.set_vendor(Value(kVendor));
    facts.mutable_links()->set_problem(Value(kProblem));
    facts.mutable_links()->set_change(Value(kChange));
    return true;
  }

  const AuditHeader& header_;
  const CsvRecord& record_;
  AuditRow& row_;
  AuditProblem& problem_;
};

}  // namespace

std::string Describe(const AuditProblem& problem) {
  return absl::StrCat(
      "line ", problem.line, ", column ", problem.column,
      problem.column_name.empty() ? "" : absl::StrCat(" (", problem.column_name, ")"), ": ",
      problem.message);
}

absl::Span<const char* const> AuditHeader::Columns() { return kColumns; }

absl::StatusOr<AuditHeader> AuditHeader::Parse(const CsvRecord& record) {
  if (!record.problem.empty()) {
    return absl::InvalidArgumentError(
        Describe({record.problem_line, record.problem_column, "", record.problem}));
  }
  AuditHeader header;
  header.positions_.assign(kColumnCount, -1);
  std::vector<std::string> faults;
  for (size_t i = 0; i < record.fields.size(); ++i) {
    const CsvField& field = record.fields[i];
    const auto known = std::find(std::begin(kColumns), std::end(kColumns), field.text);
    const auto place = static_cast<size_t>(known - std::begin(kColumns));
    const std::string name = IsUtf8(field.text) ? TruncateUtf8(field.text, 60) : "(not UTF-8)";
    if (known == std::end(kColumns)) {
      faults.push_back(absl::StrCat("column ", field.column, ": unknown column \"", name, "\""));
    } else if (header.positions_[place] >= 0) {
      faults.push_back(
          absl::StrCat("column ", field.column, ": column \"", name, "\" is there twice"));
    } else {
      header.positions_[place] = static_cast<int>(i);
    }
  }
  for (size_t i = 0; i < kColumnCount; ++i) {
    if (header.positions_[i] < 0)
      faults.push_back(absl::StrCat("missing column \"", kColumns[i], "\""));
  }
  if (faults.empty()) return header;
  if (faults.size() > 10) {
    const size_t more = faults.size() - 10;
    faults.resize(10);
    faults.push_back(absl::StrCat("and ", more, " more"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("line ", record.line,
                   " is not the header of a ServiceNow audit log: ", absl::StrJoin(faults, "; ")));
}

bool ParseAuditRow(const AuditHeader& header, const CsvRecord& record, AuditRow* row,
                   AuditProblem* problem) {
  return RowParser(header, record, row, problem).Parse();
}

std::string PriorityLabel(tickets::v1::Priority priority) {
  const int level = static_cast<int>(priority);
  if (level < 1 || level > static_cast<int>(std::size(kPriorities))) return "unknown";
  return absl::StrCat(level, " - ", kPriorities[level - 1]);
}

}  // namespace watchbell::cli
