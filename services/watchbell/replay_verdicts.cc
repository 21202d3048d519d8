#include "services/watchbell/replay_verdicts.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/proto_time.h"
#include "common/time/rfc3339.h"
#include "services/watchbell/servicenow_audit.h"

namespace watchbell::cli {
namespace {

using sla::v1::Clock;
using sla::v1::ImportClock;

bool HasVerdict(const ImportClock& clock) {
  return clock.clock().state() == sla::v1::CLOCK_STATE_STOPPED &&
         clock.clock().verdict() != sla::v1::VERDICT_UNSPECIFIED;
}

// As RFC 4180 wants it.
std::string Field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

std::string Instant(const google::protobuf::Timestamp& time) {
  return FormatRfc3339(FromProto(time));
}

void AppendRow(const ImportClock& row, std::string* out) {
  const Clock& clock = row.clock();
  absl::StrAppend(out, Field(row.external_id()), ",", Field(clock.clock()), ",",
                  Field(PriorityLabel(clock.priority())), ",", Instant(clock.started_at()), ",",
                  clock.has_due_at() ? Instant(clock.due_at()) : "", ",",
                  Instant(clock.stopped_at()), ",", clock.elapsed().seconds(), ",",
                  clock.verdict() == sla::v1::VERDICT_MET ? "met" : "missed", "\n");
}

}  // namespace

std::string VerdictsCsv(const std::vector<ImportClock>& clocks) {
  std::vector<const ImportClock*> rows;
  for (const ImportClock& clock : clocks) {
    if (HasVerdict(clock)) rows.push_back(&clock);
  }
  const auto place = [](const ImportClock* row) {
    return std::make_tuple(absl::string_view(row->external_id()),
                           absl::string_view(row->clock().clock()), row->clock().cycle());
  };
  std::sort(rows.begin(), rows.end(),
            [&](const ImportClock* a, const ImportClock* b) { return place(a) < place(b); });
  std::string csv = "external_id,clock,priority,started_at,due_at,stopped_at,elapsed_s,verdict\n";
  for (const ImportClock* row : rows) AppendRow(*row, &csv);
  return csv;
}

}  // namespace watchbell::cli
