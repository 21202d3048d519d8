#include "tests/perf/servers.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/ids.h"
#include "common/bus/kafka/topics_admin.h"
#include "common/db/postgres/postgres_db.h"
#include "tests/perf/bench.h"

namespace watchbell::perf {
namespace {

constexpr int64_t kMaxMessageBytes = 2'097'152;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    Must(absl::FailedPreconditionError(
        absl::StrCat(name, " is not set: run it through ./dev bench, which starts the servers")));
  }
  return value;
}

std::string PostgresUrl() { return Variable("WATCHBELL_TEST_POSTGRES"); }

void Administer(const std::string& sql) {
  PGconn* const connection = PQconnectdb(PostgresUrl().c_str());
  PGresult* const result = PQexec(connection, sql.c_str());
  if (PQresultStatus(result) != PGRES_COMMAND_OK) {
    Must(absl::UnavailableError(PQerrorMessage(connection)));
  }
  PQclear(result);
  PQfinish(connection);
}

struct ProcessLine {
  std::string name;
  int parent = 0;
  absl::Duration taken;
};

// Of /proc/<pid>/stat; no name: it is gone.
ProcessLine ReadProcess(int pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (close == std::string::npos) return {};
  const std::vector<std::string> fields = absl::StrSplit(text.substr(close + 2), ' ');
  ProcessLine line;
  line.name = text.substr(open + 1, close - open - 1);
  int64_t user = 0, system = 0;
  if (!absl::SimpleAtoi(fields[1], &line.parent) || !absl::SimpleAtoi(fields[11], &user) ||
      !absl::SimpleAtoi(fields[12], &system)) {
    return {};
  }
  line.taken = absl::Seconds(1) * (user + system) / sysconf(_SC_CLK_TCK);
  return line;
}

}  // namespace

OwnDatabase::OwnDatabase(const std::string& name)
    : name_(absl::StrCat("bench_", name, "_", getpid())), url_(PostgresUrl()) {
  const size_t slash = url_.rfind('/');
  if (slash == std::string::npos || slash < url_.find("://") + 3) {
    Must(absl::InvalidArgumentError("WATCHBELL_TEST_POSTGRES does not end in /DATABASE"));
  }
  url_ = absl::StrCat(url_.substr(0, slash + 1), name_);
  Administer("CREATE DATABASE " + name_);
}

OwnDatabase::~OwnDatabase() { Administer("DROP DATABASE " + name_ + " WITH (FORCE)"); }

std::unique_ptr<db::Database> OwnDatabase::Open(const std::string& service, Clock& clock) const {
  db::PostgresOptions options;
  options.url = url_;
  options.schema = service;
  options.application = "bench";
  return Must(db::OpenPostgres(std::move(options), clock));
}

std::string KafkaBrokers() { return Variable("WATCHBELL_TEST_KAFKA"); }

bus::KafkaOptions OwnTopics() {
  bus::KafkaOptions options;
  options.brokers = KafkaBrokers();
  options.topic_prefix = absl::StrCat("bench", absl::Hex(SystemIdSource().Random64()), ".");
  options.build = "bench";
  return options;
}

void MakeTopic(const bus::KafkaOptions& options, const std::string& topic) {
  bus::TopicSpec spec;
  spec.name = topic;
  spec.partitions = options.shards;
  spec.replication = spec.min_insync_replicas = 1;
  spec.max_message_bytes = kMaxMessageBytes;
  Must(bus::CreateMissing(options, {spec}).status());
}

void NoJournals::ReadShard(const std::string&, int, int64_t, int, Done done) {
  done(Chunk{"", {}, true});
}

void NoJournals::ReadStream(const std::string&, const std::string&, const std::string&, int64_t,
                            int, Done done) {
  done(Chunk{"", {}, true});
}

void NoJournals::ReadHeads(const std::string&, const std::vector<int>& shards, HeadsDone done) {
  done(std::vector<int64_t>(shards.size(), 0));
}

std::map<std::string, absl::Duration> ProcessorTimes::Now() const {
  std::map<std::string, absl::Duration> times;
  times["this program"] = ReadProcess(getpid()).taken;
  for (const auto& [name, pid] : children_) times[name] = ReadProcess(pid).taken;
  std::map<int, ProcessLine> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    int pid = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &pid)) all[pid] = ReadProcess(pid);
  }
  for (const auto& [pid, line] : all) {
    int above = line.parent;
    if (line.name == "postgres") {  // a server process below the server's first one
      while (all[above].name == "postgres") above = all[above].parent;
    }
    if (above != getppid()) continue;
    if (line.name == "postgres") times["PostgreSQL"] += line.taken;
    if (line.name == "java") times["Kafka"] += line.taken;
  }
  return times;
}

std::string ProcessorTimes::Each(int count) const {
  std::string text;
  for (const auto& [name, taken] : Now()) {
    const auto before = from_.find(name);
    const absl::Duration used = before == from_.end() ? taken : taken - before->second;
    absl::StrAppendFormat(&text, "%s%s %.0f us", text.empty() ? "" : ", ", name,
                          absl::ToDoubleMicroseconds(used) / count);
  }
  return text;
}

}  // namespace watchbell::perf
