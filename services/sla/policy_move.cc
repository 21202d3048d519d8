#include "services/sla/policy_move.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/sla/clocks/clock_moves.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/clocks/late_inputs.h"
#include "services/sla/clocks/ticket_inputs.h"
#include "services/sla/put_ticket.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {
namespace {

using engine::Decision;
using engine::EntityKey;
using engine::Input;
using google::protobuf::util::MessageDifferencer;
using state::v1::Era;
using state::v1::TicketClocks;

bool IsSameVersion(const Era& a, const Era& b) {
  return a.policy_set_id() == b.policy_set_id() && a.policy_version() == b.policy_version() &&
         std::equal(a.calendars().begin(), a.calendars().end(), b.calendars().begin(),
                    b.calendars().end(),
                    [](const auto& x, const auto& y) { return MessageDifferencer::Equals(x, y); });
}

}  // namespace

bool MayMove(const TicketClocks& ticket) {
  return !ticket.historic() && !IsFinished(ticket.facts());
}

LoadedJudge MoveTo(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                   const PolicyChoice& policy, const MoveBy& by, TicketClocks& ticket,
                   Happenings& out, bool& moved) {
  moved = false;
  LoadedJudge loaded = AddEra(view, caches, tenant, policy, by.at, ticket);
  if (!loaded.judge) return loaded;
  const int era = ticket.eras_size() - 1;
  if (IsSameVersion(ticket.eras(era), ticket.eras(ticket.era()))) {
    ticket.mutable_eras()->RemoveLast();
    return loaded;
  }
  moved = true;
  ticket.mutable_eras(era)->set_by(by.subject);
  ticket.mutable_eras(era)->set_reason(by.reason);
  const state::v1::TicketInput& last = ticket.inputs(ticket.inputs_size() - 1);
  state::v1::TicketInput input;
  input.set_at(std::max({by.at, last.at(), ticket.decided_before()}));
  input.set_sequence(last.sequence());
  input.set_era(era);
  ApplyInput(*loaded.judge, ticket, input, out);
  return loaded;
}

std::vector<EntityKey> MoveNeeds(const Input& input) {
  std::vector<EntityKey> keys;
  if (const auto* move = input.As<state::v1::MoveTickets>()) {
    for (const std::string& id : move->ticket_ids()) {
      keys.push_back(TicketKey(input.identity.tenant, id));
    }
  } else if (const auto* recount = input.As<state::v1::RecountTicket>()) {
    keys.push_back(TicketKey(input.identity.tenant, recount->ticket_id()));
  }
  return keys;
}

Decision DecideMove(const engine::View& view, JudgeCaches& caches, const Input& input,
                    const state::v1::MoveTickets& request) {
  const std::string& tenant = input.identity.tenant;
  const MoveBy by{input.identity.subject, request.reason(), absl::ToUnixMicros(input.now)};
  Decision decision;
  std::vector<EntityKey> missing;
  state::v1::MoveTicketsResult result;
  for (const std::string& id : request.ticket_ids()) {
    const EntityKey key = TicketKey(tenant, id);
    const auto* stored = view.Get<TicketClocks>(key);
    if (stored == nullptr || !MayMove(*stored)) continue;
    // What is due is its timer's: what precedes it may be on its way.
    if (const auto due = NextDue(*stored); due && *due < by.at) {
      result.add_waiting(id);
      continue;
    }
    const TicketClocks& before = *stored;
    TicketClocks next = before;
    Happenings happened;
    bool moved = false;
    const LoadedJudge loaded =
        MoveTo(view, caches, tenant, {request.policy_set_id(), request.version()}, by, next,
               happened, moved);
    if (!loaded.error.ok()) {
      result.add_failed(absl::StrCat(id, ": ", loaded.error.message()));
      continue;
    }
    missing.insert(missing.end(), loaded.missing.begin(), loaded.missing.end());
    if (!missing.empty() || !moved) continue;
    result.set_moved_tickets(result.moved_tickets() + 1);
    AddMoves(before, next, Unchanged::kLeftOut, *result.mutable_moves());
    Announce(key, next, happened, decision);
    PutTicket(key, std::move(next), decision);
  }
  if (!missing.empty()) return Decision::NeedsMore(std::move(missing));
  decision.Reply(result);
  return decision;
}

Decision DecideRecount(const engine::View& view, JudgeCaches& caches, const Input& input,
                       const std::string& zone_data, const state::v1::RecountTicket& request) {
  const EntityKey key = TicketKey(input.identity.tenant, request.ticket_id());
  const auto* stored = view.Get<TicketClocks>(key);
  if (stored == nullptr || stored->zone_data() == zone_data) return Decision();
  LoadedJudge loaded = LoadPinned(view, caches, key.tenant, *stored);
  if (!loaded.error.ok()) return Decision::Refuse(std::move(loaded.error));
  if (!loaded.judge) return Decision::NeedsMore(std::move(loaded.missing));
  Decision decision;
  TicketClocks next = *stored;
  next.set_zone_data(zone_data);
  if (!next.historic()) {
    // What turns out to be due already waits for its timer: what precedes it may be on its way.
    Happenings happened;
    RecountOpen(*loaded.judge, next, std::max(absl::ToUnixMicros(input.now), next.decided_before()),
                happened);
    Announce(key, next, happened, decision);
  }
  PutTicket(key, std::move(next), decision);
  return decision;
}

}  // namespace watchbell::sla
