// What the checker asks of clocks at rest: whatever came late, twice, out of order or after a
// crash, they stand as if each ticket's life had been counted once, in event time; and all of it
// was told, once.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/sla_store.h"
#include "services/sla/spec.h"
#include "tests/simulation/checker.h"
#include "tests/support/decider_harness.h"
#include "watchbell/events/v1/sla.pb.h"

namespace watchbell::test {
namespace {

using sla::state::v1::ClockRecord;
using sla::state::v1::TicketClocks;

// A clock's threshold, without its leg: ClockWarned does not tell it.
using ThresholdKey = std::tuple<std::string, int32_t, int64_t>;

// The clocks as stored, without the memory of what was told.
std::vector<std::string> Standing(const TicketClocks& ticket) {
  std::vector<std::string> lines;
  for (ClockRecord clock : ticket.clocks()) {
    clock.clear_judged();
    lines.push_back(clock.ShortDebugString());
  }
  return lines;
}

// Thresholds that were crossed, with the legs they were crossed on.
std::map<ThresholdKey, std::set<int>> Crossed(const TicketClocks& ticket) {
  std::map<ThresholdKey, std::set<int>> crossed;
  const auto add = [&](const std::string& clock, const sla::state::v1::FiredWarning& warning) {
    crossed[{clock, warning.threshold().percent(), warning.threshold().time_left()}].insert(
        warning.leg());
  };
  const auto name = [](const std::string& clock, int cycle) {
    return absl::StrCat(clock, "/", cycle);
  };
  for (const ClockRecord& clock : ticket.clocks()) {
    for (const auto& fired : clock.fired()) add(name(clock.name(), clock.cycle()), fired);
  }
  // Told before something heard late moved or undid the crossing.
  for (const auto& told : ticket.announced()) {
    add(name(told.clock(), told.cycle()), told.warning());
  }
  return crossed;
}

}  // namespace

std::string Checker::CheckClocks() const {
  for (const std::string& id : TicketIds()) {
    const auto stored = runtime::ReadEntity<TicketClocks>(world_.core("sla").database(),
                                                          sla::kTicketClass, "default", id);
    if (!stored.ok()) return std::string(stored.status().message());
    const TicketClocks empty;
    const TicketClocks& actual = *stored == nullptr ? empty : **stored;
    const absl::StatusOr<TicketClocks> expected = CountAgain(id);
    if (!expected.ok()) {
      return absl::StrCat("counted in event time, ", id, " fails: ", expected.status().message());
    }
    const std::vector<std::string> stand = Standing(actual);
    const std::vector<std::string> counted = Standing(*expected);
    if (stand.size() != counted.size()) {
      return absl::StrCat(id, " has ", stand.size(), " clocks, counted in event time ",
                          counted.size());
    }
    for (size_t i = 0; i < stand.size(); ++i) {
      if (stand[i] == counted[i]) continue;
      return absl::StrCat("a clock of ", id, " stands as ", stand[i],
                          " but counted in event time as ", counted[i]);
    }
    if (std::string failure = CheckTold(actual); !failure.empty()) return failure;
  }
  return "";
}

// A ticket's life from nothing: each event at its own time, nothing late, no fault.
absl::StatusOr<TicketClocks> Checker::CountAgain(const std::string& ticket_id) const {
  const runtime::ServiceSpec fresh = sla::Spec();
  DeciderHarness again(*fresh.decider);
  again.now = world_.started_at();
  for (const auto& request : sla_setup_) {
    if (absl::Status status = again.CommandMessage(request); !status.ok()) return status;
  }
  for (const auto& row : streams_.at({"tickets", "ticket", ticket_id})) {
    absl::Status status = again.AdvanceTo(std::max(again.now, row.occurred_at));
    const auto event = bus::DecodeEvent(row.type, row.payload);
    if (!event.ok()) return event.status();
    if (status.ok()) {
      status = again.EventMessage(events::kTicketsTopic, ticket_id, *event, row.occurred_at);
    }
    if (!status.ok()) return status;
  }
  const absl::Status status = again.AdvanceTo(std::max(again.now, world_.clock.Now()));
  if (!status.ok()) return status;
  const auto* counted = again.State<TicketClocks>(sla::TicketKey("default", ticket_id));
  return counted == nullptr ? TicketClocks() : *counted;
}

// Every threshold that was crossed was told, or recorded as skipped, once a leg; every breach that
// stands was told and not withdrawn, no other.
std::string Checker::CheckTold(const TicketClocks& ticket) const {
  const std::string& id = ticket.ticket().ticket_id();
  std::map<ThresholdKey, int> told;
  std::map<std::pair<std::string, int>, int> standing;
  const auto stream = streams_.find({"sla", "ticket", id});
  if (stream != streams_.end()) {
    for (const journal::JournalRow& row : stream->second) {
      if (row.type != bus::EventTypeOf(*events::v1::ClockWarned::descriptor())) continue;
      events::v1::ClockWarned warned;
      warned.ParseFromString(row.payload);
      const std::string clock = absl::StrCat(warned.clock().clock(), "/", warned.clock().cycle());
      const int64_t left = absl::ToInt64Microseconds(FromProto(warned.time_left()));
      ++told[{clock, warned.percent(), left}];
    }
  }
  std::map<ThresholdKey, std::set<int>> crossed = Crossed(ticket);
  for (const auto& [threshold, legs] : crossed) told.try_emplace(threshold, 0);
  for (const auto& [threshold, times] : told) {
    const size_t legs = crossed[threshold].size();
    if (static_cast<size_t>(times) == legs) continue;
    const auto& [clock, percent, left] = threshold;
    return absl::StrCat("threshold ", percent, " % / ", left, " us of ", id, "/", clock,
                        " was crossed on ", legs, " legs and told ", times, " times");
  }
  for (const ClockRecord& clock : ticket.clocks()) {
    const std::string name = absl::StrCat(id, "/", clock.name(), "/", clock.cycle());
    for (const auto& breach : clock.breaches()) ++standing[{name, breach.leg()}];
  }
  for (const auto& [clock_leg, count] : standing_breaches_) {
    if (clock_leg.first.rfind(id + "/", 0) == 0) standing.try_emplace(clock_leg, 0);
  }
  for (const auto& [clock_leg, count] : standing) {
    const auto heard = standing_breaches_.find(clock_leg);
    if (count == (heard == standing_breaches_.end() ? 0 : heard->second)) continue;
    return absl::StrCat("breach of leg ", clock_leg.second, " of ", clock_leg.first,
                        count > 0 ? " stands and was not told" : " was told and does not stand");
  }
  return "";
}

}  // namespace watchbell::test
