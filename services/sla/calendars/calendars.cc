#include "services/sla/calendars/calendars.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/fingerprint.h"
#include "common/base/status_macros.h"
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
      const v1::Holiday& holiday = calendar.holidays(i);
      spec.holidays.push_back(
          {Date(holiday.date(), "holidays", i), holiday.name(), holiday.yearly()});
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

bool IsUnion(const v1::Calendar& calendar) { return calendar.union_of_size() > 0; }

void UnionFaults(const v1::Calendar& calendar, const FindCalendar& find,
                 std::vector<FieldViolation>& faults) {
  const auto refuse = [&](bool present, const char* field) {
    if (present) faults.push_back({field, "a union has none of its own: its members have"});
  };
  refuse(!calendar.time_zone().empty(), "time_zone");
  refuse(calendar.weekly_size() > 0, "weekly");
  refuse(calendar.holidays_size() > 0, "holidays");
  refuse(calendar.overrides_size() > 0, "overrides");
  refuse(calendar.breaks_size() > 0, "breaks");
  std::set<std::string> seen;
  for (int i = 0; i < calendar.union_of_size(); ++i) {
    const std::string& id = calendar.union_of(i);
    const std::string path = absl::StrCat("union_of[", i, "]");
    if (!seen.insert(id).second) {
      faults.push_back({path, absl::StrCat("\"", id, "\" is given twice")});
      continue;
    }
    const v1::Calendar* member = find(id);
    if (id == calendar.calendar_id()) {
      faults.push_back({path, "a union is no member of itself"});
    } else if (member == nullptr) {
      faults.push_back({path, absl::StrCat("there is no calendar \"", id, "\"")});
    } else if (IsUnion(*member)) {
      faults.push_back({path, absl::StrCat("\"", id, "\" is a union itself")});
    }
  }
}

}  // namespace

std::vector<FieldViolation> CalendarFaults(const v1::Calendar& calendar, absl::string_view prefix,
                                           const FindCalendar& find) {
  std::vector<FieldViolation> faults;
  if (IsUnion(calendar)) {
    UnionFaults(calendar, find, faults);
  } else {
    Reader reader;
    const CalendarSpec spec = reader.Read(calendar);
    faults = std::move(reader.faults);
    for (FieldViolation& fault : CheckCalendar(spec)) faults.push_back(std::move(fault));
  }
  for (FieldViolation& fault : faults) fault.field = absl::StrCat(prefix, ".", fault.field);
  return faults;
}

std::vector<FieldViolation> ReplacementFaults(const v1::Calendar* present,
                                              const v1::Calendar& calendar,
                                              absl::string_view prefix) {
  if (present == nullptr || IsUnion(*present) == IsUnion(calendar)) return {};
  return {{absl::StrCat(prefix, ".union_of"),
           IsUnion(calendar)
               ? "a stored calendar cannot become a union: unions may be made of it"
               : "a stored union stays one: give its members, or take another calendar_id"}};
}

absl::StatusOr<std::vector<CalendarSpec>> CalendarSpecs(const v1::Calendar& calendar,
                                                        absl::string_view prefix,
                                                        const FindCalendar& find) {
  if (std::vector<FieldViolation> faults = CalendarFaults(calendar, prefix, find);
      !faults.empty()) {
    return InvalidFields(std::move(faults));
  }
  std::vector<CalendarSpec> specs;
  for (const std::string& id : calendar.union_of()) specs.push_back(Reader().Read(*find(id)));
  if (specs.empty()) specs.push_back(Reader().Read(calendar));
  return specs;
}

absl::StatusOr<std::unique_ptr<BusinessCalendar>> CompileCalendar(const v1::Calendar& calendar,
                                                                  absl::string_view prefix,
                                                                  const FindCalendar& find,
                                                                  const std::string& time_zone) {
  ASSIGN_OR_RETURN(std::vector<CalendarSpec> specs, CalendarSpecs(calendar, prefix, find));
  if (!time_zone.empty() && !IsUnion(calendar)) specs[0].time_zone = time_zone;
  return BusinessCalendar::Compile(specs);
}

absl::StatusOr<std::unique_ptr<BusinessCalendar>> CompileCalendar(const v1::Calendar& calendar,
                                                                  absl::string_view prefix) {
  return CompileCalendar(calendar, prefix, [](const std::string&) { return nullptr; });
}

state::v1::StoredCalendar ToStored(v1::Calendar calendar) {
  state::v1::StoredCalendar stored;
  *stored.mutable_calendar() = std::move(calendar);
  stored.set_fingerprint(FingerprintOf(stored.calendar()));
  return stored;
}

CalendarCache::Version CalendarCache::VersionOf(const state::v1::StoredCalendar& stored) {
  return {stored.calendar().calendar_id(), stored.calendar().version(), stored.fingerprint()};
}

absl::StatusOr<std::shared_ptr<const BusinessCalendar>> CalendarCache::Get(
    const std::string& tenant, const state::v1::StoredCalendar& stored,
    absl::Span<const state::v1::StoredCalendar* const> members, const std::string& time_zone) {
  Key key(tenant, time_zone, {VersionOf(stored)});
  for (const auto* member : members) std::get<2>(key).push_back(VersionOf(*member));
  {
    MutexLock lock(mu_);
    if (auto it = compiled_.find(key); it != compiled_.end()) return it->second;
  }
  const auto find = [&](const std::string& id) -> const v1::Calendar* {
    for (const auto* member : members) {
      if (member->calendar().calendar_id() == id) return &member->calendar();
    }
    return nullptr;
  };
  absl::StatusOr<std::unique_ptr<BusinessCalendar>> compiled =
      CompileCalendar(stored.calendar(), "calendar", find, time_zone);
  if (!compiled.ok()) {
    return WithReason(absl::StatusCode::kFailedPrecondition, "CALENDAR_UNUSABLE",
                      compiled.status().message());
  }
  MutexLock lock(mu_);
  if (compiled_.size() >= kCacheLimit) compiled_.clear();
  return compiled_.emplace(std::move(key), *std::move(compiled)).first->second;
}

}  // namespace watchbell::sla
