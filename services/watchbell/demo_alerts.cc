#include "services/watchbell/demo_alerts.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace watchbell::cli {

using Json = nlohmann::ordered_json;

std::string AlertStorm(int count, absl::Time since, absl::Time ended) {
  const bool resolved = ended != absl::InfinitePast();
  const char* status = resolved ? "resolved" : "firing";
  const auto text = [](absl::Time time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
  };
  const Json group = {
      {"alertname", "KubePodCrashLooping"}, {"cluster", "eu-west-2"}, {"service", "cart"}};
  Json alerts = Json::array();
  for (int i = 0; i < count; ++i) {
    const std::string pod = absl::StrFormat("cart-api-7d9c%02d", i);
    Json labels = group;
    labels["namespace"] = "checkout";
    labels["pod"] = pod;
    labels["severity"] = "critical";
    alerts.push_back(
        {{"status", status},
         {"labels", std::move(labels)},
         {"annotations", {{"summary", absl::StrCat("Pod checkout/", pod, " keeps crashing")}}},
         {"startsAt", text(since)},
         {"endsAt", resolved ? text(ended) : "0001-01-01T00:00:00Z"},
         {"generatorURL", "http://prometheus.example.net/graph"},
         {"fingerprint", absl::StrFormat("%016x", 0x5ca1ab1e0000 + i)}});
  }
  Json common = group;
  common["severity"] = "critical";
  const Json payload = {{"version", "4"},
                        {"groupKey", "{}:{service=\"cart\"}"},
                        {"truncatedAlerts", 0},
                        {"status", status},
                        {"receiver", "watchbell"},
                        {"groupLabels", group},
                        {"commonLabels", std::move(common)},
                        {"commonAnnotations", Json::object()},
                        {"externalURL", "http://alertmanager.example.net"},
                        {"alerts", std::move(alerts)}};
  return payload.dump();
}

}  // namespace watchbell::cli
