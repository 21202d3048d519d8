#include "services/tickets/tickets_decider.h"

#include <utility>

#include "services/tickets/alert_intake.h"
#include "services/tickets/import_batch.h"
#include "services/tickets/import_finish.h"
#include "services/tickets/raw_alert.h"
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
  if (IsAlertIntake(input)) return AlertIntakeNeeds(input);
  if (input.kind == Input::Kind::kEvent) return RoutingNeeds(input);
  if (input.kind != Input::Kind::kCommand) return {};
  if (const auto* r = input.As<v1::ImportBatchRequest>()) return ImportBatchNeeds(input, *r);
  if (const auto* r = input.As<v1::FinishImportRequest>()) return FinishImportNeeds(input, *r);
  return TicketCommandNeeds(input);
}

engine::Decision TicketsDecider::Decide(const engine::View& view, const Input& input) const {
  if (IsAlertIntake(input)) return DecideAlertIntake(view, input);
  if (input.kind == Input::Kind::kEvent) return DecideRouting(view, input);
  if (input.kind != Input::Kind::kCommand) return engine::Decision();
  if (const auto* r = input.As<v1::ImportBatchRequest>()) return DecideImportBatch(view, input, *r);
  if (const auto* r = input.As<v1::FinishImportRequest>()) {
    return DecideFinishImport(view, input, *r);
  }
  return DecideTicketCommand(view, input);
}

absl::StatusOr<engine::RawInput> TicketsDecider::ReadRaw(const bus::Record& record) const {
  return ReadRawAlert(record, raw_tenant_);
}

void TicketsDecider::Index(const engine::EntityKey& key, const google::protobuf::Message* before,
                           const google::protobuf::Message& after,
                           engine::IndexWriter& writer) const {
  if (key.cls != kTicketClass) return;
  const auto row_of = [&key](const google::protobuf::Message& state) {
    return TicketIndexRow(key.tenant, static_cast<const state::v1::TicketState&>(state));
  };
  db::Row row = row_of(after);
  if (before != nullptr && row_of(*before) == row) return;
  writer.Upsert(TicketIndexTable(), std::move(row));
}

}  // namespace watchbell::tickets
