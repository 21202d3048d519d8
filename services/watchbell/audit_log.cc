#include "services/watchbell/audit_log.h"

#include <algorithm>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/watchbell/servicenow_audit.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

constexpr int64_t kReportEvery = 1000;

class LogReader {
 public:
  absl::Status Read(const std::string& path, const std::function<bool(int64_t)>& on_row) {
    ASSIGN_OR_RETURN(std::unique_ptr<CsvReader> reader, CsvReader::Open(path));
    CsvRecord record;
    ASSIGN_OR_RETURN(bool more, reader->Next(&record));
    if (!more) return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
    absl::StatusOr<AuditHeader> header = AuditHeader::Parse(record);
    if (!header.ok())
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", header.status().message()));
    missing_.assign(AuditHeader::Columns().size(), 0);
    for (int64_t read = 1;; ++read) {
      ASSIGN_OR_RETURN(more, reader->Next(&record));
      if (!more) break;
      AddRecord(*header, record);
      if (read % kReportEvery == 0 && !on_row(read)) return absl::CancelledError("interrupted");
    }
    EndCase();
    Finish();
    return absl::OkStatus();
  }

  AuditLog Take() { return std::move(log_); }

 private:
  void AddRecord(const AuditHeader& header, const CsvRecord& record) {
    AuditProblem problem;
    if (!ParseAuditRow(header, record, &row_, &problem)) {
      ++log_.rows_malformed;
      return Malformed(NumberOf(header, record), problem);
    }
    StartCase(row_.number);
    if (broken_ >= 0) {
      ++log_.failed[static_cast<size_t>(broken_)].rows_skipped;
      return;
    }
    mapped_.clear();
    if (absl::Status mapped = mapper_.Add(row_, &mapped_); !mapped.ok()) {
      ++log_.rows_malformed;
      const CsvField& state = record.fields[static_cast<size_t>(header.position(1))];
      return Malformed(row_.number, {state.line, state.column, AuditHeader::Columns()[1],
                                     std::string(mapped.message())});
    }
    CountRow();
    for (const MappedCommand& m : mapped_) {
      log_.commands.push_back({m.kind, mapper_.event_time(),
                               static_cast<uint32_t>(log_.tickets.size()),
                               m.command.SerializeAsString()});
    }
  }

  // Whose row a malformed record is: what stands in its number column, if that can be read.
  static std::string NumberOf(const AuditHeader& header, const CsvRecord& record) {
    const auto place = static_cast<size_t>(header.position(0));
    if (place >= record.fields.size()) return "";
    const std::string& number = record.fields[place].text;
    return number == "?" || !IsUtf8(number) ? "" : TruncateUtf8(number, 256);
  }

  // Makes `number` the case that is being read.
  void StartCase(const std::string& number) {
    if (number == number_) return;
    EndCase();
    number_ = number;
    const auto seen = cases_.find(number);
    if (seen == cases_.end()) {
      cases_.emplace(number, -1);
      return;
    }
    // Its rows are not together: what was mapped before stays, the rest cannot be put in order.
    if (seen->second < 0) {
      seen->second = static_cast<int>(log_.failed.size());
      log_.failed.push_back(
          {number, absl::StrCat("the rows of this case do not follow each other"), 0, 0, "", 0});
    }
    broken_ = seen->second;
  }

  void Malformed(const std::string& number, const AuditProblem& problem) {
    if (number.empty()) {
      log_.failed.push_back(
          {"", Describe(problem), problem.line, problem.column, problem.column_name, 1});
      return;
    }
    StartCase(number);
    if (broken_ < 0) {
      broken_ = static_cast<int>(log_.failed.size());
      cases_[number] = broken_;
      log_.failed.push_back(
          {number, Describe(problem), problem.line, problem.column, problem.column_name, 0});
    }
    ++log_.failed[static_cast<size_t>(broken_)].rows_skipped;
  }

  void CountRow() {
    ++log_.rows;
    ++log_.rows_by_state[row_.state_text];
    if (mapper_.rows() == 1) ++log_.first_row_state[row_.state_text];
    for (size_t i = 0; i < missing_.size(); ++i)
      missing_[i] += static_cast<int64_t>(row_.missing >> i & 1);
  }

  void EndCase() {
    if (mapper_.rows() > 0) {
      const AuditRow& last = mapper_.last();
      log_.tickets.push_back({number_, mapper_.rows(),
                              last.state.state == tickets::v1::STATE_CLOSED, last.state_text,
                              last.reopen_count == mapper_.reopenings(),
                              last.reassignment_count == mapper_.group_changes()});
    }
    mapper_ = CaseMapper();
    broken_ = -1;
    number_.clear();
  }

  void Finish() {
    std::stable_sort(
        log_.commands.begin(), log_.commands.end(),
        [](const QueuedCommand& a, const QueuedCommand& b) { return a.event_time < b.event_time; });
    for (size_t i = 0; i < missing_.size(); ++i) {
      if (missing_[i] > 0)
        log_.missing_marker_counts.emplace_back(AuditHeader::Columns()[i], missing_[i]);
    }
  }

  AuditLog log_;
  std::vector<int64_t> missing_;
  absl::flat_hash_map<std::string, int> cases_;  // to its place in log_.failed, or -1
  // The case that is being read.
  std::string number_;
  CaseMapper mapper_;
  int broken_ = -1;  // its place in log_.failed
  // Reused.
  AuditRow row_;
  std::vector<MappedCommand> mapped_;
};

}  // namespace

absl::StatusOr<AuditLog> ReadAuditLog(const std::string& path,
                                      const std::function<bool(int64_t)>& on_row) {
  LogReader reader;
  RETURN_IF_ERROR(reader.Read(path, on_row));
  return reader.Take();
}

}  // namespace watchbell::cli
