// PublishAlerts and the raw alert topic: alerts to episodes to tickets. Alerts with the same group
// labels share one open ticket, so a storm opens one; the last of them to clear resolves it, unless
// a person put it on hold or resolved it before.
//
// A ticket is dated when we hear of it (its promises begin when the desk knows), a resolution when
// the source says it cleared, clamped into [last change, now]; the alert's own times are in its
// events. Pure.
#pragma once

#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"

namespace watchbell::tickets {

// `input` carries a v1::PublishAlertsRequest or a state::v1::RawAlerts.
bool IsAlertIntake(const engine::Input& input);
std::vector<engine::EntityKey> AlertIntakeNeeds(const engine::Input& input);
engine::Decision DecideAlertIntake(const engine::View& view, const engine::Input& input);

}  // namespace watchbell::tickets
