// Cases of business time. A line: id, calendar {time_zone, hours by weekday, holidays, breaks,
// shifts = overrides}, op add (start, amount_s) or elapsed (start, end), expect.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/time/business_calendar.h"
#include "common/time/rfc3339.h"
#include "common/time/wall_time.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "tests/vectors/vector_check.h"

namespace watchbell::vectors {
namespace {

namespace fs = std::filesystem;
using google::protobuf::Struct;
using google::protobuf::Value;

// What is missing or malformed makes the case malformed, whatever it is.
class CaseReader {
 public:
  explicit CaseReader(const Struct& json) : json_(json) {}

  const Value& Field(const Struct& object, const char* name) {
    static const auto* const none = new Value();
    const auto it = object.fields().find(name);
    if (it != object.fields().end()) return it->second;
    sound = false;
    return *none;
  }
  std::string Text(const char* name) { return Field(json_, name).string_value(); }
  double Number(const char* name) {
    const Value& value = Field(json_, name);
    sound &= value.has_number_value();
    return value.number_value();
  }
  absl::Time Instant(const char* name) {
    const std::optional<absl::Time> time = ParseRfc3339(Text(name));
    sound &= time.has_value();
    return time.value_or(absl::UnixEpoch());
  }

  CalendarSpec Calendar() {
    static constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const Struct& json = Field(json_, "calendar").struct_value();
    CalendarSpec spec;
    spec.time_zone = Field(json, "time_zone").string_value();
    const auto& hours = Field(json, "hours").struct_value().fields();
    for (int day = 0; day < 7; ++day) {
      if (auto it = hours.find(kDays[day]); it != hours.end()) {
        spec.weekly.push_back({day + 1, Intervals(it->second)});
      }
    }
    for (const Value& date : Field(json, "holidays").list_value().values()) {
      spec.holidays.push_back({Date(date.string_value()), "", false});
    }
    Dated(json, "shifts", spec.overrides);
    Dated(json, "breaks", spec.breaks);
    return spec;
  }

  bool sound = true;

 private:
  std::vector<WallInterval> Intervals(const Value& value) {
    std::vector<WallInterval> intervals;
    for (const Value& pair : value.list_value().values()) {
      const auto& ends = pair.list_value().values();
      if (ends.size() != 2) {
        sound = false;
        continue;
      }
      // What is no time is refused when the calendar is compiled.
      intervals.push_back({ParseWallTime(ends[0].string_value()).value_or(-1),
                           ParseWallTime(ends[1].string_value()).value_or(-1)});
    }
    return intervals;
  }

  absl::CivilDay Date(const std::string& text) {
    const std::optional<absl::CivilDay> date = ParseLocalDate(text);
    sound &= date.has_value();
    return date.value_or(absl::CivilDay());
  }

  void Dated(const Struct& json, const char* name, std::vector<DatedHoursSpec>& into) {
    const auto it = json.fields().find(name);
    if (it == json.fields().end()) return;
    for (const auto& [date, hours] : it->second.struct_value().fields()) {
      into.push_back({Date(date), Intervals(hours)});
    }
  }

  const Struct& json_;
};

// To the microsecond.
std::string Seconds(double seconds) { return absl::StrFormat("%.6f", seconds); }

std::string Compared(const std::string& expected, const std::string& got) {
  return expected == got ? "" : absl::StrCat("expected ", expected, ", got ", got);
}

absl::Status RunCase(const std::string& line, Tally& tally) {
  Struct json;
  if (!google::protobuf::util::JsonStringToMessage(line, &json).ok()) {
    return absl::InvalidArgumentError("is no JSON object");
  }
  CaseReader reader(json);
  const std::string id = reader.Text("id");
  const std::string op = reader.Text("op");
  const auto calendar = BusinessCalendar::Compile(reader.Calendar());
  if (!calendar.ok()) return calendar.status();
  const absl::Time start = reader.Instant("start");
  std::string failure;
  if (op == "add") {
    const auto due =
        (*calendar)->Add(start, absl::Seconds(static_cast<int64_t>(reader.Number("amount_s"))));
    failure = Compared(reader.Text("expect"), due ? FormatRfc3339(*due) : "never");
  } else if (op == "elapsed") {
    const absl::Duration open = (*calendar)->Elapsed(start, reader.Instant("end"));
    failure = Compared(Seconds(reader.Number("expect")), Seconds(absl::ToDoubleSeconds(open)));
  } else {
    reader.sound = false;
  }
  if (!reader.sound) return absl::InvalidArgumentError("is no case of business time");
  tally.Add(id, failure);
  return absl::OkStatus();
}

absl::Status RunFile(const fs::path& path, Tally& tally) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path.string()));
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty()) continue;
    if (const absl::Status status = RunCase(line, tally); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path.string(), ":", number, ": ", status.message()));
    }
  }
  return file.bad() ? absl::DataLossError(absl::StrCat("cannot read ", path.string()))
                    : absl::OkStatus();
}

}  // namespace

absl::Status RunBusinessTime(const std::string& path, Tally& tally) {
  std::vector<fs::path> files = {path};
  std::error_code error;
  if (fs::is_directory(path, error)) {
    files.clear();
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    }
    if (error) return absl::NotFoundError(absl::StrCat("cannot read ", path));
    std::sort(files.begin(), files.end());
  }
  for (const fs::path& file : files) RETURN_IF_ERROR(RunFile(file, tally));
  return absl::OkStatus();
}

}  // namespace watchbell::vectors
