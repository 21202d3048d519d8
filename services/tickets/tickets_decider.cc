#include "services/tickets/tickets_decider.h"

#include "services/tickets/alert_intake.h"
#include "services/tickets/import_batch.h"
#include "services/tickets/import_finish.h"
#include "services/tickets/routing.h"
#include "services/tickets/ticket_commands.h"
#include "services/tickets/tickets_entities.h"
#include "services/tickets/tickets_store.h"
#include "watchbell/tickets/state/v1/state.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

using engine::Input;

const std::vector<engine::EntityClass>& TicketsDecider::classes() const { return EntityClasses(); }

std::vector<engine::EntityKey> TicketsDecider::Needs(const Input& input) const {
  if (input.kind == Input::Kind::kEvent) return RoutingNeeds(input);
  if (input.kind != Input::Kind::kCommand) return {};
  if (const auto* r = input.As<v1::ImportBatchRequest>()) return ImportBatchNeeds(input, *r);
  if (const auto* r = input.As<v1::FinishImportRequest>()) return FinishImportNeeds(input, *r);
  if (const auto* r = input.As<v1::PublishAlertsRequest>()) return PublishAlertsNeeds(input, *r);
  return TicketCommandNeeds(input);
}

engine::Decision TicketsDecider::Decide(const engine::View& view, const Input& input) const {
  if (input.kind == Input::Kind::kEvent) return DecideRouting(view, input);
  if (input.kind != Input::Kind::kCommand) return engine::Decision();
  if (const auto* r = input.As<v1::ImportBatchRequest>()) return DecideImportBatch(view, input, *r);
  if (const auto* r = input.As<v1::FinishImportRequest>()) {
    return DecideFinishImport(view, input, *r);
  }
  if (const auto* r = input.As<v1::PublishAlertsRequest>()) {
    return DecidePublishAlerts(view, input, *r);
  }
  return DecideTicketCommand(view, input);
}

void TicketsDecider::Index(const engine::EntityKey& key, const google::protobuf::Message& state,
                           engine::IndexWriter& writer) const {
  if (key.cls != kTicketClass) return;
  writer.Upsert(TicketIndexTable(),
                TicketIndexRow(key.tenant, static_cast<const state::v1::TicketState&>(state)));
}

}  // namespace watchbell::tickets
