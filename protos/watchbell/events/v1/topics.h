// Names of the lifecycle topics. Part of the event contract.
#pragma once

namespace watchbell::events {

inline constexpr char kTicketsTopic[] = "watchbell.tickets.v1";
// Filled by monitoring systems, in any supported form, under any key.
inline constexpr char kRawAlertsTopic[] = "watchbell.alerts.raw.v1";
inline constexpr char kAlertsTopic[] = "watchbell.alerts.v1";
inline constexpr char kSlaTopic[] = "watchbell.sla.v1";
inline constexpr char kEscalationTopic[] = "watchbell.escalation.v1";
inline constexpr char kNotificationsTopic[] = "watchbell.notifications.v1";

}  // namespace watchbell::events
