// From CreateTicket sent to its clocks attached: two services, two durable commits and the bus
// between them. Tickets and sla on files with engines on threads, rpcs over TCP loopback, 64 in
// flight; a third reader of the bus notes when a ticket's first clock is there.
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/rpc/client.h"
#include "common/rpc/identity.h"
#include "common/rpc/server.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/sla/spec.h"
#include "services/tickets/spec.h"
#include "services/tickets/tickets_rpc.h"
#include "services/watchbell/embedded.h"
#include "tests/perf/bench.h"
#include "tests/perf/cores.h"
#include "tests/perf/event_times.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::perf {
namespace {

constexpr int kInFlight = 64;
constexpr int kRounds = 3;

// Commands of the sla service, straight into its engine.
void PutPolicy(runtime::ServiceCore& sla) {
  const auto submit = [&sla](std::shared_ptr<const google::protobuf::Message> message) {
    Drive(1, 1, [&](int, Done done) {
      Must(sla.engine().Submit(Cores::Command(
          message, [done](absl::StatusOr<engine::Reply> reply) { done(reply.status()); })));
    });
  };
  const auto file = cli::EmbeddedMessage<sla::v1::PolicyFile>("live_policy.json");
  for (const sla::v1::Calendar& calendar : file.calendars()) {
    auto put = std::make_shared<sla::v1::PutCalendarRequest>();
    *put->mutable_calendar() = calendar;
    submit(put);
  }
  auto policies = std::make_shared<sla::v1::PutPolicySetRequest>();
  *policies->mutable_policy_set() = file.policy_set();
  submit(policies);
  auto activate = std::make_shared<sla::v1::ActivatePolicySetRequest>();
  activate->set_policy_set_id(policies->policy_set().policy_set_id());
  submit(activate);
}

struct Round {
  LoadResult creates;
  std::vector<absl::Duration> armed;
};

Round Measure(rpc::Client& client, EventTimes& reader, int tickets) {
  const auto count = static_cast<size_t>(tickets);
  std::vector<tickets::v1::CreateTicketRequest> requests;
  for (int i = 0; i < tickets; ++i) requests.push_back(RealisticTicket(i));
  std::vector<tickets::v1::Ticket> responses(count);
  std::vector<absl::Duration> sent(count);
  Round round;
  round.creates = Drive(tickets, kInFlight, [&](int i, Done done) {
    const auto place = static_cast<size_t>(i);
    sent[place] = Uptime();
    client.CallAsync("watchbell.tickets.v1.TicketService/CreateTicket", requests[place],
                     &responses[place], {}, std::move(done));
  });
  std::vector<std::string> ids;
  for (const tickets::v1::Ticket& ticket : responses) ids.push_back(ticket.ticket_id());
  round.armed = reader.Await(events::v1::ClockAttached::descriptor(), ids);
  for (size_t i = 0; i < count; ++i) round.armed[i] -= sent[i];
  return round;
}

int Main() {
  const int tickets = FromEnvironment("BENCH_TICKETS", 10'000);
  Title("armed_bench", "CreateTicket sent until its clocks are attached, gRPC, 64 in flight");
  Cores cores;
  runtime::ServiceCore& desk = cores.Start(tickets::Spec());
  BatchCounter counter;
  runtime::ServiceCore& sla = cores.Start(sla::Spec(), &counter);
  PutPolicy(sla);
  EventTimes reader(cores.bus, {events::kSlaTopic}, {events::v1::ClockAttached::descriptor()});
  rpc::WatchHub hub;
  const config::Config config = Must(config::Config::Load({}, {}, {}));
  const auto services = tickets::MakeServices({desk, config, hub});
  std::vector<rpc::Service*> served;
  for (const auto& service : services) served.push_back(service.get());
  const auto identity = rpc::MakeDevelopmentIdentity();
  const auto server = Must(rpc::Server::Start({}, served, *identity, cores.clock));
  server->SetServing(true);
  const auto client = rpc::Connect(absl::StrCat("127.0.0.1:", server->port()));

  Measure(*client, reader, 2'000);  // warm up
  counter.Take();
  std::vector<double> raw50, raw99, rpc50, rpc99, armed50, armed99, rates;
  for (int round = 0; round < kRounds; ++round) {
    const RawStore raw = RawInserts(20'000, kInFlight);
    const Round ours = Measure(*client, reader, tickets);
    const auto add = [](std::vector<double>& to, const auto& values, double q) {
      to.push_back(absl::ToDoubleMicroseconds(Percentile(values, q)));
    };
    add(raw50, raw.transactions, 0.5);
    add(raw99, raw.transactions, 0.99);
    add(rpc50, ours.creates.latencies, 0.5);
    add(rpc99, ours.creates.latencies, 0.99);
    add(armed50, ours.armed, 0.5);
    add(armed99, ours.armed, 0.99);
    rates.push_back(ours.creates.PerSecond());
  }
  const auto line = [](const std::string& what, const std::vector<double>& values) {
    Figure(what, absl::StrFormat("%10.1f ms", Median(values) / 1000));
  };
  line("raw SQLite, a transaction of 64 tickets, p50", raw50);
  line("raw SQLite, a transaction of 64 tickets, p99", raw99);
  Rate("CreateTicket meanwhile", Median(rates), "tickets");
  line("CreateTicket until answered, p50", rpc50);
  line("CreateTicket until answered, p99", rpc99);
  line("CreateTicket until armed, p50", armed50);
  line("CreateTicket until armed, p99", armed99);
  const BatchCounter::Counts counted = counter.Take();
  Figure("sla, average batch",
         absl::StrFormat("%10.1f events", static_cast<double>(counted.inputs) /
                                              static_cast<double>(counted.batches.size())));
  Latency("sla, duration of a batch", counted.batches);
  // A probe of the same path without a domain (gRPC, one commit, bus, one more consumer) was at
  // 1.35 times its answer, at p50 and at p99; twice that is the goal.
  Factor("armed p50 / answered p50", Median(armed50) / Median(rpc50), 2.7);
  Factor("armed p99 / answered p99", Median(armed99) / Median(rpc99), 2.7);
  Figure("armed p50 / two raw transactions p50",
         absl::StrFormat("%10.1f x", Median(armed50) / Median(raw50) / 2));
  server->Drain(absl::ZeroDuration(), absl::Seconds(5));
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
