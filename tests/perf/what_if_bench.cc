// How many lives a second a what-if judges, in processor time of one core: a log is replayed under
// the demo's policy, then judged again by a stricter draft. The log is the demo's, several times
// over; WATCHBELL_REPLAY_LOG names another, BENCH_SLA_DATABASE the sla.db of an earlier replay.
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/db/sqlite/sqlite_db.h"
#include "services/sla/policy_draft.h"
#include "services/sla/sla_store.h"
#include "services/sla/what_if.h"
#include "services/sla/what_if_pages.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/local_process.h"
#include "services/watchbell/replayer.h"
#include "tests/perf/bench.h"
#include "tests/perf/demo_log.h"

namespace watchbell::perf {
namespace {

constexpr int kRounds = 5;

// The sla.db of a replay.
std::string Replayed(const std::string& folder) {
  const char* named = std::getenv("WATCHBELL_REPLAY_LOG");
  const std::string path =
      named != nullptr ? named : WriteDemoLog(folder, FromEnvironment("BENCH_COPIES", 12));
  cli::AuditLog log = Must(cli::ReadAuditLog(path, [](int64_t) { return true; }));
  SystemClock clock;
  cli::Screen screen(STDERR_FILENO);
  const auto process = Must(cli::StartLocal("what_if_bench", folder + "/data", {}, clock));
  const auto client = process->InProcessClient();
  cli::Replayer replayer(*client, {}, clock, screen,
                         cli::EmbeddedMessage<sla::v1::PolicyFile>("replay_policy.json"));
  Must(replayer.Run(log));
  return folder + "/data/sla.db";
}

// The demo's policy with three quarters of the time.
sla::v1::PolicyDraft Stricter() {
  auto file = cli::EmbeddedMessage<sla::v1::PolicyFile>("replay_policy.json");
  sla::v1::PolicyDraft draft;
  *draft.mutable_calendars() = file.calendars();
  *draft.mutable_policy_set() = file.policy_set();
  for (sla::v1::Target& target : *draft.mutable_policy_set()->mutable_targets()) {
    target.mutable_duration()->set_seconds(target.duration().seconds() / 4 * 3);
  }
  return draft;
}

// The best of some rounds, in processor time.
void Measure(const std::string& what, size_t lives, const std::function<void()>& round) {
  double best = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::clock_t began = std::clock();
    round();
    const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    best = std::max(best, static_cast<double>(lives) / seconds);
  }
  Rate(what, best, "lives");
}

// What is stored of every ticket.
std::vector<std::string> ReadBodies(db::Database& database) {
  std::vector<std::string> bodies;
  for (const db::Row& row : Must(database.Read("SELECT body FROM entities WHERE class = $1",
                                               {int64_t{sla::kTicketClass}}))) {
    bodies.push_back(db::AsBytes(row[0]));
  }
  return bodies;
}

int Main() {
  Title("what_if_bench", "tickets of a log judged again by a draft, one core");
  const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
  const char* ready = std::getenv("BENCH_SLA_DATABASE");
  const std::unique_ptr<db::Database> database =
      Must(db::OpenSqlite(ready != nullptr ? ready : Replayed(folder.path())));
  const std::vector<std::string> bodies = ReadBodies(*database);
  std::vector<sla::state::v1::TicketLife> lives(bodies.size());
  size_t bytes = 0, inputs = 0, clocks = 0;
  for (size_t i = 0; i < bodies.size(); ++i) {
    lives[i].ParseFromString(bodies[i]);
    bytes += bodies[i].size();
    inputs += static_cast<size_t>(lives[i].inputs_size());
    clocks += static_cast<size_t>(lives[i].clocks_size());
  }
  const auto each = [&](size_t sum) {
    return static_cast<double>(sum) / static_cast<double>(bodies.size());
  };
  Figure("lives", absl::StrFormat("%10d of %.0f bytes, %.1f inputs, %.1f clocks", bodies.size(),
                                  each(bytes), each(inputs), each(clocks)));

  SystemClock clock;
  const int64_t now = absl::ToUnixMicros(clock.Now());
  const auto draft = Must(sla::ReadDraft(*database, "default", Stricter(), "policy", now));
  sla::state::v1::TicketLife parsed;
  Measure("parse only", bodies.size(), [&] {
    for (const std::string& body : bodies) parsed.ParseFromString(body);
  });
  Measure("judge only", bodies.size(), [&] {
    sla::WhatIf what_if(draft->judge(), sla::Listed::kNone, now);
    for (const auto& life : lives) what_if.Take(life);
  });
  Measure("both", bodies.size(), [&] {
    sla::WhatIf what_if(draft->judge(), sla::Listed::kNone, now);
    for (const std::string& body : bodies) {
      parsed.ParseFromString(body);
      what_if.Take(parsed);
    }
  });
  sla::v1::WhatIfRequest request;
  *request.mutable_policy() = Stricter();
  request.set_page_size(100'000);
  for (const bool counts_only : {true, false}) {
    request.set_counts_only(counts_only);
    Measure(counts_only ? "the rpc on SQLite, counts only" : "the rpc on SQLite, with changes",
            bodies.size(), [&] {
              request.clear_page_token();
              do {
                const auto page = Must(sla::AnswerWhatIf(*database, clock, "default", request,
                                                         absl::InfiniteFuture()));
                request.set_page_token(page.next_page_token());
              } while (!request.page_token().empty());
            });
  }
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
