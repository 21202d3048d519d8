// The services of an installation: the lifecycle topics each fills, the rpcs each answers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protos/watchbell/events/v1/topics.h"

namespace watchbell::api {

inline std::map<std::string, std::vector<std::string>> TopicsOfServices() {
  return {{"tickets", {events::kTicketsTopic, events::kAlertsTopic}},
          {"sla", {events::kSlaTopic}},
          {"escalation", {events::kEscalationTopic}},
          {"notifications", {events::kNotificationsTopic}},
          {"analytics", {}}};
}

// Full names. What every process answers for itself (admin, journal) is not among them.
inline std::map<std::string, std::vector<std::string>> RpcsOfServices() {
  return {{"tickets", {"watchbell.tickets.v1.TicketService", "watchbell.tickets.v1.ImportService"}},
          {"sla", {"watchbell.sla.v1.SlaService"}},
          {"escalation", {"watchbell.escalation.v1.EscalationService"}},
          {"notifications", {"watchbell.notifications.v1.NotificationService"}},
          {"analytics", {"watchbell.analytics.v1.AnalyticsService"}}};
}

}  // namespace watchbell::api
