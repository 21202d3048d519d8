// How fast a relay publishes what lies in the journal: 100,000 events in PostgreSQL, all shards
// from scratch, beside a bare producer of the same records.
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/ids.h"
#include "common/base/shard.h"
#include "common/bus/event_registry.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/db/migrations.h"
#include "common/engine/engine.h"
#include "common/journal/journal.h"
#include "protos/watchbell/events/v1/topics.h"
#include "tests/perf/bench.h"
#include "tests/perf/raw_kafka.h"
#include "tests/perf/servers.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::perf {
namespace {

constexpr int kRounds = 3;
constexpr int kInsertedAtOnce = 5'000;
constexpr int kReadAtOnce = 1'000;
constexpr char kProducer[] = "tickets";
constexpr char kAggregate[] = "ticket";

// One opened ticket a stream, as the tickets service journals them.
journal::JournalRow MakeRow(int i, IdSource& ids, absl::Time now) {
  events::v1::TicketCreated event;
  const tickets::v1::CreateTicketRequest facts = RealisticTicket(i);
  tickets::v1::Ticket& ticket = *event.mutable_ticket();
  ticket.set_type(facts.type());
  ticket.set_title(facts.title());
  ticket.set_description(facts.description());
  ticket.set_impact(facts.impact());
  ticket.set_urgency(facts.urgency());
  ticket.set_requester(facts.requester());
  ticket.set_site(facts.site());
  *ticket.mutable_classification() = facts.classification();
  journal::JournalRow row;
  row.event_id = ids.NewUuid(now);
  row.aggregate = kAggregate;
  row.tenant = "default";
  row.stream_id = absl::StrCat("inc-", i);
  row.version = 1;
  row.shard = ShardOf(row.stream_id, kDefaultShards);
  row.type = bus::EventTypeOf(*event.GetDescriptor());
  row.payload = event.SerializeAsString();
  row.occurred_at = row.recorded_at = now;
  row.actor = "bench";
  row.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  row.causation_id = row.correlation_id = row.event_id;
  return row;
}

void Fill(db::Database& database, int count) {
  SystemIdSource ids;
  SystemClock clock;
  for (int first = 0; first < count; first += kInsertedAtOnce) {
    std::vector<db::Row> rows;
    for (int i = first; i < std::min(count, first + kInsertedAtOnce); ++i) {
      journal::JournalRow row = MakeRow(i, ids, clock.Now());
      row.sequence = i - first + 1;
      rows.push_back(journal::ToDbRow(row));
    }
    const auto transaction = Must(database.Begin());
    Must(transaction->Insert(journal::JournalTable(), rows));
    Must(transaction->Commit());
  }
}

// All rows, and how long reading them took.
std::vector<journal::JournalRow> ReadAll(const journal::Reader& reader, absl::Duration* took) {
  std::vector<journal::JournalRow> all;
  const absl::Duration began = Uptime();
  for (int64_t after = 0;;) {
    std::vector<journal::JournalRow> some = Must(reader.After("", after, kReadAtOnce));
    if (some.empty()) break;
    after = some.back().sequence;
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  *took = Uptime() - began;
  return all;
}

double BareSeconds(const std::vector<bus::Record>& records) {
  const bus::KafkaOptions topics = OwnTopics();
  MakeTopic(topics, records[0].topic);
  RawProducer producer(topics.brokers, topics.topic_prefix + records[0].topic, 1);
  producer.Send(records[0]);  // connections and the producer's number
  producer.Flush();
  const absl::Duration began = Uptime();
  for (const bus::Record& record : records) producer.Send(record);
  producer.Flush();
  return absl::ToDoubleSeconds(Uptime() - began);
}

// Waits until each of these shards is published up to a sequence beyond doubt.
void AwaitRelayed(bus::Publisher& publisher, std::map<int, int64_t> wanted) {
  while (!wanted.empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (const auto& [shard, sequence] : publisher.TakeRelayed()) {
      const auto found = wanted.find(shard);
      if (found != wanted.end() && sequence >= found->second) wanted.erase(found);
    }
  }
}

// All of it; `last`: the last sequence of each shard.
double RelaySeconds(const journal::Reader& reader, const std::map<int, int64_t>& last) {
  const bus::KafkaOptions topics = OwnTopics();
  MakeTopic(topics, events::kTicketsTopic);
  SystemClock clock;
  NoJournals journals;
  const auto bus = Must(bus::OpenKafka(topics, journals, clock));
  const auto publisher =
      Must(bus->AddProducer(kProducer, reader, {{kAggregate, events::kTicketsTopic}}));
  const auto [first, first_last] = *last.begin();
  publisher->Hold(first, first_last - 1);  // one row: connections and the producer's number
  AwaitRelayed(*publisher, {{first, first_last}});
  const absl::Duration began = Uptime();
  for (int shard = 0; shard < kDefaultShards; ++shard) publisher->Hold(shard, 0);
  AwaitRelayed(*publisher, last);
  return absl::ToDoubleSeconds(Uptime() - began);
}

int Main() {
  const int count = FromEnvironment("BENCH_EVENTS", 100'000);
  Title("relay_bench", absl::StrCat("a backlog of ", count, " events, PostgreSQL to Kafka"));
  SystemClock clock;
  const OwnDatabase server("relay");
  const auto database = server.Open(kProducer, clock);
  Must(db::Migrate(*database, {engine::EngineSchema()}));
  Fill(*database, count);
  const journal::Reader reader(*database);
  absl::Duration reading;
  const std::vector<journal::JournalRow> rows = ReadAll(reader, &reading);
  std::map<int, int64_t> last;
  std::vector<bus::Record> records;
  const absl::Duration began = Uptime();
  for (const journal::JournalRow& row : rows) {
    last[row.shard] = row.sequence;
    records.push_back(bus::ToRecord(row, kProducer, events::kTicketsTopic));
  }
  const absl::Duration making = Uptime() - began;
  std::vector<double> bare, relay;
  std::string taken;
  for (int round = 0; round < kRounds; ++round) {
    bare.push_back(count / BareSeconds(records));
    const ProcessorTimes times;
    relay.push_back(count / RelaySeconds(reader, last));
    taken = times.Each(count);
  }
  Rate("reading the journal, 1,000 rows at once", count / absl::ToDoubleSeconds(reading), "events");
  Rate("making records of them", count / absl::ToDoubleSeconds(making), "events");
  Rate("bare idempotent producer", Median(bare), "events");
  Rate("relay, from the journal", Median(relay), "events");
  Figure("processor time for an event relayed", taken);
  Share("relay / bare", Median(relay) / Median(bare), 0.10);
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
