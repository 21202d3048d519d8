#include "services/watchbell/policy_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/ids.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/sla/policies/policy_file.h"
#include "services/watchbell/message_json.h"

namespace watchbell::cli {
namespace {

// `calendar`: as PathInFile.
absl::Status NamedInFile(const absl::Status& refused, int calendar) {
  std::vector<FieldViolation> faults = FieldViolations(refused);
  if (faults.empty()) return refused;
  for (FieldViolation& fault : faults) fault.field = sla::PathInFile(fault.field, calendar);
  return InvalidFields(std::move(faults));
}

}  // namespace

absl::StatusOr<sla::v1::PolicyFile> ReadPolicyFile(const std::string& path) {
  sla::v1::PolicyFile file;
  RETURN_IF_ERROR(ReadJsonFile(path, &file));
  return file;
}

absl::Status CheckPolicyFile(const sla::v1::PolicyFile& file) {
  return CheckPolicyFileWith(file, {});
}

absl::StatusOr<std::vector<sla::v1::Calendar>> StoredCalendars(const sla::v1::PolicyFile& file,
                                                               const CallSla& call) {
  std::vector<sla::v1::Calendar> stored;
  for (const std::string& id : sla::CalendarsElsewhere(file)) {
    sla::v1::GetCalendarRequest request;
    request.set_calendar_id(id);
    sla::v1::Calendar calendar;
    const absl::Status got = call("GetCalendar", request, &calendar);
    if (got.ok()) {
      stored.push_back(std::move(calendar));
    } else if (!absl::IsNotFound(got) && !absl::IsInvalidArgument(got)) {
      return got;  // an id that is none is a fault of the file
    }
  }
  return stored;
}

absl::Status CheckPolicyFileWith(const sla::v1::PolicyFile& file,
                                 const std::vector<sla::v1::Calendar>& stored) {
  const auto find = [&](const std::string& id) -> const sla::v1::Calendar* {
    const auto it = std::find_if(stored.begin(), stored.end(),
                                 [&](const auto& one) { return one.calendar_id() == id; });
    return it == stored.end() ? nullptr : &*it;
  };
  std::vector<FieldViolation> faults = sla::PolicyFileFaults(file, find);
  return faults.empty() ? absl::OkStatus() : InvalidFields(std::move(faults));
}

absl::Status CheckPolicyFileAgainst(const sla::v1::PolicyFile& file, const CallSla& call) {
  ASSIGN_OR_RETURN(const std::vector<sla::v1::Calendar> stored, StoredCalendars(file, call));
  return CheckPolicyFileWith(file, stored);
}

absl::StatusOr<sla::v1::Calendar> StoreCalendar(const sla::v1::PolicyFile& file, int place,
                                                std::optional<absl::Time> effective_at,
                                                Clock& clock, const CallSla& call) {
  SystemIdSource ids;
  sla::v1::PutCalendarRequest request;
  request.set_request_id(ids.NewUuid(clock.Now()));
  *request.mutable_calendar() = file.calendars(place);
  if (effective_at) *request.mutable_effective_at() = ToProto(*effective_at);
  sla::v1::Calendar stored;
  const absl::Status put = call("PutCalendar", request, &stored);
  if (!put.ok()) return NamedInFile(put, place);
  return stored;
}

absl::StatusOr<sla::v1::PolicySet> StorePolicySet(const sla::v1::PolicyFile& file,
                                                  const std::string& reason, Clock& clock,
                                                  const CallSla& call) {
  SystemIdSource ids;
  sla::v1::PutPolicySetRequest request;
  request.set_request_id(ids.NewUuid(clock.Now()));
  *request.mutable_policy_set() = file.policy_set();
  request.set_reason(reason);
  sla::v1::PolicySet stored;
  const absl::Status put = call("PutPolicySet", request, &stored);
  if (!put.ok()) return NamedInFile(put, -1);
  return stored;
}

absl::StatusOr<StoredPolicy> StorePolicy(const sla::v1::PolicyFile& file, const std::string& reason,
                                         Clock& clock, const CallSla& call) {
  StoredPolicy stored;
  for (const int place : sla::StoringOrder(file)) {
    ASSIGN_OR_RETURN(stored.calendars.emplace_back(),
                     StoreCalendar(file, place, std::nullopt, clock, call));
  }
  if (!file.has_policy_set()) return stored;
  ASSIGN_OR_RETURN(stored.policy_set, StorePolicySet(file, reason, clock, call));
  return stored;
}

absl::StatusOr<sla::v1::PolicyVersion> ActivatePolicy(const sla::v1::PolicySet& stored,
                                                      std::optional<absl::Time> effective_at,
                                                      const std::string& reason, Clock& clock,
                                                      const CallSla& call) {
  SystemIdSource ids;
  sla::v1::ActivatePolicySetRequest request;
  request.set_request_id(ids.NewUuid(clock.Now()));
  request.set_policy_set_id(stored.policy_set_id());
  request.set_version(stored.version());
  if (effective_at) *request.mutable_effective_at() = ToProto(*effective_at);
  request.set_reason(reason);
  sla::v1::PolicyVersion version;
  RETURN_IF_ERROR(call("ActivatePolicySet", request, &version));
  return version;
}

}  // namespace watchbell::cli
