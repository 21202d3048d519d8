// Calendars of the API: checked, compiled, and kept compiled.
#pragma once

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/errors.h"
#include "common/base/mutex.h"
#include "common/time/business_calendar.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Every fault of a calendar, by path below `prefix` ("calendar" gives
// "calendar.weekly[0].intervals[1]"); empty = sound.
std::vector<FieldViolation> CalendarFaults(const v1::Calendar& calendar, absl::string_view prefix);

// INVALID_ARGUMENT with its faults, by path below `prefix`.
absl::StatusOr<std::unique_ptr<BusinessCalendar>> CompileCalendar(const v1::Calendar& calendar,
                                                                  absl::string_view prefix);

// The calendar as it is kept: with a fingerprint of its content.
state::v1::StoredCalendar ToStored(v1::Calendar calendar);

// A memo of compiled calendars: forgetting all of it changes nothing but time. Thread-safe.
class CalendarCache {
 public:
  // FAILED_PRECONDITION if it no longer compiles (its zone is gone from the zone data).
  absl::StatusOr<std::shared_ptr<const BusinessCalendar>> Get(
      const std::string& tenant, const state::v1::StoredCalendar& stored);

 private:
  // Tenant, id, version, fingerprint: a version that was tried and not committed may come again
  // with other content.
  using Key = std::tuple<std::string, std::string, int64_t, uint64_t>;
  Mutex mu_;
  absl::flat_hash_map<Key, std::shared_ptr<const BusinessCalendar>> compiled_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::sla
