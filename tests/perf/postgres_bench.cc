// Create on PostgreSQL: raw unnest() batches, the engine of tickets alone, behind gRPC, and as a
// whole process with leases and the relay to Kafka.
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/config/config.h"
#include "common/rpc/client.h"
#include "common/rpc/identity.h"
#include "common/rpc/server.h"
#include "common/runtime/process.h"
#include "common/telemetry/log.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/tickets/module.h"
#include "services/tickets/spec.h"
#include "services/tickets/tickets_rpc.h"
#include "services/watchbell/command.h"
#include "tests/perf/bench.h"
#include "tests/perf/cores.h"
#include "tests/perf/servers.h"

namespace watchbell::perf {
namespace {

constexpr int kRounds = 3;
constexpr int kInFlight = 64;
constexpr int kWaiting = 256;
constexpr int kAlone = 500;  // calls of one caller
constexpr char kCreate[] = "watchbell.tickets.v1.TicketService/CreateTicket";
constexpr char kGet[] = "watchbell.tickets.v1.TicketService/GetTicket";
// A small program with nothing but gRPC, group commit and these rows reached this part of raw.
constexpr double kToy = 0.36;

// New requests every time; nothing is asked twice.
LoadResult Create(rpc::Client& client, int tickets, int in_flight) {
  std::vector<tickets::v1::CreateTicketRequest> requests;
  for (int i = 0; i < tickets; ++i) requests.push_back(RealisticTicket(i));
  std::vector<tickets::v1::Ticket> responses(requests.size());
  return Drive(tickets, in_flight, [&](int i, Done done) {
    const auto place = static_cast<size_t>(i);
    client.CallAsync(kCreate, requests[place], &responses[place], {}, std::move(done));
  });
}

// Calls that are refused before anything is read: what an rpc itself costs.
LoadResult EmptyCalls(rpc::Client& client, int calls, int in_flight) {
  tickets::v1::GetTicketRequest request;
  request.set_name("no name of a ticket");
  std::vector<tickets::v1::Ticket> responses(static_cast<size_t>(calls));
  return Drive(calls, in_flight, [&](int i, Done done) {
    client.CallAsync(kGet, request, &responses[static_cast<size_t>(i)], {},
                     [done](absl::Status status) {
                       done(absl::IsInvalidArgument(status) ? absl::OkStatus() : status);
                     });
  });
}

// The engine of tickets on PostgreSQL and its rpcs; events go to nobody.
class Engine {
 public:
  Engine()
      : database_("engine"),
        cores_([this](const std::string& service) { return database_.Open(service, clock_); }),
        core_(cores_.Start(tickets::Spec(), &counter)),
        config_(Must(config::Config::Load({}, {}, {}))),
        services_(tickets::MakeServices({core_, config_, hub_})),
        identity_(rpc::MakeDevelopmentIdentity()) {
    std::vector<rpc::Service*> served;
    for (const auto& service : services_) served.push_back(service.get());
    server_ = Must(rpc::Server::Start({}, served, *identity_, clock_));
    server_->SetServing(true);
    client = rpc::Connect(absl::StrCat("127.0.0.1:", server_->port()));
  }
  ~Engine() { server_->Drain(absl::ZeroDuration(), absl::Seconds(5)); }

  LoadResult Submit(int tickets) {
    std::vector<std::shared_ptr<const tickets::v1::CreateTicketRequest>> requests;
    for (int i = 0; i < tickets; ++i) {
      requests.push_back(std::make_shared<tickets::v1::CreateTicketRequest>(RealisticTicket(i)));
    }
    return Drive(tickets, kWaiting, [&](int i, Done done) {
      engine::Input input =
          Cores::Command(requests[static_cast<size_t>(i)],
                         [done](absl::StatusOr<engine::Reply> reply) { done(reply.status()); });
      input.request_id = cores_.ids.NewUuid(clock_.Now());
      Must(core_.engine().Submit(std::move(input)));
    });
  }

  BatchCounter counter;
  std::unique_ptr<rpc::Client> client;

 private:
  SystemClock clock_;
  const OwnDatabase database_;
  Cores cores_;
  runtime::ServiceCore& core_;
  const config::Config config_;
  rpc::WatchHub hub_;
  const std::vector<std::unique_ptr<rpc::Service>> services_;
  const std::unique_ptr<rpc::IdentityProvider> identity_;
  std::unique_ptr<rpc::Server> server_;
};

// What `watchbell-tickets` runs, in this program.
class Service {
 public:
  Service() : database_("service"), topics_(OwnTopics()) {
    const runtime::ModuleDefinition module = tickets::Module();
    const runtime::Installation installation = cli::TheInstallation();
    std::vector<std::string> flags = {absl::StrCat("--database-url=", database_.url()),
                                      absl::StrCat("--kafka-brokers=", topics_.brokers),
                                      absl::StrCat("--kafka-topic-prefix=", topics_.topic_prefix),
                                      "--listen=127.0.0.1:0",
                                      "--admin-listen=127.0.0.1:0",
                                      "--drain-pause=0"};
    // Nobody is there; nobody is needed for what is measured.
    for (const auto& [service, topics] : installation.topics) {
      if (service != module.name)
        flags.push_back(absl::StrCat("--peers-", service, "=127.0.0.1:1"));
    }
    config_ = Must(config::Config::Load(runtime::AllKeys({module}, installation), flags, {}));
    Must(db::Migrate(*database_.Open(module.name, clock_),
                     runtime::AllMigrations(module.spec(*config_))));
    for (const char* topic : {events::kTicketsTopic, events::kAlertsTopic, events::kEscalationTopic,
                              events::kRawAlertsTopic}) {
      MakeTopic(topics_, topic);
    }
    telemetry::SetLogLevel(telemetry::Level::kError);
    process_ =
        Must(runtime::Process::Start("postgres_bench", {module}, *config_, clock_, installation));
    client = rpc::Connect(absl::StrCat("127.0.0.1:", process_->grpc_port()));
    rpc::CallOptions patient;
    patient.patient = true;
    tickets::v1::ListTicketsResponse none;
    Must(client->Call("watchbell.tickets.v1.TicketService/ListTickets",
                      tickets::v1::ListTicketsRequest(), &none, patient));
  }

  std::unique_ptr<rpc::Client> client;

 private:
  SystemClock clock_;
  const OwnDatabase database_;
  const bus::KafkaOptions topics_;
  std::optional<config::Config> config_;
  std::unique_ptr<runtime::Process> process_;
};

double P50(const LoadResult& load) {
  return absl::ToDoubleMicroseconds(Percentile(load.latencies, 0.5));
}

struct Rounds {
  std::vector<double> raw, engine, bare_rpc, create, empty;  // a second
  std::vector<double> raw_one, empty_one, create_one;        // microseconds, p50
};

void PrintAlone(const Rounds& rounds) {
  const auto line = [](const std::string& what, const std::vector<double>& values) {
    Figure(what, absl::StrFormat("%10.2f ms", Median(values) / 1000));
  };
  line("raw, a transaction of 1 ticket, p50", rounds.raw_one);
  line("an rpc that is refused at once, 1 caller, p50", rounds.empty_one);
  line("CreateTicket, 1 caller, p50", rounds.create_one);
  Factor("CreateTicket / (rpc + raw transaction), 1 caller",
         Median(rounds.create_one) / (Median(rounds.raw_one) + Median(rounds.empty_one)), 2.5);
}

int Main() {
  const int tickets = FromEnvironment("BENCH_TICKETS", 10'000);
  Title("postgres_bench", "CreateTicket on PostgreSQL, durable");
  Engine engine;
  Service service;
  engine.Submit(std::min(tickets, 2'000));  // warm up
  Create(*engine.client, std::min(tickets, 2'000), kInFlight);
  Create(*service.client, std::min(tickets, 2'000), kInFlight);
  Rounds rounds;
  LoadResult last;
  BatchCounter::Counts counted;
  std::string taken;
  // In turns, so that what else runs on the machine hits all of them.
  for (int round = 0; round < kRounds; ++round) {
    rounds.raw.push_back(RawUnnest(tickets, 100).tickets_per_second);
    rounds.raw_one.push_back(absl::ToDoubleMicroseconds(
        Percentile(RawUnnest(std::min(tickets, kAlone), 1).transactions, 0.5)));
    rounds.engine.push_back(engine.Submit(tickets).PerSecond());
    engine.counter.Take();
    rounds.bare_rpc.push_back(Create(*engine.client, tickets, kInFlight).PerSecond());
    counted = engine.counter.Take();
    rounds.empty.push_back(EmptyCalls(*service.client, tickets, kInFlight).PerSecond());
    const ProcessorTimes times;
    last = Create(*service.client, tickets, kInFlight);
    taken = times.Each(tickets);
    rounds.create.push_back(last.PerSecond());
    rounds.empty_one.push_back(P50(EmptyCalls(*service.client, std::min(tickets, kAlone), 1)));
    rounds.create_one.push_back(P50(Create(*service.client, std::min(tickets, kAlone), 1)));
  }
  Rate("raw unnest(), 3 rows a ticket, 100 a transaction", Median(rounds.raw), "tickets");
  Rate("engine, 256 waiting", Median(rounds.engine), "tickets");
  Share("engine / raw", Median(rounds.engine) / Median(rounds.raw), 0.50);
  Rate("CreateTicket over gRPC, no Kafka, 64 in flight", Median(rounds.bare_rpc), "tickets");
  Figure("its average batch",
         absl::StrFormat("%10.1f commands", static_cast<double>(counted.inputs) /
                                                static_cast<double>(counted.batches.size())));
  Latency("duration of its batches", counted.batches);
  Rate("rpcs refused at once, 64 in flight", Median(rounds.empty), "calls");
  Rate("CreateTicket, process with leases and relay, 64 in flight", Median(rounds.create),
       "tickets");
  Latency("CreateTicket, process", last.latencies);
  Figure("processor time for each", taken);
  Share("CreateTicket / raw", Median(rounds.create) / Median(rounds.raw), 0.20);
  Share("of the 36 % of raw that a toy reaches", Median(rounds.create) / Median(rounds.raw) / kToy,
        0.60);
  PrintAlone(rounds);
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
