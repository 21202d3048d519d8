#include "services/sla/clocks/change_cause.h"

#include <utility>

namespace watchbell::sla {

std::string CauseOf(const state::v1::TicketInput& input) {
  if (input.has_era()) return "policy version";
  const state::v1::Facts& change = input.change();
  const std::pair<bool, const char*> causes[] = {
      {change.has_priority(), "priority"}, {change.has_type(), "type"},
      {change.has_category(), "category"}, {change.has_subcategory(), "subcategory"},
      {change.has_service(), "service"},   {change.has_site(), "site"},
      {change.has_group(), "group"},       {change.has_vendor(), "vendor"},
      {change.has_channel(), "channel"},   {change.has_requester(), "requester"},
      {change.has_vip(), "vip"},           {change.has_tags(), "tags"},
      {change.has_due_at(), "due date"},   {change.has_state(), "state"},
  };
  for (const auto& [changed, name] : causes) {
    if (changed) return name;
  }
  return "rematch";
}

}  // namespace watchbell::sla
