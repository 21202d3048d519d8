#include "services/sla/calendars.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/time/wall_time.h"

namespace watchbell::sla {
namespace {

// Compiled calendars kept at most; each is a few kilobytes a year looked at.
constexpr size_t kCacheLimit = 4096;

// Reads a message into a spec. Times that cannot be read become ones CheckCalendar refuses at the
// same path.
class Reader {
 public:
  CalendarSpec Read(const v1::Calendar& calendar) {
    CalendarSpec spec;
    spec.time_zone = calendar.time_zone();
    for (const v1::WeekdayHours& day : calendar.weekly()) {
      spec.weekly.push_back({day.weekday(), Intervals(day.intervals())});
    }
    for (int i = 0; i < calendar.holidays_size(); ++i) {
      spec.holidays.push_back(Date(calendar.holidays(i).date(), "holidays", i));
    }
    spec.overrides = Dated(calendar.overrides(), "overrides");
    spec.breaks = Dated(calendar.breaks(), "breaks");
    return spec;
  }

  std::vector<FieldViolation> faults;

 private:
  using IntervalList = google::protobuf::RepeatedPtrField<v1::LocalInterval>;
  using DatedList = google::protobuf::RepeatedPtrField<v1::DatedHours>;

  static std::vector<WallInterval> Intervals(const IntervalList& intervals) {
    std::vector<WallInterval> read;
    for (const v1::LocalInterval& interval : intervals) {
      read.push_back(
          {ParseWallTime(interval.from()).value_or(-1), ParseWallTime(interval.to()).value_or(-1)});
    }
    return read;
  }

  absl::CivilDay Date(const std::string& text, const char* list, int index) {
    if (const std::optional<absl::CivilDay> date = ParseLocalDate(text)) return *date;
    faults.push_back({absl::StrCat(list, "[", index, "].date"),
                      absl::StrCat("\"", text, "\" is no date of the form YYYY-MM-DD")});
    return absl::CivilDay(-1, 1, 1) + index;  // no other entry's date
  }

  std::vector<DatedHoursSpec> Dated(const DatedList& list, const char* name) {
    std::vector<DatedHoursSpec> read;
    for (int i = 0; i < list.size(); ++i) {
      read.push_back({Date(list[i].date(), name, i), Intervals(list[i].intervals())});
    }
    return read;
  }
};

// FNV-1a.
uint64_t Fingerprint(const std::string& bytes) {
  uint64_t hash = 14'695'981'039'346'656'037u;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1'099'511'628'211u;
  }
  return hash;
}

}  // namespace

std::vector<FieldViolation> CalendarFaults(const v1::Calendar& calendar, absl::string_view prefix) {
  Reader reader;
  const CalendarSpec spec = reader.Read(calendar);
  std::vector<FieldViolation> faults = std::move(reader.faults);
  for (FieldViolation& fault : CheckCalendar(spec)) faults.push_back(std::move(fault));
  for (FieldViolation& fault : faults) fault.field = absl::StrCat(prefix, ".", fault.field);
  return faults;
}

absl::StatusOr<std::unique_ptr<BusinessCalendar>> CompileCalendar(const v1::Calendar& calendar,
                                                                  absl::string_view prefix) {
  if (std::vector<FieldViolation> faults = CalendarFaults(calendar, prefix); !faults.empty()) {
    return InvalidFields(std::move(faults));
  }
  return BusinessCalendar::Compile(Reader().Read(calendar));
}

state::v1::StoredCalendar ToStored(v1::Calendar calendar) {
  state::v1::StoredCalendar stored;
  *stored.mutable_calendar() = std::move(calendar);
  stored.set_fingerprint(Fingerprint(stored.calendar().SerializeAsString()));
  return stored;
}

absl::StatusOr<std::shared_ptr<const BusinessCalendar>> CalendarCache::Get(
    const std::string& tenant, const state::v1::StoredCalendar& stored) {
  const v1::Calendar& calendar = stored.calendar();
  const Key key(tenant, calendar.calendar_id(), calendar.version(), stored.fingerprint());
  {
    MutexLock lock(mu_);
    if (auto it = compiled_.find(key); it != compiled_.end()) return it->second;
  }
  absl::StatusOr<std::unique_ptr<BusinessCalendar>> compiled =
      CompileCalendar(calendar, "calendar");
  if (!compiled.ok()) {
    return WithReason(absl::StatusCode::kFailedPrecondition, "CALENDAR_UNUSABLE",
                      compiled.status().message());
  }
  MutexLock lock(mu_);
  if (compiled_.size() >= kCacheLimit) compiled_.clear();
  return compiled_.emplace(key, *std::move(compiled)).first->second;
}

}  // namespace watchbell::sla
