#include "services/sla/clocks/clock_moves.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "google/protobuf/util/message_differencer.h"
#include "services/sla/clocks/clock_id.h"
#include "services/sla/clocks/clock_view.h"

namespace watchbell::sla {
namespace {

// By metric, name, cycle.
using Clocks = std::map<std::tuple<int, std::string, int32_t>, v1::ClockMove>;

bool IsChanged(const v1::ClockMove& move) {
  if (!move.has_before() || !move.has_after()) return true;
  v1::Clock judged = move.after();
  judged.set_policy_set_id(move.before().policy_set_id());
  judged.set_policy_version(move.before().policy_version());
  return !google::protobuf::util::MessageDifferencer::Equals(move.before(), judged);
}

}  // namespace

void AddMoves(const state::v1::TicketClocks& before, const state::v1::TicketClocks& after,
              Unchanged unchanged, google::protobuf::RepeatedPtrField<v1::ClockMove>& out) {
  Clocks clocks;
  const auto at = [&](const state::v1::ClockRecord& clock) -> v1::ClockMove& {
    // Another version may measure something else by the same clock.
    const auto* last = FindClock(after, {after.ticket().ticket_id(), clock.name(), clock.cycle()});
    const int metric = last == nullptr ? clock.metric() : last->metric();
    return clocks[{metric, clock.name(), clock.cycle()}];
  };
  for (const auto& clock : before.clocks()) *at(clock).mutable_before() = ToClock(before, clock);
  for (const auto& clock : after.clocks()) *at(clock).mutable_after() = ToClock(after, clock);
  for (auto& [key, move] : clocks) {
    move.set_changed(IsChanged(move));
    if (move.changed() || unchanged == Unchanged::kShown) *out.Add() = std::move(move);
  }
}

}  // namespace watchbell::sla
