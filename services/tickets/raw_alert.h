// The raw alert topic: whatever a monitoring system puts there, under any key, as the input that
// alert_intake decides.
//
// Bodies: every form of alert_payload.h. Around them: nothing, or a CloudEvent (cloud_event.h).
// Tenant: the CloudEvent's `tenant` extension (header ce_tenant, on a bare body too), else the
// configured one. Integration: the CloudEvent's source, else "raw". Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/bus/record.h"
#include "common/config/config.h"
#include "common/engine/decider.h"
#include "services/tickets/alert_payload.h"
#include "watchbell/tickets/state/v1/state.pb.h"

namespace watchbell::tickets {

// alerts.raw.tenant.
std::vector<config::Key> RawAlertKeys();
std::string RawAlertTenant(const config::Config& config);
// INVALID_ARGUMENT if it is no tenant.
absl::Status CheckRawAlertTenant(const config::Config& config);

// The message is a RawAlerts. What is no alert in any known form is INVALID_ARGUMENT with a listed
// reason; so is a body whose alerts are all bad. Of a partly bad one the good are kept and
// `bad_part` names the others.
absl::StatusOr<engine::RawInput> ReadRawAlert(const bus::Record& record,
                                              const std::string& default_tenant);

// The alerts of what ReadRawAlert made, bad ones included; heard at `now`.
absl::StatusOr<std::vector<ParsedAlert>> ParseRawAlerts(const state::v1::RawAlerts& raw,
                                                        absl::Time now);

}  // namespace watchbell::tickets
