// Calendars of the API: checked, compiled, and kept compiled.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/errors.h"
#include "common/base/mutex.h"
#include "common/time/business_calendar.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Finds a calendar by its id, for the members of a union; null if there is none.
using FindCalendar = std::function<const v1::Calendar*(const std::string& id)>;

// Every fault of a calendar, by path below `prefix` ("calendar" gives
// "calendar.weekly[0].intervals[1]"); empty = sound. A union has nothing but its members, which
// exist, are no unions and are named once.
std::vector<FieldViolation> CalendarFaults(const v1::Calendar& calendar, absl::string_view prefix,
                                           const FindCalendar& find);

// The faults of `calendar` as what takes the place of `present` (null: of none): a union stays one,
// and so does what is none. A union may count by any version of its members: none of them may be a
// union.
std::vector<FieldViolation> ReplacementFaults(const v1::Calendar* present,
                                              const v1::Calendar& calendar,
                                              absl::string_view prefix);

// What a calendar, or each member of a union, says; INVALID_ARGUMENT with its faults.
absl::StatusOr<std::vector<CalendarSpec>> CalendarSpecs(const v1::Calendar& calendar,
                                                        absl::string_view prefix,
                                                        const FindCalendar& find);

// INVALID_ARGUMENT with its faults, by path below `prefix`. A calendar is read in `time_zone`
// instead of its own unless that is empty; the members of a union keep theirs.
absl::StatusOr<std::unique_ptr<BusinessCalendar>> CompileCalendar(
    const v1::Calendar& calendar, absl::string_view prefix, const FindCalendar& find,
    const std::string& time_zone = "");

// For calendars that are no unions.
absl::StatusOr<std::unique_ptr<BusinessCalendar>> CompileCalendar(const v1::Calendar& calendar,
                                                                  absl::string_view prefix);

// The calendar as it is kept: with a fingerprint of its content.
state::v1::StoredCalendar ToStored(v1::Calendar calendar);

// A memo of compiled calendars: forgetting all of it changes nothing but time. Thread-safe.
class CalendarCache {
 public:
  // The calendar read in `time_zone` ("" = its own; see CompileCalendar). `members`: what a union
  // is made of, in any order, in the versions that count; empty for any other. FAILED_PRECONDITION
  // if it cannot be compiled: its zone is gone from the zone data, or a member is not given.
  absl::StatusOr<std::shared_ptr<const BusinessCalendar>> Get(
      const std::string& tenant, const state::v1::StoredCalendar& stored,
      absl::Span<const state::v1::StoredCalendar* const> members,
      const std::string& time_zone = "");
  absl::StatusOr<std::shared_ptr<const BusinessCalendar>> Get(
      const std::string& tenant, const state::v1::StoredCalendar& stored) {
    return Get(tenant, stored, {});
  }

 private:
  // Id, version, fingerprint: a version that was tried and not committed may come again with other
  // content.
  using Version = std::tuple<std::string, int64_t, uint64_t>;
  // Tenant, zone, the calendar and its members.
  using Key = std::tuple<std::string, std::string, std::vector<Version>>;

  static Version VersionOf(const state::v1::StoredCalendar& stored);

  Mutex mu_;
  absl::flat_hash_map<Key, std::shared_ptr<const BusinessCalendar>> compiled_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::sla
