// Lives with everything in them, for what must hold of any.
#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "tests/unit/sla/question.h"

namespace watchbell::sla::test {

// Policies, hours and inputs at odd microseconds.
class RandomLives {
 public:
  explicit RandomLives(uint32_t seed) : random_(seed) {}
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  int64_t Within(int64_t micros) {
    return std::uniform_int_distribution<int64_t>(0, micros - 1)(random_);
  }

  CalendarSpec Hours() {
    static constexpr const char* kZones[] = {"UTC", "Europe/Berlin", "America/St_Johns",
                                             "Asia/Kolkata"};
    CalendarSpec spec = OfficeHours();
    spec.time_zone = kZones[Below(4)];
    spec.holidays.push_back({absl::CivilDay(2026, 1, 6), "Epiphany"});
    spec.overrides.push_back({absl::CivilDay(2026, 1, 7), {{10 * 60, 12 * 60}, {13 * 60, 1440}}});
    spec.breaks.push_back({absl::CivilDay(2026, 1, 8), {{11 * 60, 12 * 60}}});
    return spec;
  }

  std::vector<v1::Target> Targets() {
    static constexpr v1::Metric kKinds[] = {
        v1::METRIC_RESOLUTION,    v1::METRIC_RESOLUTION,      v1::METRIC_FIRST_RESPONSE,
        v1::METRIC_NEXT_RESPONSE, v1::METRIC_PERIODIC_UPDATE, v1::METRIC_OPERATIONAL_LEVEL};
    std::vector<v1::Target> targets;
    for (int i = 0; i < 7; ++i) {
      v1::Target target = MakeTarget(absl::StrCat("t", i), kKinds[Below(6)], 5 + Below(900));
      if (target.metric() == v1::METRIC_OPERATIONAL_LEVEL) target.add_groups("net");
      target.set_on_reopen(static_cast<v1::ReopenMode>(Below(3)));
      if (Below(3) == 0) target.set_on_rematch(v1::REMATCH_MODE_RESTART);
      for (int p = 1; p <= 4; ++p) {
        if (Below(2) == 0) target.add_priorities(static_cast<tickets::v1::Priority>(p));
      }
      if (Below(2) == 0) target.add_pause_on(tickets::v1::HOLD_REASON_USER);
      if (Below(2) == 0) target.add_pause_on(tickets::v1::HOLD_REASON_VENDOR);
      targets.push_back(Below(3) == 0 ? target : Business(target));
      if (Below(4) == 0) targets.back() = Relative(Business(target));
    }
    return targets;
  }

  // The same with a deadline that is no stretch of time.
  v1::Target Relative(v1::Target target) {
    target.clear_duration();
    target.clear_pause_on();
    switch (Below(3)) {
      case 0:
        target.mutable_relative()->set_due_date(true);
        break;
      case 1:
        target.mutable_relative()->set_business_days(1 + Below(2));
        break;
      default:
        target.mutable_relative()->set_end_of_business_day(Below(2));
    }
    return target;
  }

  TicketInput Input() {
    switch (Below(8)) {
      case 0:
        return Held(Below(2) == 0 ? tickets::v1::HOLD_REASON_USER
                                  : tickets::v1::HOLD_REASON_VENDOR);
      case 1:
        return Resumed();
      case 2:
        return Resolved();
      case 3:
        return Say(Below(2) == 0 ? events::v1::ACTOR_KIND_AGENT : events::v1::ACTOR_KIND_REQUESTER);
      case 4:
        return GiveTo(Below(2) == 0 ? "net" : "desk");
      case 5: {
        TicketInput due;
        due.mutable_change()->set_due_at(At("Mon 08:00") + Within(int64_t{200} * 3'600'000'000));
        return Told(std::move(due), state::v1::TICKET_EVENT_KIND_ATTRIBUTE_CHANGED);
      }
      default:
        return Told(Raise(static_cast<tickets::v1::Priority>(1 + Below(4))),
                    state::v1::TICKET_EVENT_KIND_REPRIORITIZED);
    }
  }

 private:
  std::mt19937 random_;
};

}  // namespace watchbell::sla::test
