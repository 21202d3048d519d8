#include "tests/perf/cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <httplib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "tests/perf/bench.h"

namespace watchbell::perf {
namespace {

constexpr absl::Duration kReadyLimit = absl::Seconds(60);
// The server publishes its statistics once a second.
constexpr auto kStatisticsDelay = std::chrono::milliseconds(1500);
constexpr const char* kAllServices[] = {"tickets", "sla", "escalation", "notifications",
                                        "analytics"};

// Free now; taken before anybody else wants it, most likely.
int FreePort() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const bool free = bind(listener, any, size) == 0 && getsockname(listener, any, &size) == 0;
  close(listener);
  if (!free) Must(absl::UnavailableError("there is no free port"));
  return ntohs(address.sin_port);
}

// The programs lie beside the benchmarks' folder.
std::string ProgramsFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin";
}

// The pid. Dies with this program.
int Spawn(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

[[noreturn]] void Fail(const std::string& what, const std::string& log) {
  std::ifstream file(log);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Must(absl::UnavailableError(
      absl::StrCat(what, "\n", text.substr(text.size() - std::min<size_t>(text.size(), 3000)))));
  std::abort();
}

}  // namespace

Cluster::Cluster(const std::string& name, const std::vector<std::string>& services)
    : folder_(Must(cli::TemporaryFolder::Make())),
      database_(name),
      kafka_(OwnTopics()),
      statistics_(database_.Open("public", clock_)) {
  const std::string database = absl::StrCat("--database-url=", database_.url());
  const std::string brokers = absl::StrCat("--kafka-brokers=", kafka_.brokers);
  const std::string prefix = absl::StrCat("--kafka-topic-prefix=", kafka_.topic_prefix);
  const std::string watchbell = absl::StrCat(ProgramsFolder(), "/watchbell");
  Run({watchbell, "migrate", database});
  Run({watchbell, "topics", "--create", "--kafka-replication=1", brokers, prefix});
  std::vector<std::string> flags = {database, brokers, prefix, "--log-level=warning"};
  for (const char* service : kAllServices) {
    ports_[service] = FreePort();
    admin_ports_[service] = FreePort();
    flags.push_back(absl::StrCat("--peers-", service, "=127.0.0.1:", ports_[service]));
  }
  for (const std::string& service : services) Start(service, flags);
  for (const std::string& service : services) AwaitReady(service);
}

Cluster::~Cluster() {
  for (const auto& [service, pid] : pids_) kill(pid, SIGKILL);
  for (const auto& [service, pid] : pids_) waitpid(pid, nullptr, 0);
}

void Cluster::Run(const std::vector<std::string>& command) {
  const std::string log = folder_.path() + "/command.log";
  int status = 0;
  waitpid(Spawn(command, log), &status, 0);
  if (status != 0) Fail(absl::StrCat(command[0], " ", command[1], " failed"), log);
}

void Cluster::Start(const std::string& service, const std::vector<std::string>& flags) {
  std::vector<std::string> command = {absl::StrCat(ProgramsFolder(), "/watchbell-", service)};
  command.insert(command.end(), flags.begin(), flags.end());
  command.push_back(absl::StrCat("--listen=127.0.0.1:", ports_[service]));
  command.push_back(absl::StrCat("--admin-listen=127.0.0.1:", admin_ports_[service]));
  pids_[service] = Spawn(command, absl::StrCat(folder_.path(), "/", service, ".log"));
  clients_[service] = rpc::Connect(absl::StrCat("127.0.0.1:", ports_[service]));
}

void Cluster::AwaitReady(const std::string& service) const {
  const std::string log = absl::StrCat(folder_.path(), "/", service, ".log");
  const absl::Duration until = Uptime() + kReadyLimit;
  for (;;) {
    httplib::Client http("127.0.0.1", admin_ports_.at(service));
    const httplib::Result page = http.Get("/readyz");
    if (page && page->status == 200) return;
    if (waitpid(pids_.at(service), nullptr, WNOHANG) != 0) {
      Fail(absl::StrCat(service, " has ended"), log);
    }
    if (Uptime() > until) {
      Fail(absl::StrCat(service, " is not ready: ", page ? page->body : "no answer"), log);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

double Cluster::Metric(const std::string& service, const std::string& name) const {
  httplib::Client http("127.0.0.1", admin_ports_.at(service));
  const httplib::Result page = http.Get("/metrics");
  if (!page) Must(absl::UnavailableError(service + ": the admin port does not answer"));
  double sum = 0;
  for (const absl::string_view line : absl::StrSplit(page->body, '\n')) {
    double value = 0;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    if (absl::StartsWith(line, name) && absl::SimpleAtod(words.back(), &value)) sum += value;
  }
  return sum;
}

std::string Cluster::Batches(const std::string& service) {
  const Batched now = {Metric(service, "watchbell_engine_batch_inputs_sum"),
                       Metric(service, "watchbell_engine_batch_inputs_count"),
                       Metric(service, "watchbell_engine_batch_seconds_sum")};
  const Batched before = std::exchange(batched_[service], now);
  const double batches = std::max(1.0, now.batches - before.batches);
  return absl::StrFormat("%10.0f of %.1f inputs, %.1f ms each", now.batches - before.batches,
                         (now.inputs - before.inputs) / batches,
                         (now.seconds - before.seconds) / batches * 1000);
}

std::string Cluster::RowsWritten(int count) {
  std::this_thread::sleep_for(kStatisticsDelay);
  const std::vector<db::Row> rows = Must(statistics_->Read(
      "SELECT CAST(schemaname AS TEXT), CAST(SUM(n_tup_ins + n_tup_upd + n_tup_del) AS BIGINT) "
      "FROM pg_stat_user_tables GROUP BY 1 ORDER BY 1",
      {}));
  std::string text;
  for (const db::Row& row : rows) {
    int64_t& before = written_[db::AsText(row[0])];
    const int64_t more = db::AsInt(row[1]) - std::exchange(before, db::AsInt(row[1]));
    absl::StrAppendFormat(&text, "%s%s %.1f", text.empty() ? "" : ", ", db::AsText(row[0]),
                          static_cast<double>(more) / count);
  }
  return text;
}

}  // namespace watchbell::perf
