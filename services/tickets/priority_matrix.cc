#include "services/tickets/priority_matrix.h"

namespace watchbell::tickets {
namespace {

constexpr v1::Priority kMatrix[3][3] = {
    {v1::PRIORITY_CRITICAL, v1::PRIORITY_HIGH, v1::PRIORITY_MODERATE},
    {v1::PRIORITY_HIGH, v1::PRIORITY_MODERATE, v1::PRIORITY_LOW},
    {v1::PRIORITY_MODERATE, v1::PRIORITY_LOW, v1::PRIORITY_PLANNING},
};

}  // namespace

v1::Priority PriorityOf(v1::Impact impact, v1::Urgency urgency) {
  if (impact < v1::IMPACT_HIGH || impact > v1::IMPACT_LOW) return v1::PRIORITY_UNSPECIFIED;
  if (urgency < v1::URGENCY_HIGH || urgency > v1::URGENCY_LOW) return v1::PRIORITY_UNSPECIFIED;
  return kMatrix[impact - v1::IMPACT_HIGH][urgency - v1::URGENCY_HIGH];
}

}  // namespace watchbell::tickets
