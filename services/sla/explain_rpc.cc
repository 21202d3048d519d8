#include "services/sla/explain_rpc.h"

#include "common/base/status_macros.h"
#include "services/sla/explain/explain.h"
#include "services/sla/sla_store.h"
#include "services/sla/stored_entities.h"

namespace watchbell::sla {

absl::StatusOr<v1::ClockExplanation> AnswerExplainClock(runtime::ServiceCore& core,
                                                        JudgeCaches& caches,
                                                        const std::string& tenant,
                                                        const v1::ExplainClockRequest& request) {
  ASSIGN_OR_RETURN(const ClockId id, ReadClockId(request.clock_id()));
  StoredEntities stored(core.database());
  const engine::EntityKey key = TicketKey(tenant, id.ticket);
  RETURN_IF_ERROR(stored.Load(key));
  const auto* ticket = stored.Get<state::v1::TicketClocks>(key);
  if (ticket == nullptr || ticket->clocks().empty()) return NoSuchClock(id);
  ASSIGN_OR_RETURN(const Judge judge,
                   ReadJudge(stored, [&] { return LoadPinned(stored, caches, tenant, *ticket); }));
  return Explain(judge, *ticket, id, absl::ToUnixMicros(core.clock().Now()));
}

}  // namespace watchbell::sla
