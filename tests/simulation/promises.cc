#include "tests/simulation/promises.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "services/sla/policies/condition.h"

namespace watchbell::test {
namespace {

using sla::All;
using sla::Any;
using sla::Is;
using sla::IsSet;
using sla::v1::PolicySet;
using sla::v1::Target;

Target& Add(PolicySet& set, sla::v1::Metric metric, int minutes) {
  Target& target = *set.add_targets();
  target.set_target_id(absl::StrCat("t", set.targets_size()));
  target.set_metric(metric);
  if (minutes > 0) *target.mutable_duration() = ToProto(absl::Minutes(minutes));
  target.set_basis(sla::v1::TIME_BASIS_CALENDAR);
  target.add_warn_percent(50);
  return target;
}

Target& InHours(Target& target) {
  target.set_basis(sla::v1::TIME_BASIS_BUSINESS);
  target.set_calendar_id("office");
  return target;
}

Target& Of(Target& target, tickets::v1::Priority priority) {
  target.add_priorities(priority);
  return target;
}

void AddFirstResponses(PolicySet& set) {
  constexpr auto kMetric = sla::v1::METRIC_FIRST_RESPONSE;
  Of(Add(set, kMetric, 10), tickets::v1::PRIORITY_CRITICAL).add_warn_percent(80);
  Target& high = InHours(Of(Add(set, kMetric, 30), tickets::v1::PRIORITY_HIGH));
  high.set_zone_source(sla::v1::ZONE_SOURCE_REQUESTER);
  InHours(Of(Add(set, kMetric, 60), tickets::v1::PRIORITY_MODERATE)).add_warn_percent(80);
}

// Critical tickets count anew, reopened ones begin anew or go on; moderate ones are promised
// nothing.
void AddResolutions(PolicySet& set) {
  constexpr auto kMetric = sla::v1::METRIC_RESOLUTION;
  Target& critical = Of(Add(set, kMetric, 45), tickets::v1::PRIORITY_CRITICAL);
  critical.add_pause_on(tickets::v1::HOLD_REASON_USER);
  critical.set_on_rematch(sla::v1::REMATCH_MODE_RESTART);
  *critical.add_warn_time_left() = ToProto(absl::Minutes(10));
  Target& high = InHours(Of(Add(set, kMetric, 120), tickets::v1::PRIORITY_HIGH));
  high.add_pause_on(tickets::v1::HOLD_REASON_USER);
  high.set_on_reopen(sla::v1::REOPEN_MODE_NEW_CYCLE);
  high.add_warn_percent(80);
}

void AddGroups(PolicySet& set) {
  constexpr auto kMetric = sla::v1::METRIC_OPERATIONAL_LEVEL;
  Target& network = Add(set, kMetric, 40);
  network.set_clock("network");
  network.add_groups("network");
  Target& desk = InHours(Add(set, kMetric, 60));
  desk.set_clock("desk");
  desk.add_groups("desk");
  desk.set_zone_source(sla::v1::ZONE_SOURCE_REQUESTER);
}

// Everything by conditions: the last word is the requester's or ours.
void AddNamed(PolicySet& set) {
  Target& care = Add(set, sla::v1::METRIC_NAMED, 90);
  care.set_clock("care");
  *care.mutable_start() = IsSet("priority");
  *care.mutable_stop() = Is("event", {"resolved"});
  *care.mutable_reset() = Is("event", {"reprioritized"});
  *care.mutable_cancel() = Is("hold_reason", {"HOLD_REASON_VENDOR"});
  *care.mutable_pause() =
      All({Is("event", {"commented"}), Is("event_actor", {"ACTOR_KIND_AGENT"})});
  *care.mutable_resume() =
      Any({Is("event_actor", {"ACTOR_KIND_REQUESTER"}), Is("event", {"work_started"})});
  *care.add_warn_time_left() = ToProto(absl::Minutes(15));
  Target& today = InHours(Add(set, sla::v1::METRIC_NAMED, 0));
  today.set_clock("today");
  today.mutable_relative()->set_end_of_business_day(0);
  *today.mutable_start() = Is("state", {"STATE_IN_PROGRESS"});
  *today.mutable_stop() = Is("state", {"STATE_RESOLVED", "STATE_CLOSED"});
  today.set_repeats(true);
}

}  // namespace

sla::v1::Calendar OfficeHours() {
  sla::v1::Calendar calendar;
  calendar.set_calendar_id("office");
  calendar.set_time_zone("Europe/Berlin");
  for (int day = 1; day <= 5; ++day) {
    auto* weekday = calendar.add_weekly();
    weekday->set_weekday(day);
    auto* interval = weekday->add_intervals();
    interval->set_from("08:00");
    interval->set_to("18:00");
  }
  return calendar;
}

PolicySet Promises() {
  PolicySet set;
  set.set_policy_set_id("sim");
  AddFirstResponses(set);
  AddResolutions(set);
  *Add(set, sla::v1::METRIC_NEXT_RESPONSE, 20).add_warn_time_left() = ToProto(absl::Minutes(5));
  Target& update = InHours(Add(set, sla::v1::METRIC_PERIODIC_UPDATE, 60));
  update.add_pause_on(tickets::v1::HOLD_REASON_VENDOR);
  AddGroups(set);
  *Add(set, sla::v1::METRIC_UNDERPINNING_CONTRACT, 30).add_warn_time_left() =
      ToProto(absl::Minutes(10));
  AddNamed(set);
  return set;
}

}  // namespace watchbell::test
