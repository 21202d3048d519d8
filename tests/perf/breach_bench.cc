// How late the sla service's breaches are durable: its own decider settles a ticket's clock, tells
// of the breach and stores the ticket, with an engine on a SQLite file. The engine reads no topics
// here: no firing waits for what may still come before it.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "common/runtime/service_core.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/sla/sla_store.h"
#include "services/sla/spec.h"
#include "tests/perf/bench.h"
#include "tests/perf/firings.h"
#include "tests/support/decider_harness.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::perf {
namespace {

constexpr absl::Duration kPromise = absl::Minutes(30);

// One promise for every ticket.
void PutPolicy(test::DeciderHarness& desk) {
  sla::v1::PutPolicySetRequest put;
  put.mutable_policy_set()->set_policy_set_id("bench");
  sla::v1::Target& target = *put.mutable_policy_set()->add_targets();
  target.set_target_id("answer");
  target.set_metric(sla::v1::METRIC_FIRST_RESPONSE);
  target.set_basis(sla::v1::TIME_BASIS_CALENDAR);
  target.mutable_duration()->set_seconds(absl::ToInt64Seconds(kPromise));
  Must(desk.CommandMessage(std::make_shared<sla::v1::PutPolicySetRequest>(put)));
  sla::v1::ActivatePolicySetRequest activate;
  activate.set_policy_set_id("bench");
  Must(desk.CommandMessage(std::make_shared<sla::v1::ActivatePolicySetRequest>(activate)));
}

tickets::v1::Ticket OpenedTicket(int i, absl::Time opened_at) {
  const tickets::v1::CreateTicketRequest request = RealisticTicket(i);
  tickets::v1::Ticket ticket;
  ticket.set_ticket_id(absl::StrCat("inc-", i));
  ticket.set_name(absl::StrCat("tickets/", ticket.ticket_id()));
  ticket.set_state(tickets::v1::STATE_NEW);
  ticket.set_priority(tickets::v1::PRIORITY_HIGH);
  ticket.set_type(request.type());
  ticket.set_title(request.title());
  ticket.set_description(request.description());
  ticket.set_requester(request.requester());
  ticket.set_channel(request.channel());
  ticket.set_site(request.site());
  *ticket.mutable_classification() = request.classification();
  *ticket.mutable_opened_at() = ToProto(opened_at);
  return ticket;
}

// What the service keeps of a ticket whose promise ends at `due`. `desk` has the policy in force.
ArmedEntity Promised(test::DeciderHarness desk, int i, absl::Time due) {
  events::v1::TicketCreated created;
  *created.mutable_ticket() = OpenedTicket(i, due - kPromise);
  const std::string& id = created.ticket().ticket_id();
  Must(desk.Event(events::kTicketsTopic, id, created, due - kPromise));
  if (desk.timers.size() != 1 || desk.timers.begin()->second != due) {
    Must(absl::InternalError("the promise is not armed for its end"));
  }
  const engine::EntityKey key = sla::TicketKey("default", id);
  return {desk.timers.begin()->first, std::make_shared<sla::state::v1::TicketClocks>(
                                          *desk.State<sla::state::v1::TicketClocks>(key))};
}

int Main() {
  const int seconds = FromEnvironment("BENCH_SECONDS", 20);
  Title("breach_bench", "how late breaches of the sla service are durable, file SQLite");
  Rate("raw SQLite, the rows of a small firing, 100 a transaction",
       RawFiringsPerSecond(100'000, 100), "firings");
  const runtime::ServiceSpec spec = sla::Spec();
  test::DeciderHarness desk(*spec.decider);
  desk.now = SystemClock().Now() - absl::Hours(1);
  PutPolicy(desk);
  const FiringService service = {spec.name, runtime::AllMigrations(spec), *spec.decider,
                                 [&desk](int i, absl::Time due) { return Promised(desk, i, due); }};
  for (const int rate : {2'000, 10'000}) {
    const Firings raw = FireOnRawStore(rate, seconds);
    Latency(absl::StrCat("raw SQLite, ", rate, "/s, durable late by"), raw.durable);
    const Firings ours = FireOnEngine(service, rate, seconds);
    const bool met = ReportFirings("sla", rate, ours);
    Figure("sla, durable p99 / raw SQLite p99",
           absl::StrFormat("%10.2f x", absl::FDivDuration(Percentile(ours.durable, 0.99),
                                                          Percentile(raw.durable, 0.99))));
    Figure(
        "sla / raw SQLite, processor time of a firing",
        absl::StrFormat("%10.2f x", absl::FDivDuration(ours.processor_time, raw.processor_time)));
    if (!met && rate > 2'000) FindFiringRate(service, rate, std::max(1, seconds / 4));
  }
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
