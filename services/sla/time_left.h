// Time left until a deadline, as the target counts it, and what targets count by as a text:
// deadlines with the same text are in the order of the time they have left.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "common/time/business_calendar.h"
#include "services/sla/calendars/calendars.h"
#include "services/sla/stored_entities.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// What the clock's present leg counts by; "" = all time.
std::string CountingOf(const state::v1::TicketClocks& ticket, const state::v1::ClockRecord& clock);

// Time left at one moment. Instants and amounts are microseconds.
class TimeLeft {
 public:
  // `calendar` null: all time counts.
  TimeLeft(std::shared_ptr<const BusinessCalendar> calendar, int64_t as_of)
      : calendar_(std::move(calendar)), as_of_(as_of) {}

  // Negative once the deadline has passed.
  int64_t Until(int64_t due) const;

  // The first deadline with at least this much time left; nothing earlier than two horizons
  // (kDeadlineHorizon) before the moment, nor later than one after it.
  int64_t FirstDeadline(int64_t left) const;

 private:
  std::shared_ptr<const BusinessCalendar> calendar_;
  int64_t as_of_;
};

// Makes them from the stored versions of calendars, each once. One thread's; what it is made from
// outlives it.
class TimesLeft {
 public:
  TimesLeft(db::Database& database, CalendarCache& calendars, std::string tenant, int64_t as_of)
      : stored_(database), calendars_(calendars), tenant_(std::move(tenant)), as_of_(as_of) {}

  // `counting` as CountingOf says it. Blocks on the database. FAILED_PRECONDITION if a calendar
  // cannot be used any more. The answer lives as long as this.
  absl::StatusOr<const TimeLeft*> By(const std::string& counting);

  int64_t as_of() const { return as_of_; }

 private:
  using CalendarPtr = std::shared_ptr<const BusinessCalendar>;
  absl::StatusOr<CalendarPtr> Calendar(const std::string& counting);
  // One of a text's versions, "<calendar>@<version>".
  absl::StatusOr<const state::v1::StoredCalendar*> Load(absl::string_view version);

  StoredEntities stored_;
  CalendarCache& calendars_;
  const std::string tenant_;
  const int64_t as_of_;
  std::map<std::string, TimeLeft> made_;
};

}  // namespace watchbell::sla
