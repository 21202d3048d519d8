// Create over gRPC: the five services in one process on files, TCP loopback, 64 calls in flight.
#include <httplib.h>

#include <memory>
#include <set>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/ids.h"
#include "common/clock/clock.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/local_process.h"
#include "services/watchbell/policy_file.h"
#include "services/watchbell/terminal.h"
#include "tests/perf/bench.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::perf {
namespace {

constexpr int kInFlight = 64;
constexpr int kRounds = 3;
constexpr int kImportBatch = 500;
constexpr int kImportsInFlight = 2;

// The process under load, with the clocks of the demo on every ticket, and one client.
class Desk {
 public:
  Desk()
      : folder_(Must(cli::TemporaryFolder::Make())),
        process_(Must(cli::StartLocal("create_bench", folder_.path(), {}, clock_))),
        client_(rpc::Connect(absl::StrCat("127.0.0.1:", process_->grpc_port()))) {
    const cli::CallSla call = [this](const std::string& method,
                                     const google::protobuf::Message& request,
                                     google::protobuf::Message* response) {
      return client_->Call(absl::StrCat("watchbell.sla.v1.SlaService/", method), request, response);
    };
    const auto file = cli::EmbeddedMessage<sla::v1::PolicyFile>("live_policy.json");
    const cli::StoredPolicy stored = Must(cli::StorePolicy(file, "", clock_, call));
    Must(cli::ActivatePolicy(stored.policy_set, std::nullopt, "", clock_, call));
  }

  LoadResult Creates(int tickets) {
    std::vector<tickets::v1::CreateTicketRequest> requests;
    for (int i = 0; i < tickets; ++i) {
      requests.push_back(RealisticTicket(i));
      requests.back().set_request_id(ids_.NewUuid(clock_.Now()));
    }
    return Calls<tickets::v1::Ticket>("watchbell.tickets.v1.TicketService/CreateTicket", requests,
                                      kInFlight, {});
  }

  LoadResult Imports(int calls) {
    std::vector<tickets::v1::ImportBatchRequest> requests(static_cast<size_t>(calls));
    for (tickets::v1::ImportBatchRequest& request : requests) {
      request.set_source("bench");
      for (int i = 0; i < kImportBatch; ++i) AddImported(imported_++, request);
    }
    return Calls<tickets::v1::ImportBatchResponse>("watchbell.tickets.v1.ImportService/ImportBatch",
                                                   requests, kImportsInFlight,
                                                   [](const auto& response) {
                                                     for (const auto& result : response.results()) {
                                                       if (result.error().empty()) continue;
                                                       Must(absl::InternalError(result.error()));
                                                     }
                                                   });
  }

  LoadResult Reads(int calls) {
    tickets::v1::GetTicketRequest request;
    request.set_name("tickets/inc-1");
    tickets::v1::ListTicketsRequest one;
    one.set_page_size(1);
    tickets::v1::ListTicketsResponse list;
    Must(client_->Call("watchbell.tickets.v1.TicketService/ListTickets", one, &list));
    request.set_name(list.tickets(0).name());
    const std::vector<tickets::v1::GetTicketRequest> requests(static_cast<size_t>(calls), request);
    return Calls<tickets::v1::Ticket>("watchbell.tickets.v1.TicketService/GetTicket", requests,
                                      kInFlight, {});
  }

  // Inputs and batches of one service so far, from /metrics.
  std::pair<double, double> Batches(const std::string& service) const {
    httplib::Client http("127.0.0.1", process_->admin_port());
    const httplib::Result page = http.Get("/metrics");
    if (!page) Must(absl::UnavailableError("the admin port does not answer"));
    return {Metric(page->body, "watchbell_engine_batch_inputs_sum", service),
            Metric(page->body, "watchbell_engine_batch_inputs_count", service)};
  }

  // Waits until every clock of every ticket is attached and counted, so that the next round starts
  // from rest.
  void AwaitRest() {
    double before = -1;
    for (double now = 0; now != before;) {
      before = now;
      Must(cli::Pause(clock_, absl::Milliseconds(300)));
      now = Batches("analytics").first + Batches("escalation").first;
    }
  }

 private:
  template <typename Response, typename Request>
  LoadResult Calls(const std::string& method, const std::vector<Request>& requests, int in_flight,
                   const std::function<void(const Response&)>& check) {
    std::vector<Response> responses(requests.size());
    return Drive(static_cast<int>(requests.size()), in_flight, [&](int i, Done done) {
      const auto place = static_cast<size_t>(i);
      client_->CallAsync(method, requests[place], &responses[place], {},
                         [&check, &responses, place, done](absl::Status status) {
                           if (status.ok() && check) check(responses[place]);
                           responses[place].Clear();
                           done(std::move(status));
                         });
    });
  }

  void AddImported(int i, tickets::v1::ImportBatchRequest& request) {
    const tickets::v1::CreateTicketRequest facts = RealisticTicket(i);
    tickets::v1::ImportCommand& command = *request.add_commands();
    command.set_external_id(absl::StrCat("INC", i));
    const absl::Time opened = clock_.Now() - absl::Hours(1000);
    command.mutable_occurred_at()->set_seconds(absl::ToUnixSeconds(opened));
    tickets::v1::Ticket& ticket = *command.mutable_create()->mutable_ticket();
    ticket.set_type(facts.type());
    ticket.set_title(facts.title());
    ticket.set_description(facts.description());
    ticket.set_impact(facts.impact());
    ticket.set_urgency(facts.urgency());
    ticket.set_requester(facts.requester());
    ticket.set_channel(facts.channel());
    ticket.set_site(facts.site());
    *ticket.mutable_classification() = facts.classification();
    ticket.set_config_item(facts.config_item());
  }

  static double Metric(const std::string& page, const std::string& name,
                       const std::string& service) {
    const std::string wanted = absl::StrCat(name, "{service=\"", service, "\"} ");
    for (absl::string_view line : absl::StrSplit(page, '\n')) {
      double value = 0;
      if (absl::ConsumePrefix(&line, wanted) && absl::SimpleAtod(line, &value)) return value;
    }
    return 0;
  }

  SystemClock clock_;
  SystemIdSource ids_;
  const cli::TemporaryFolder folder_;
  const std::unique_ptr<runtime::Process> process_;
  const std::unique_ptr<rpc::Client> client_;
  int imported_ = 0;
};

int Main() {
  const int tickets = FromEnvironment("BENCH_TICKETS", 10'000);
  Title("create_bench", "CreateTicket over gRPC, five services in one process, 64 in flight");
  Desk desk;
  desk.Creates(2'000);  // warm up
  desk.AwaitRest();
  std::vector<double> raw, one, many;
  LoadResult creates;
  std::pair<double, double> batches;
  // In turns, so that what else runs on the machine hits all of them.
  for (int round = 0; round < kRounds; ++round) {
    raw.push_back(RawInserts(20'000, 100).tickets_per_second);
    const std::pair<double, double> before = desk.Batches("tickets");
    creates = desk.Creates(tickets);
    const std::pair<double, double> after = desk.Batches("tickets");
    batches = {after.first - before.first, after.second - before.second};
    one.push_back(creates.PerSecond());
    desk.AwaitRest();
    many.push_back(desk.Imports(tickets / kImportBatch).PerSecond() * kImportBatch);
    desk.AwaitRest();
  }
  const LoadResult reads = desk.Reads(tickets);
  Rate("raw SQLite, 3 rows a ticket, 100 a transaction", Median(raw), "tickets");
  Rate("CreateTicket over gRPC, durable, 64 in flight", Median(one), "tickets");
  Latency("CreateTicket over gRPC", creates.latencies);
  Figure("average batch",
         absl::StrFormat("%10.1f commands", batches.first / std::max(1.0, batches.second)));
  Share("CreateTicket / raw", Median(one) / Median(raw), 0.15);
  Rate("ImportBatch over gRPC, 500 a call, 2 in flight", Median(many), "tickets");
  Share("ImportBatch / raw", Median(many) / Median(raw), 0.40);
  Rate("for comparison: GetTicket over gRPC, 64 in flight", reads.PerSecond(), "calls");
  Latency("GetTicket", reads.latencies);
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
