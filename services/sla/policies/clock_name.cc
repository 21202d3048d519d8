#include "services/sla/policies/clock_name.h"

namespace watchbell::sla {

std::string ClockName(const v1::Target& target) {
  if (!target.clock().empty()) return target.clock();
  switch (target.metric()) {
    case v1::METRIC_FIRST_RESPONSE:
      return "first-response";
    case v1::METRIC_RESOLUTION:
      return "resolution";
    case v1::METRIC_NEXT_RESPONSE:
      return "next-response";
    case v1::METRIC_PERIODIC_UPDATE:
      return "periodic-update";
    case v1::METRIC_FULFILMENT:
      return "fulfilment";
    default:
      return target.target_id();
  }
}

}  // namespace watchbell::sla
