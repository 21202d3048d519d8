#include "services/sla/policy_move_rpc.h"

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/rpc/page_token.h"
#include "services/sla/clocks/clock_moves.h"
#include "services/sla/policy_move.h"
#include "services/sla/sla_store.h"
#include "services/sla/stored_entities.h"
#include "services/sla/ticket_pages.h"

namespace watchbell::sla {
namespace {

constexpr int kNormalPage = 100;  // open tickets
constexpr int kMostPage = 500;
constexpr int kMostRead = 20'000;  // tickets, finished ones included
constexpr int kReadAtOnce = 500;
constexpr int kMoveAtOnce = 50;  // tickets in one transaction
// Given to timers before their tickets are asked for again, if there is nothing else to do.
constexpr absl::Duration kTimersTime = absl::Milliseconds(50);

using OpenTickets = std::vector<state::v1::TicketClocks>;

// The version asked for; the newest for 0.
absl::StatusOr<PolicyChoice> ChosenVersion(StoredEntities& stored, const std::string& tenant,
                                           const v1::ApplyPolicyVersionRequest& request) {
  const std::string& id = request.policy_set_id();
  const engine::EntityKey key = request.version() == 0
                                    ? PolicySetKey(tenant, id)
                                    : PolicyVersionKey(tenant, id, request.version());
  RETURN_IF_ERROR(stored.Load(key));
  const auto* set = stored.Get<state::v1::StoredPolicySet>(key);
  if (set == nullptr) {
    const std::string version =
        request.version() > 0 ? absl::StrCat("@", request.version()) : std::string();
    return NotFound(absl::StrCat("policySets/", id, version));
  }
  return PolicyChoice{id, set->policy_set().version()};
}

// Reads a page of open tickets; the token for the next one.
absl::StatusOr<std::string> ReadOpen(db::Database& database, const std::string& tenant,
                                     const v1::ApplyPolicyVersionRequest& request,
                                     OpenTickets& open) {
  const auto most = static_cast<size_t>(rpc::PageSize(request.page_size(), kNormalPage, kMostPage));
  int read = 0;
  const auto take = [&](const std::string& body) -> absl::StatusOr<bool> {
    state::v1::TicketClocks ticket;
    if (!ticket.ParseFromString(body)) return absl::DataLossError("stored state cannot be read");
    if (MayMove(ticket)) open.push_back(std::move(ticket));
    return ++read < kMostRead && open.size() < most;
  };
  return ReadTicketPage(database, tenant, request, request.page_token(), kReadAtOnce, take);
}

// What would become of these tickets.
absl::Status Preview(StoredEntities& stored, JudgeCaches& caches, const std::string& tenant,
                     const PolicyChoice& policy, int64_t now, const OpenTickets& open,
                     v1::ApplyPolicyVersionResponse& response) {
  for (const state::v1::TicketClocks& ticket : open) {
    state::v1::TicketClocks before = ticket;
    Happenings unheard;
    Settle(before, now, unheard);
    state::v1::TicketClocks after;
    bool moved = false;
    RETURN_IF_ERROR(
        ReadJudge(stored, [&] {
          after = before;
          return MoveTo(stored, caches, tenant, policy, {"", "", now}, after, unheard, moved);
        }).status());
    if (!moved) continue;
    response.set_moved_tickets(response.moved_tickets() + 1);
    AddMoves(before, after, Unchanged::kLeftOut, *response.mutable_moves());
  }
  return absl::OkStatus();
}

// Hands tickets to the engine and waits for its answer.
absl::StatusOr<state::v1::MoveTicketsResult> Move(engine::Engine& engine,
                                                  const rpc::CallContext& call,
                                                  state::v1::MoveTickets request) {
  struct Waiting {
    absl::Notification answered;
    absl::StatusOr<engine::Reply> reply = absl::UnknownError("no answer");
  };
  // Shared: the caller may be gone before the engine answers.
  const auto waiting = std::make_shared<Waiting>();
  engine::Input input;
  input.kind = engine::Input::Kind::kCommand;
  input.identity = call.identity;
  input.traceparent = call.traceparent;
  input.deadline = call.deadline;
  input.idempotent_by_state = true;
  input.message = std::make_shared<state::v1::MoveTickets>(std::move(request));
  input.done = [waiting](absl::StatusOr<engine::Reply> reply) {
    waiting->reply = std::move(reply);
    waiting->answered.Notify();
  };
  RETURN_IF_ERROR(engine.Submit(std::move(input)));
  waiting->answered.WaitForNotification();
  RETURN_IF_ERROR(waiting->reply.status());
  state::v1::MoveTicketsResult result;
  if (!result.ParseFromString(waiting->reply->bytes)) {
    return absl::InternalError("an answer of our own cannot be read");
  }
  return result;
}

// Moves the tickets; those on which something is due go again once their timers have decided it.
absl::Status Apply(engine::Engine& engine, const rpc::CallContext& call, const PolicyChoice& policy,
                   const std::string& reason, std::deque<std::string> tickets,
                   v1::ApplyPolicyVersionResponse& response) {
  while (!tickets.empty()) {
    state::v1::MoveTickets move;
    move.set_policy_set_id(policy.policy_set_id);
    move.set_version(policy.version);
    move.set_reason(reason);
    while (!tickets.empty() && move.ticket_ids_size() < kMoveAtOnce) {
      move.add_ticket_ids(std::move(tickets.front()));
      tickets.pop_front();
    }
    const std::vector<std::string> asked(move.ticket_ids().begin(), move.ticket_ids().end());
    const absl::StatusOr<state::v1::MoveTicketsResult> moved = Move(engine, call, std::move(move));
    if (!moved.ok() && response.moved_tickets() == 0) return moved.status();
    if (!moved.ok()) {
      // What is done is told, and so is what is not.
      tickets.insert(tickets.begin(), asked.begin(), asked.end());
      for (const std::string& id : tickets) {
        response.add_failed(absl::StrCat(id, ": ", moved.status().message()));
      }
      return absl::OkStatus();
    }
    const state::v1::MoveTicketsResult& result = *moved;
    response.set_moved_tickets(response.moved_tickets() + result.moved_tickets());
    response.mutable_moves()->MergeFrom(result.moves());
    response.mutable_failed()->MergeFrom(result.failed());
    tickets.insert(tickets.end(), result.waiting().begin(), result.waiting().end());
    if (result.waiting_size() == static_cast<int>(asked.size())) absl::SleepFor(kTimersTime);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::ApplyPolicyVersionResponse> AnswerApplyPolicyVersion(
    runtime::ServiceCore& core, JudgeCaches& caches, const rpc::CallContext& call,
    const v1::ApplyPolicyVersionRequest& request) {
  const std::string& tenant = call.identity.tenant;
  StoredEntities stored(core.database());
  ASSIGN_OR_RETURN(const PolicyChoice policy, ChosenVersion(stored, tenant, request));
  OpenTickets open;
  ASSIGN_OR_RETURN(std::string token, ReadOpen(core.database(), tenant, request, open));
  v1::ApplyPolicyVersionResponse response;
  response.set_tickets(static_cast<int32_t>(open.size()));
  if (request.preview()) {
    const int64_t now = absl::ToUnixMicros(core.clock().Now());
    RETURN_IF_ERROR(Preview(stored, caches, tenant, policy, now, open, response));
  } else {
    std::deque<std::string> tickets;
    for (const state::v1::TicketClocks& ticket : open) {
      tickets.push_back(ticket.ticket().ticket_id());
    }
    RETURN_IF_ERROR(
        Apply(core.engine(), call, policy, request.reason(), std::move(tickets), response));
  }
  response.set_next_page_token(std::move(token));
  return response;
}

}  // namespace watchbell::sla
