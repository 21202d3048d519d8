// What the separate processes take together, on real PostgreSQL and Kafka: from CreateTicket to
// its clocks, and from an alert on the raw topic to the page at the sink. All instants are taken in
// this program, which calls, puts, reads the topics and is the sink.
#include <google/protobuf/util/json_util.h>
#include <httplib.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/bus/kafka/kafka_bus.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/policy_file.h"
#include "tests/perf/bench.h"
#include "tests/perf/cluster.h"
#include "tests/perf/event_times.h"
#include "tests/perf/raw_kafka.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/events/v1/notifications.pb.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"
#include "watchbell/notifications/v1/webhook.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::perf {
namespace {

constexpr int kInFlight = 64;
constexpr int kPaced = 500;  // a second
constexpr int kSlow = 50;    // so that little waits for anything
const std::vector<std::string> kServices = {"tickets", "sla", "escalation", "notifications",
                                            "analytics"};

using Times = std::vector<absl::Duration>;

Times Minus(Times late, const Times& early) {
  for (size_t i = 0; i < late.size(); ++i) late[i] -= early[i];
  return late;
}

template <typename Response>
void Call(Cluster& cluster, const std::string& service, const std::string& method,
          const google::protobuf::Message& request) {
  Response response;
  rpc::CallOptions options;
  options.patient = true;
  Must(cluster.client(service).Call(method, request, &response, options));
}

// The clocks of the demo on every ticket.
void PutPolicies(Cluster& cluster) {
  const cli::CallSla call = [&cluster](const std::string& method,
                                       const google::protobuf::Message& request,
                                       google::protobuf::Message* response) {
    rpc::CallOptions options;
    options.patient = true;
    return cluster.client("sla").Call(absl::StrCat("watchbell.sla.v1.SlaService/", method), request,
                                      response, options);
  };
  SystemClock clock;
  const auto file = cli::EmbeddedMessage<sla::v1::PolicyFile>("live_policy.json");
  const cli::StoredPolicy stored = Must(cli::StorePolicy(file, "", clock, call));
  Must(cli::ActivatePolicy(stored.policy_set, std::nullopt, "", clock, call));
}

// --- create to armed ---

struct Creates {
  explicit Creates(int count) : responses(static_cast<size_t>(count)), sent(responses.size()) {
    for (int i = 0; i < count; ++i) requests.push_back(RealisticTicket(i));
  }
  void Call(Cluster& cluster, int i, std::function<void(absl::Status)> done) {
    const auto place = static_cast<size_t>(i);
    cluster.client("tickets").CallAsync("watchbell.tickets.v1.TicketService/CreateTicket",
                                        requests[place], &responses[place], {}, std::move(done));
  }
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const tickets::v1::Ticket& ticket : responses) ids.push_back(ticket.ticket_id());
    return ids;
  }
  // From sent to armed.
  Times Armed(EventTimes& events) const {
    return Minus(events.Await(events::v1::ClockAttached::descriptor(), Ids()), sent);
  }

  std::vector<tickets::v1::CreateTicketRequest> requests;
  std::vector<tickets::v1::Ticket> responses;
  Times sent;
};

void PrintArmed(const std::string& how, const Times& answered, const Times& armed, double goal) {
  Latency(absl::StrCat("CreateTicket, ", how, ", until answered"), answered);
  Latency(absl::StrCat("CreateTicket, ", how, ", until armed"), armed);
  for (const double q : {0.5, 0.99}) {
    Factor(absl::StrFormat("armed / answered, %s, p%.0f", how, q * 100),
           absl::FDivDuration(Percentile(armed, q), Percentile(answered, q)), goal);
  }
}

void MeasureFull(Cluster& cluster, EventTimes& events, int tickets, bool print) {
  Creates creates(tickets);
  cluster.Batches("tickets");
  cluster.Batches("sla");
  cluster.RowsWritten(1);
  const ProcessorTimes times(cluster.pids());
  const LoadResult load = Drive(tickets, kInFlight, [&](int i, Done done) {
    creates.sent[static_cast<size_t>(i)] = Uptime();
    creates.Call(cluster, i, std::move(done));
  });
  const Times armed = creates.Armed(events);
  const std::string taken = times.Each(tickets);
  if (!print) return;
  Rate("CreateTicket, 64 in flight", load.PerSecond(), "tickets");
  PrintArmed("64 in flight", load.latencies, armed, 2.7);
  Figure("batches of tickets", cluster.Batches("tickets"));
  Figure("batches of sla", cluster.Batches("sla"));
  Figure("processor time for each", taken);
  Figure("rows written for each", cluster.RowsWritten(tickets));
}

void MeasurePaced(Cluster& cluster, EventTimes& events, int tickets) {
  Creates creates(tickets);
  Times answered(creates.sent.size());
  cluster.Batches("tickets");
  cluster.Batches("sla");
  const ProcessorTimes times(cluster.pids());
  Mutex mu;
  CondVar all;
  int left = tickets;
  Pace(tickets, kPaced, [&](int i, absl::Duration due) {
    creates.sent[static_cast<size_t>(i)] = due;
    creates.Call(cluster, i, [&, i](absl::Status status) {
      Must(status);
      const absl::Duration now = Uptime();
      MutexLock lock(mu);
      answered[static_cast<size_t>(i)] = now;
      if (--left == 0) all.NotifyAll();
    });
  });
  {
    MutexLock lock(mu);
    while (left > 0) all.Wait(mu);
  }
  PrintArmed(absl::StrCat(kPaced, "/s"), Minus(answered, creates.sent), creates.Armed(events), 2.7);
  Figure("batches of tickets", cluster.Batches("tickets"));
  Figure("batches of sla", cluster.Batches("sla"));
  Figure("processor time for each", times.Each(tickets));
}

void MeasureCreates(int tickets) {
  Cluster cluster("armed", {"tickets", "sla"});
  PutPolicies(cluster);
  SystemClock clock;
  NoJournals journals;
  const auto bus = Must(bus::OpenKafka(cluster.kafka(), journals, clock));
  EventTimes events(*bus, {events::kSlaTopic}, {events::v1::ClockAttached::descriptor()});
  events.AwaitEnds();
  MeasureFull(cluster, events, std::min(tickets, 2'000), false);  // warm up
  MeasureFull(cluster, events, tickets, true);
  MeasurePaced(cluster, events, std::min(tickets, 8 * kPaced));
}

// --- alert to page ---

// Takes pages and notes when each came, and for which ticket.
class Sink {
 public:
  Sink() {
    server_.Post("/page", [this](const httplib::Request& request, httplib::Response& response) {
      Take(request.body);
      response.status = 204;
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Sink() {
    server_.stop();
    thread_.join();
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_, "/page"); }

  struct Page {
    absl::Duration at;
    std::string ticket;
  };
  // By number of the alert; waits for all of [first, first + count).
  std::vector<Page> Await(int first, int count) {
    std::vector<Page> pages;
    MutexLock lock(mu_);
    for (int i = first; i < first + count; ++i) {
      while (!pages_.contains(i)) {
        if (more_.WaitUntil(mu_, std::chrono::steady_clock::now() + std::chrono::seconds(60)))
          continue;
        Must(absl::DeadlineExceededError(absl::StrCat("no page for alert ", i)));
      }
      pages.push_back(pages_.at(i));
    }
    return pages;
  }

 private:
  void Take(const std::string& body) {
    const absl::Duration now = Uptime();
    notifications::v1::WebhookNotice notice;
    if (!google::protobuf::util::JsonStringToMessage(body, &notice).ok()) {
      Must(absl::InternalError("a page cannot be read"));
    }
    const std::string text = absl::StrCat(notice.subject(), "\n", notice.body());
    const size_t begin = text.find("Bench-") + 6;
    int number = 0;
    if (begin < 6 || !absl::SimpleAtoi(text.substr(begin, text.find('.', begin) - begin), &number))
      Must(absl::InternalError(absl::StrCat("a page of no alert: ", text)));
    MutexLock lock(mu_);
    pages_.try_emplace(number,
                       Page{now, std::string(absl::StripPrefix(notice.ticket(), "tickets/"))});
    more_.NotifyAll();
  }

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  Mutex mu_;
  CondVar more_;
  absl::flat_hash_map<int, Page> pages_ ABSL_GUARDED_BY(mu_);
};

// One person, paged as soon as a ticket is open.
void PutPaging(Cluster& cluster, const std::string& url) {
  notifications::v1::PutContactRequest contact;
  contact.mutable_contact()->set_person("ada");
  auto& point = *contact.mutable_contact()->add_points();
  point.set_medium(notifications::v1::MEDIUM_WEBHOOK);
  point.set_address(url);
  Call<notifications::v1::Contact>(cluster, "notifications",
                                   "watchbell.notifications.v1.NotificationService/PutContact",
                                   contact);
  escalation::v1::PutEscalationSetupRequest setup;
  auto& policy = *setup.mutable_setup()->add_policies();
  policy.set_escalation_policy_id("at-once");
  policy.set_trigger(escalation::v1::TRIGGER_OPENED);
  auto& step = *policy.add_steps();
  step.add_people("ada");
  step.mutable_delay()->set_seconds(3600);
  auto& team = *setup.mutable_setup()->add_teams();
  team.set_team_id("desk");
  team.set_escalation_policy_id("at-once");
  auto& rule = *setup.mutable_setup()->add_routing();
  rule.set_rule_id("all");
  rule.set_team_id("desk");
  Call<escalation::v1::EscalationSetup>(
      cluster, "escalation", "watchbell.escalation.v1.EscalationService/PutEscalationSetup", setup);
}

bus::Record Alert(int i) {
  bus::Record record;
  record.shard = -1;
  record.key = absl::StrCat("bench-", i);
  record.value = absl::StrFormat(
      R"({"version":"4","status":"firing","receiver":"watchbell","alerts":[{"status":"firing",)"
      R"("labels":{"alertname":"Bench-%d.","severity":"warning","instance":"host-%d"},)"
      R"("annotations":{"summary":"Bench-%d. the queue of host %d grows"},)"
      R"("startsAt":"%s","endsAt":"0001-01-01T00:00:00Z"}]})",
      i, i % 500, i, i % 500,
      absl::FormatTime(absl::RFC3339_full, SystemClock().Now(), absl::UTCTimeZone()));
  return record;
}

// When each of [first, first + count) was to be put.
Times PutAlerts(RawProducer& producer, int first, int count, int per_second) {
  Times due;
  Pace(count, per_second, [&](int i, absl::Duration at) {
    due.push_back(at);
    producer.Send(Alert(first + i));
  });
  producer.Flush();
  return due;
}

// Where the time goes, by what was seen on the topics on the way.
void PrintStages(EventTimes& events, const Times& due, const std::vector<Sink::Page>& pages) {
  std::vector<std::string> ids;
  Times paged;
  for (const Sink::Page& page : pages) {
    ids.push_back(page.ticket);
    paged.push_back(page.at);
  }
  const Times opened = events.Await(events::v1::TicketCreated::descriptor(), ids);
  const Times run = events.Await(events::v1::RunStarted::descriptor(), ids);
  const Times asked = events.Await(events::v1::PageRequested::descriptor(), ids);
  const Times queued = events.Await(events::v1::DeliveryQueued::descriptor(), ids);
  Latency("  put until the ticket is on its topic", Minus(opened, due));
  Latency("  ticket until the run has started", Minus(run, opened));
  Latency("  run until the page is asked for", Minus(asked, run));
  Latency("  asked until the delivery is queued", Minus(queued, asked));
  Latency("  queued until it is at the sink", Minus(paged, queued));
}

Times Late(const std::vector<Sink::Page>& pages, const Times& due) {
  Times late;
  for (size_t i = 0; i < pages.size(); ++i) late.push_back(pages[i].at - due[i]);
  return late;
}

// Alerts on the raw topic at a rate, all the way to the sink; prints what that took.
class PageMeasure {
 public:
  PageMeasure(Cluster& cluster, Sink& sink, EventTimes& events)
      : cluster_(cluster),
        sink_(sink),
        events_(events),
        producer_(cluster.kafka().brokers, cluster.kafka().topic_prefix + events::kRawAlertsTopic,
                  0) {}

  void WarmUp(int alerts, int per_second) {
    PutAlerts(producer_, next_, alerts, per_second);
    sink_.Await(next_, alerts);
    next_ += alerts;
  }
  // Returns how late the pages were.
  Times Measure(int alerts, int per_second) {
    Batches();
    cluster_.RowsWritten(1);
    const ProcessorTimes times(cluster_.pids());
    const absl::Duration began = Uptime();
    const Times due = PutAlerts(producer_, next_, alerts, per_second);
    const double seconds = absl::ToDoubleSeconds(Uptime() - began);
    const std::vector<Sink::Page> pages = sink_.Await(next_, alerts);
    const std::string taken = times.Each(alerts);
    next_ += alerts;
    Rate("alerts put on the raw topic", alerts / seconds, "alerts");
    const Times late = Late(pages, due);
    Latency(absl::StrCat("alert until its page is at the sink, ", per_second, "/s"), late);
    PrintStages(events_, due, pages);
    for (const auto& [service, batches] : Batches()) Figure("batches of " + service, batches);
    Figure("processor time for an alert", taken);
    Figure("rows written for an alert", cluster_.RowsWritten(alerts));
    return late;
  }

 private:
  // Of each service since the last time.
  std::vector<std::pair<std::string, std::string>> Batches() {
    std::vector<std::pair<std::string, std::string>> batches;
    for (const std::string& service : kServices) {
      batches.emplace_back(service, cluster_.Batches(service));
    }
    return batches;
  }

  Cluster& cluster_;
  Sink& sink_;
  EventTimes& events_;
  RawProducer producer_;
  int next_ = 0;  // number of the next alert
};

void MeasurePages(int alerts) {
  Sink sink;
  Cluster cluster("pages", kServices);
  PutPolicies(cluster);
  PutPaging(cluster, sink.url());
  SystemClock clock;
  NoJournals journals;
  const auto bus = Must(bus::OpenKafka(cluster.kafka(), journals, clock));
  EventTimes events(
      *bus, {events::kTicketsTopic, events::kEscalationTopic, events::kNotificationsTopic},
      {events::v1::TicketCreated::descriptor(), events::v1::RunStarted::descriptor(),
       events::v1::PageRequested::descriptor(), events::v1::DeliveryQueued::descriptor()});
  events.AwaitEnds();
  PageMeasure measure(cluster, sink, events);
  measure.WarmUp(std::min(alerts, 4 * kSlow), kSlow);
  measure.Measure(std::min(alerts, 10 * kSlow), kSlow);
  const Times late = measure.Measure(alerts, kPaced);
  Factor("p99 of that / 25 ms", absl::FDivDuration(Percentile(late, 0.99), absl::Milliseconds(25)),
         1);
}

int Main() {
  Title("cluster_bench", "separate processes on PostgreSQL and Kafka");
  MeasureCreates(FromEnvironment("BENCH_TICKETS", 10'000));
  MeasurePages(FromEnvironment("BENCH_ALERTS", 10 * kPaced));
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
