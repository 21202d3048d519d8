#include "services/sla/calendar_rpc.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/time/wall_time.h"
#include "services/sla/calendars/calendar_lint.h"
#include "services/sla/calendars/calendar_versions.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {
namespace {

// The version that counts for tickets opened now; null if there is no such calendar.
absl::StatusOr<std::unique_ptr<state::v1::StoredCalendar>> InForce(runtime::ServiceCore& core,
                                                                   const std::string& tenant,
                                                                   const std::string& id) {
  const auto read = [&](const engine::EntityKey& key) {
    return runtime::ReadEntity<state::v1::StoredCalendar>(core.database(), key.cls, key.tenant,
                                                          key.id);
  };
  ASSIGN_OR_RETURN(auto newest, read(CalendarKey(tenant, id)));
  if (newest == nullptr) return newest;
  const int64_t version = CalendarVersionAt(*newest, absl::ToUnixMicros(core.clock().Now()));
  if (version == newest->calendar().version()) return newest;
  return read(CalendarVersionKey(tenant, id, version));
}

v1::LintCalendarResponse Faults(const std::string& id, std::vector<FieldViolation> faults) {
  v1::LintCalendarResponse response;
  for (FieldViolation& fault : faults) {
    v1::CalendarFinding* finding = response.add_findings();
    finding->set_kind(v1::CALENDAR_FINDING_KIND_FAULT);
    finding->set_calendar_id(id);
    // CalendarFaults names the paths as those of "calendar".
    finding->set_field(fault.field.substr(std::string("calendar.").size()));
    finding->set_text(std::move(fault.description));
  }
  return response;
}

}  // namespace

FindCalendar CalendarWithMembers::find() const {
  return [this](const std::string& id) -> const v1::Calendar* {
    const auto it = std::find_if(members.begin(), members.end(), [&](const v1::Calendar& member) {
      return member.calendar_id() == id;
    });
    return it == members.end() ? nullptr : &*it;
  };
}

absl::StatusOr<CalendarWithMembers> ReadCalendar(runtime::ServiceCore& core,
                                                 const std::string& tenant, const std::string& id,
                                                 const v1::Calendar* given) {
  if (id.empty() == (given == nullptr)) {
    return InvalidField("calendar_id", "give either calendar_id or calendar");
  }
  CalendarWithMembers read;
  if (given != nullptr) {
    read.calendar = *given;
  } else {
    ASSIGN_OR_RETURN(auto stored, InForce(core, tenant, id));
    if (stored == nullptr) return NotFound(absl::StrCat("calendars/", id));
    read.calendar = std::move(*stored->mutable_calendar());
  }
  for (const std::string& member : read.calendar.union_of()) {
    ASSIGN_OR_RETURN(auto stored, InForce(core, tenant, member));
    if (stored != nullptr) read.members.push_back(std::move(*stored->mutable_calendar()));
  }
  return read;
}

absl::StatusOr<v1::LintCalendarResponse> AnswerLintCalendar(
    runtime::ServiceCore& core, const std::string& tenant, const v1::LintCalendarRequest& request) {
  ASSIGN_OR_RETURN(const CalendarWithMembers read,
                   ReadCalendar(core, tenant, request.calendar_id(),
                                request.has_calendar() ? &request.calendar() : nullptr));
  const std::string& id = read.calendar.calendar_id();
  if (auto faults = CalendarFaults(read.calendar, "calendar", read.find()); !faults.empty()) {
    return Faults(id, std::move(faults));
  }
  ASSIGN_OR_RETURN(const std::vector<CalendarSpec> specs,
                   CalendarSpecs(read.calendar, "calendar", read.find()));
  v1::LintCalendarResponse response;
  for (size_t i = 0; i < specs.size(); ++i) {
    const absl::CivilDay today =
        absl::ToCivilDay(core.clock().Now(), LoadZone(specs[i].time_zone).value());
    const absl::CivilDay from = ParseLocalDate(request.from()).value_or(today);
    const std::string& member =
        read.members.empty() ? id : read.calendar.union_of(static_cast<int>(i));
    for (v1::CalendarFinding& finding : LintCalendar(member, specs[i], from)) {
      *response.add_findings() = std::move(finding);
    }
  }
  return response;
}

}  // namespace watchbell::sla
