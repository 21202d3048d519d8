#include "services/sla/preview_change.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/sla/clocks/clock_machine.h"
#include "services/sla/clocks/clock_moves.h"
#include "services/sla/clocks/draft_ticket.h"
#include "services/sla/clocks/hypothesis.h"
#include "services/sla/clocks/ticket_change.h"
#include "services/sla/sla_store.h"
#include "services/sla/stored_entities.h"

namespace watchbell::sla {

using state::v1::TicketClocks;

absl::StatusOr<v1::PreviewChangeResponse> PreviewChange(const Judge& judge,
                                                        const TicketClocks& ticket,
                                                        const v1::PreviewChangeRequest& request,
                                                        int64_t now) {
  const int64_t at =
      request.has_at() ? absl::ToUnixMicros(FromProto(request.at())) : PresentOf(ticket, now);
  if (at < ticket.inputs(ticket.inputs_size() - 1).at()) {
    return InvalidField("at", "lies before the ticket's last change");
  }
  if (auto faults = FarAhead("at", at, now); !faults.empty()) {
    return InvalidFields(std::move(faults));
  }
  ASSIGN_OR_RETURN(const std::vector<state::v1::TicketInput> inputs,
                   InputsOfChange(ticket.ticket(), request, NextInput(ticket, at)));
  TicketClocks before = ticket;
  Happenings unheard;
  Settle(before, at, unheard);
  v1::PreviewChangeResponse response;
  AddMoves(before, Suppose(judge, before, inputs), Unchanged::kShown, *response.mutable_clocks());
  return response;
}

absl::StatusOr<v1::PreviewChangeResponse> AnswerPreviewChange(
    db::Database& database, JudgeCaches& caches, const std::string& tenant,
    const v1::PreviewChangeRequest& request, int64_t now) {
  ASSIGN_OR_RETURN(const std::string id, ReadTicketName(request.ticket()));
  StoredEntities stored(database);
  const engine::EntityKey key = TicketKey(tenant, id);
  RETURN_IF_ERROR(stored.Load(key));
  const auto* ticket = stored.Get<TicketClocks>(key);
  if (ticket == nullptr) return NotFound(request.ticket());
  if (ticket->eras().empty() || ticket->eras(ticket->era()).policy_set_id().empty()) {
    return WithReason(absl::StatusCode::kFailedPrecondition, "TICKET_NOT_JUDGED",
                      absl::StrCat("no policy set judges ", request.ticket()));
  }
  ASSIGN_OR_RETURN(const Judge judge,
                   ReadJudge(stored, [&] { return LoadPinned(stored, caches, tenant, *ticket); }));
  return PreviewChange(judge, *ticket, request, now);
}

}  // namespace watchbell::sla
