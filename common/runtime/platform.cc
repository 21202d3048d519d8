#include "common/runtime/platform.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/config/address.h"
#include "common/db/data_folder.h"
#include "common/db/migrations.h"
#include "common/db/postgres/postgres_db.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/runtime/bus_metrics.h"
#include "common/runtime/version.h"

namespace watchbell::runtime {
namespace {

constexpr int kReaders = 4;
constexpr int kAsideReaders = 1;

db::PostgresOptions PostgresOptionsOf(const std::string& service, const std::string& program,
                                      const config::Config& config, int readers) {
  db::PostgresOptions options;
  options.url = config.Get("database.url");
  options.schema = service;
  options.application = program;
  options.readers = readers;
  return options;
}

class EmbeddedPlatform final : public Platform {
 public:
  explicit EmbeddedPlatform(db::DataFolder folder)
      : folder_(std::move(folder)), bus_(kDefaultShards) {}

  bool distributed() const override { return false; }
  absl::StatusOr<std::unique_ptr<db::Database>> OpenDatabase(const ServiceSpec& spec) override {
    ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database,
                     db::OpenSqlite(folder_.FileOf(spec.name)));
    if (absl::Status migrated = db::Migrate(*database, AllMigrations(spec)); !migrated.ok()) {
      return absl::Status(migrated.code(), absl::StrCat(spec.name, ": ", migrated.message()));
    }
    return database;
  }
  absl::StatusOr<std::unique_ptr<db::Database>> OpenAside(const ServiceSpec&) override {
    return absl::UnimplementedError("a data folder has one process, and no leases");
  }
  bus::Bus& bus() override { return bus_; }
  absl::Status Health() override { return folder_.StillThere(); }
  absl::Status ProducersHealth() override { return absl::OkStatus(); }
  void Measure(Metrics&) override {}

 private:
  const db::DataFolder folder_;
  bus::EmbeddedBus bus_;
};

class DistributedPlatform final : public Platform {
 public:
  DistributedPlatform(std::string program, const config::Config& config, Clock& clock,
                      std::unique_ptr<bus::KafkaBus> bus)
      : program_(std::move(program)), config_(config), clock_(clock), bus_(std::move(bus)) {}

  bool distributed() const override { return true; }
  absl::StatusOr<std::unique_ptr<db::Database>> OpenDatabase(const ServiceSpec& spec) override {
    return OpenPostgresOf(spec.name, program_, config_, kReaders, clock_);
  }
  absl::StatusOr<std::unique_ptr<db::Database>> OpenAside(const ServiceSpec& spec) override {
    db::PostgresOptions options =
        PostgresOptionsOf(spec.name, absl::StrCat(program_, " leases"), config_, kAsideReaders);
    // Heartbeats come four times a second: one that waits is worth nothing.
    options.lock_timeout = absl::Milliseconds(200);
    options.statement_timeout = options.connect_timeout = absl::Seconds(1);
    return db::OpenPostgres(std::move(options), clock_);
  }
  bus::Bus& bus() override { return *bus_; }
  absl::Status Health() override { return bus_->Health(); }
  absl::Status ProducersHealth() override { return bus_->ProducersHealth(); }
  void Measure(Metrics& metrics) override { bus_metrics_.Report(bus_->Stats(), metrics); }

 private:
  const std::string program_;
  const config::Config config_;
  Clock& clock_;
  const std::unique_ptr<bus::KafkaBus> bus_;
  BusMetrics bus_metrics_;
};

// A part of kafka.properties; nothing for a comment or an empty line.
absl::Status TakeProperty(absl::string_view part, std::map<std::string, std::string>* properties) {
  part = absl::StripAsciiWhitespace(part);
  if (part.empty() || part.front() == '#') return absl::OkStatus();
  const size_t equals = part.find('=');
  const absl::string_view name = absl::StripAsciiWhitespace(part.substr(0, equals));
  if (equals == absl::string_view::npos || name.empty()) {
    // Its value may be a secret: only the place is told.
    return absl::InvalidArgumentError(absl::StrCat(
        "kafka.properties: property ", properties->size() + 1, " is not of the form name=value"));
  }
  const absl::string_view value = absl::StripAsciiWhitespace(part.substr(equals + 1));
  if (!properties->emplace(std::string(name), std::string(value)).second) {
    return absl::InvalidArgumentError(absl::StrCat("kafka.properties: ", name, " is given twice"));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<config::Key> PlatformKeys() {
  return {
      {"data.dir", "watchbell-data", "folder of the databases, made if it is not there"},
      {"database.url", "",
       "PostgreSQL, postgresql://USER:PASSWORD@HOST:PORT/DATABASE; with kafka.brokers, instead of "
       "data.dir",
       /*secret=*/true, /*url=*/true},
      {"kafka.brokers", "", "HOST:PORT,HOST:PORT; with database.url"},
      {"kafka.topic_prefix", "", "before the name of every topic"},
      {"kafka.properties", "",
       "more for the Kafka client (security.protocol, sasl.*, ssl.*): name=value;name=value, or "
       "one a line",
       /*secret=*/true},
  };
}

absl::StatusOr<bool> IsDistributed(const config::Config& config) {
  const bool database = !config.Get("database.url").empty();
  const bool brokers = !config.Get("kafka.brokers").empty();
  if (database && config.IsGiven("data.dir") && !config.Get("data.dir").empty()) {
    return absl::InvalidArgumentError(
        "data.dir and database.url are both given: with database.url everything is stored there, "
        "and a data.dir would count for nothing");
  }
  if (database == brokers) return database;
  return absl::InvalidArgumentError(
      database ? "kafka.brokers is missing: database.url is given, and they go together"
               : "database.url is missing: kafka.brokers is given, and they go together");
}

absl::StatusOr<std::map<std::string, std::string>> ParseProperties(const std::string& text) {
  std::map<std::string, std::string> properties;
  // In a file a value may hold the other separator.
  const char separator = text.find('\n') == std::string::npos ? ';' : '\n';
  for (const absl::string_view part : absl::StrSplit(text, separator)) {
    RETURN_IF_ERROR(TakeProperty(part, &properties));
  }
  return properties;
}

absl::StatusOr<std::unique_ptr<Platform>> MakeEmbeddedPlatform(const std::string& program,
                                                               const config::Config& config) {
  ASSIGN_OR_RETURN(db::DataFolder folder, db::DataFolder::Lock(config.Get("data.dir"), program));
  return std::unique_ptr<Platform>(std::make_unique<EmbeddedPlatform>(std::move(folder)));
}

absl::StatusOr<std::unique_ptr<Platform>> MakeDistributedPlatform(const std::string& program,
                                                                  const config::Config& config,
                                                                  bus::JournalSource& journals,
                                                                  Clock& clock) {
  // What is wrong with the URL is told at the start, not at the first use.
  RETURN_IF_ERROR(OpenPostgresOf("check", program, config, kAsideReaders, clock).status());
  bus::KafkaOptions options;
  options.brokers = config.Get("kafka.brokers");
  RETURN_IF_ERROR(config::CheckAddresses("kafka.brokers", options.brokers));
  options.topic_prefix = config.Get("kafka.topic_prefix");
  options.shards = kDefaultShards;
  options.build = Version();
  ASSIGN_OR_RETURN(options.properties, ParseProperties(config.Get("kafka.properties")));
  ASSIGN_OR_RETURN(std::unique_ptr<bus::KafkaBus> bus,
                   bus::OpenKafka(std::move(options), journals, clock));
  return std::unique_ptr<Platform>(
      std::make_unique<DistributedPlatform>(program, config, clock, std::move(bus)));
}

absl::StatusOr<std::unique_ptr<db::Database>> OpenPostgresOf(const std::string& service,
                                                             const std::string& program,
                                                             const config::Config& config,
                                                             int readers, Clock& clock) {
  return db::OpenPostgres(PostgresOptionsOf(service, program, config, readers), clock);
}

}  // namespace watchbell::runtime
