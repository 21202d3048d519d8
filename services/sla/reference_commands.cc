#include "services/sla/reference_commands.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "services/sla/calendars/calendar_versions.h"
#include "services/sla/calendars/calendars.h"
#include "services/sla/effective_at.h"
#include "services/sla/policy_commands.h"
#include "services/sla/same_content.h"
#include "services/sla/sla_store.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {
namespace {

using engine::Decision;
using engine::EntityKey;

// What is wrong with a calendar that is to be stored: its members must be there, and it stays a
// union or none.
std::vector<FieldViolation> PutCalendarFaults(const engine::View& view, const std::string& tenant,
                                              const v1::Calendar* present,
                                              const v1::Calendar& calendar) {
  std::vector<FieldViolation> faults =
      CalendarFaults(calendar, "calendar", [&](const std::string& id) -> const v1::Calendar* {
        const auto* member = view.Get<state::v1::StoredCalendar>(CalendarKey(tenant, id));
        return member == nullptr ? nullptr : &member->calendar();
      });
  for (FieldViolation& fault : ReplacementFaults(present, calendar, "calendar")) {
    faults.push_back(std::move(fault));
  }
  return faults;
}

Decision PutCalendar(const engine::View& view, const engine::Input& input,
                     const v1::PutCalendarRequest& request) {
  const std::string& tenant = input.identity.tenant;
  v1::Calendar calendar = request.calendar();
  const EntityKey head = CalendarKey(tenant, calendar.calendar_id());
  const auto* stored = view.Get<state::v1::StoredCalendar>(head);
  const v1::Calendar* present = stored == nullptr ? nullptr : &stored->calendar();
  calendar.set_version(present == nullptr ? 1 : present->version() + 1);
  const EntityKey version = CalendarVersionKey(tenant, calendar.calendar_id(), calendar.version());
  std::vector<EntityKey> missing;
  if (!view.Loaded(version)) missing.push_back(version);
  for (const std::string& id : calendar.union_of()) {
    if (!view.Loaded(CalendarKey(tenant, id))) missing.push_back(CalendarKey(tenant, id));
  }
  if (!missing.empty()) return Decision::NeedsMore(std::move(missing));
  if (auto faults = PutCalendarFaults(view, tenant, present, calendar); !faults.empty()) {
    return Decision::Refuse(InvalidFields(std::move(faults)));
  }
  const absl::StatusOr<int64_t> at = EffectiveAt(request, input.now);
  if (!at.ok()) return Decision::Refuse(at.status());
  Decision decision;
  if (present != nullptr && NewestCountsFrom(*stored, *at) && SameContent(*present, calendar)) {
    decision.Reply(*present);
    return decision;
  }
  decision.Reply(calendar);
  state::v1::StoredCalendar next = ToStored(std::move(calendar));
  AddCalendarVersion(stored, *at, next);
  decision.Put(head, next);
  decision.Put(version, next);
  return decision;
}

}  // namespace

std::vector<EntityKey> ReferenceCommandNeeds(const engine::Input& input) {
  const std::string& tenant = input.identity.tenant;
  if (const auto* calendar = input.As<v1::PutCalendarRequest>()) {
    return {CalendarKey(tenant, calendar->calendar().calendar_id())};
  }
  return PolicyCommandNeeds(input);
}

Decision DecideReferenceCommand(const engine::View& view, const engine::Input& input) {
  if (const auto* calendar = input.As<v1::PutCalendarRequest>()) {
    return PutCalendar(view, input, *calendar);
  }
  if (const auto* policy = input.As<v1::PutPolicySetRequest>()) {
    return PutPolicySet(view, input, *policy);
  }
  if (const auto* activate = input.As<v1::ActivatePolicySetRequest>()) {
    return ActivatePolicySet(view, input, *activate);
  }
  if (const auto* retire = input.As<v1::RetirePolicySetRequest>()) {
    return RetirePolicySet(view, input, *retire);
  }
  return Decision::Refuse(absl::UnimplementedError("no such command"));
}

}  // namespace watchbell::sla
