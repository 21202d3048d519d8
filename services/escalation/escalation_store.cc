#include "services/escalation/escalation_store.h"

#include <memory>

#include "common/base/status_macros.h"
#include "common/runtime/service_core.h"
#include "protos/watchbell/events/v1/topics.h"
#include "watchbell/escalation/state/v1/state.pb.h"

namespace watchbell::escalation {

const std::vector<engine::EntityClass>& Classes() {
  static const auto* classes = new std::vector<engine::EntityClass>{
      {kSetupClass, "setup", &v1::EscalationSetup::default_instance(), "", /*reference=*/true},
      {kTicketClass, "ticket", &state::v1::TicketState::default_instance(),
       events::kEscalationTopic},
      {kHistoryClass, "history", &state::v1::RunHistory::default_instance(), ""},
  };
  return *classes;
}

engine::EntityKey SetupKey(const std::string& tenant) { return {kSetupClass, tenant, "setup"}; }

engine::EntityKey TicketKey(const std::string& tenant, const std::string& ticket_id) {
  return {kTicketClass, tenant, ticket_id};
}

engine::EntityKey HistoryKey(const std::string& tenant, const std::string& ticket_id) {
  return {kHistoryClass, tenant, ticket_id};
}

absl::StatusOr<v1::EscalationSetup> ReadSetup(db::Database& database, const std::string& tenant) {
  ASSIGN_OR_RETURN(
      std::unique_ptr<v1::EscalationSetup> setup,
      runtime::ReadEntity<v1::EscalationSetup>(database, kSetupClass, tenant, SetupKey(tenant).id));
  return setup == nullptr ? v1::EscalationSetup() : std::move(*setup);
}

absl::StatusOr<std::vector<v1::Run>> ReadRuns(db::Database& database, const std::string& tenant,
                                              const std::string& ticket_id) {
  // The present run first: if it ends between the two reads it is listed as it was, and once.
  ASSIGN_OR_RETURN(
      std::unique_ptr<state::v1::TicketState> ticket,
      runtime::ReadEntity<state::v1::TicketState>(database, kTicketClass, tenant, ticket_id));
  if (ticket == nullptr) return std::vector<v1::Run>();  // not heard of yet
  ASSIGN_OR_RETURN(
      std::unique_ptr<state::v1::RunHistory> history,
      runtime::ReadEntity<state::v1::RunHistory>(database, kHistoryClass, tenant, ticket_id));
  const std::string& active = ticket->active().run().run_id();
  std::vector<v1::Run> runs;
  if (history != nullptr) {
    for (v1::Run& run : *history->mutable_runs()) {
      if (run.run_id() == active) break;
      runs.push_back(std::move(run));
    }
  }
  if (ticket->has_active()) runs.push_back(std::move(*ticket->mutable_active()->mutable_run()));
  return runs;
}

}  // namespace watchbell::escalation
