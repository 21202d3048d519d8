// Replay of a log through the import rpcs until every ticket of it is counted, as `watchbell
// replay` does it. The log is the demo's, several times over; WATCHBELL_REPLAY_LOG names another.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/local_process.h"
#include "services/watchbell/replayer.h"
#include "tests/perf/bench.h"
#include "tests/perf/demo_log.h"

namespace watchbell::perf {
namespace {

int Main() {
  Title("replay_bench", "replay of an audit log until every ticket is counted, one process");
  const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
  const char* named = std::getenv("WATCHBELL_REPLAY_LOG");
  const std::string path =
      named != nullptr ? named : WriteDemoLog(folder.path(), FromEnvironment("BENCH_COPIES", 12));
  const absl::Duration read_from = Uptime();
  cli::AuditLog log = Must(cli::ReadAuditLog(path, [](int64_t) { return true; }));
  const double reading = absl::ToDoubleSeconds(Uptime() - read_from);
  // The first of them in time: the beginning of a history is a history.
  const auto most = static_cast<size_t>(FromEnvironment("BENCH_COMMANDS", 1'000'000'000));
  if (log.commands.size() > most) log.commands.resize(most);
  const auto commands = static_cast<double>(log.commands.size());
  Rate("reading and mapping the log", static_cast<double>(log.rows) / reading, "rows");

  std::vector<double> raw = {RawInserts(20'000, 500).tickets_per_second};
  double seconds = 0;
  {
    SystemClock clock;
    cli::Screen screen(STDERR_FILENO);
    const auto process = Must(cli::StartLocal("replay_bench", folder.path() + "/data", {}, clock));
    const auto client = process->InProcessClient();
    cli::Replayer replayer(*client, {}, clock, screen,
                           cli::EmbeddedMessage<sla::v1::PolicyFile>("replay_policy.json"));
    const absl::Duration began = Uptime();
    const cli::ReplayResult result = Must(replayer.Run(log));
    seconds = absl::ToDoubleSeconds(Uptime() - began);
    if (!result.tally.failed.empty()) {
      Must(absl::InternalError("refused: " + result.tally.failed.front().reason));
    }
  }
  raw.push_back(RawInserts(20'000, 500).tickets_per_second);
  const double limit = (raw[0] + raw[1]) / 2;
  Rate("raw SQLite, 3 rows a command, 500 a transaction", limit, "commands");
  Rate("replay, end to end", commands / seconds, "commands");
  Figure("replay, commands and seconds", absl::StrFormat("%10.0f in %.1f s", commands, seconds));
  Figure("replay / raw", absl::StrFormat("%10.1f %%", commands / seconds / limit * 100));
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
