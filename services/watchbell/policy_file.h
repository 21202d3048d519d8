// Policy files: a policy set and its calendars as protobuf JSON of watchbell.sla.v1.PolicyFile,
// read, checked, and put into a watchbell.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "google/protobuf/message.h"
#include "watchbell/sla/v1/sla.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::cli {

// An error of the file system with the path; INVALID_ARGUMENT if the content is no policy file.
// Whether it makes sense is not looked at.
absl::StatusOr<sla::v1::PolicyFile> ReadPolicyFile(const std::string& path);

// INVALID_ARGUMENT with every fault, by path in the file. It must be whole: what it names must be
// in it.
absl::Status CheckPolicyFile(const sla::v1::PolicyFile& file);

// Calls a method of SlaService, "PutCalendar" for example.
using CallSla =
    std::function<absl::Status(const std::string& method, const google::protobuf::Message& request,
                               google::protobuf::Message* response)>;

// The calendars that the file names and does not hold, as far as they are stored there.
absl::StatusOr<std::vector<sla::v1::Calendar>> StoredCalendars(const sla::v1::PolicyFile& file,
                                                               const CallSla& call);
// As CheckPolicyFile, but calendars may also be these.
absl::Status CheckPolicyFileWith(const sla::v1::PolicyFile& file,
                                 const std::vector<sla::v1::Calendar>& stored);
// The same with those stored there.
absl::Status CheckPolicyFileAgainst(const sla::v1::PolicyFile& file, const CallSla& call);

// A policy file as stored: with versions.
struct StoredPolicy {
  std::vector<sla::v1::Calendar> calendars;  // in the order they were stored in
  sla::v1::PolicySet policy_set;             // of no id if the file has none
};

// Stores the calendar at that place of the file; what is stored already stays as it is. A new
// version counts for tickets opened from `effective_at` (nothing = now) on. What the server refuses
// is named by path in the file. `clock`: for ids of requests.
absl::StatusOr<sla::v1::Calendar> StoreCalendar(const sla::v1::PolicyFile& file, int place,
                                                std::optional<absl::Time> effective_at,
                                                Clock& clock, const CallSla& call);
// The same of the policy set, which the file must have.
absl::StatusOr<sla::v1::PolicySet> StorePolicySet(const sla::v1::PolicyFile& file,
                                                  const std::string& reason, Clock& clock,
                                                  const CallSla& call);
// Both: calendars from now on, members of unions first, then the policy set.
absl::StatusOr<StoredPolicy> StorePolicy(const sla::v1::PolicyFile& file, const std::string& reason,
                                         Clock& clock, const CallSla& call);

// Has the stored version judge live tickets from `effective_at` (nothing = now) on.
absl::StatusOr<sla::v1::PolicyVersion> ActivatePolicy(const sla::v1::PolicySet& stored,
                                                      std::optional<absl::Time> effective_at,
                                                      const std::string& reason, Clock& clock,
                                                      const CallSla& call);

}  // namespace watchbell::cli
