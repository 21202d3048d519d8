#include "tests/support/world.h"

#include <algorithm>
#include <utility>

#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "gtest/gtest.h"
#include "services/analytics/spec.h"
#include "services/escalation/spec.h"
#include "services/notifications/recovery.h"
#include "services/notifications/spec.h"
#include "services/sla/spec.h"
#include "services/tickets/spec.h"

namespace watchbell::test {
namespace {

// Every step does something or the loop ends: this many rounds mean two services feed each other
// without end.
constexpr int kMaxRounds = 100'000;

runtime::ServiceSpec SpecOf(const std::string& service) {
  if (service == "tickets") return tickets::Spec();
  if (service == "sla") return sla::Spec();
  if (service == "escalation") return escalation::Spec();
  if (service == "notifications") return notifications::Spec();
  return analytics::Spec();
}

// A test that goes on after this would only report nonsense.
void Must(const absl::Status& status) {
  if (status.ok()) return;
  ADD_FAILURE() << status;
  std::abort();
}

template <typename T>
T Must(absl::StatusOr<T> value) {
  Must(value.status());
  return *std::move(value);
}

}  // namespace

const std::vector<std::string>& World::Services() {
  static const std::vector<std::string>* const services =
      new std::vector<std::string>{"tickets", "sla", "escalation", "notifications", "analytics"};
  return *services;
}

World::World(Options options)
    : clock(options.start), ids(options.seed), options_(std::move(options)) {
  for (const std::string& service : Services()) {
    files_[service] = Must(db::OpenSqliteInMemory());
    databases_[service] = std::make_unique<FaultyDatabase>(*files_[service]);
    Must(db::Migrate(*databases_[service], runtime::AllMigrations(SpecOf(service))));
  }
  Boot();
}

World::~World() {
  for (auto& [service, replicas] : replicas_) {
    for (Replica& replica : replicas) Kill(replica);
  }
}

void World::Kill(Replica& replica) {
  // A dead process gives nothing up.
  if (replica.leases != nullptr) replica.leases->plan = [] { return CommitFault::kRefused; };
  replica.core.reset();
  replica.keeper.reset();
  replica.leases.reset();
}

void World::Boot() {
  for (auto& [service, replicas] : replicas_) {
    for (Replica& replica : replicas) Kill(replica);
  }
  bus_ = std::make_unique<bus::EmbeddedBus>(kDefaultShards);
  const size_t count = static_cast<size_t>(options_.replicas);
  for (const std::string& service : Services()) {
    replicas_[service] = std::vector<Replica>(count);
    for (size_t i = 0; i < count; ++i) Make(service, i);
  }
  sender.Connect([this](engine::Input outcome) {
    return core("notifications").engine().Submit(std::move(outcome));
  });
  for (const std::string& service : Services()) {
    for (size_t i = 0; i < count; ++i) Open(service, i);
  }
  if (options_.replicas > 1) LetLeasesLapse();
}

void World::Make(const std::string& service, size_t index) {
  Replica& replica = replicas_[service][index];
  replica.frozen = false;
  runtime::ServiceCore::Parts parts{*databases_[service], clock, ids, *bus_};
  if (service == "notifications") {
    parts.effects = &sender;
    parts.recover = notifications::RecoverInFlight;
  }
  if (options_.wrap_subscriber) {
    parts.wrap_subscriber = [this, service](std::unique_ptr<bus::Subscriber> real) {
      return options_.wrap_subscriber(service, std::move(real));
    };
  }
  if (options_.replicas > 1) {
    replica.leases = std::make_unique<FaultyDatabase>(*files_[service]);
    replica.keeper = std::make_unique<engine::LeaseKeeper>(
        engine::LeaseKeeper::Options{service, ids.NewUuid(clock.Now()), "in-process",
                                     kDefaultShards},
        engine::LeaseKeeper::Parts{*replica.leases, clock,
                                   [] { return std::vector<std::string>(); }, [] {}});
    replica.next_tick = clock.Steady();
    parts.leases = replica.keeper.get();
    parts.look_every = absl::InfiniteDuration();  // they tell each other, or are told to look
    parts.poke = [this, service](const std::set<int>&) {
      for (Replica& other : replicas_[service]) {
        if (other.core != nullptr && may_poke()) other.core->engine().Look();
      }
    };
  }
  runtime::ServiceSpec spec = SpecOf(service);
  if (options_.wrap_decider) spec.decider = options_.wrap_decider(service, spec.decider);
  replica.core = Must(runtime::ServiceCore::Make(std::move(spec), parts));
}

void World::Open(const std::string& service, size_t replica) {
  Must(replicas_[service][replica].core->Open());
}

void World::Restart() {
  sender.Connect(nullptr);  // what is under way is lost
  Boot();
}

void World::RestartReplica(const std::string& service, int replica) {
  const size_t index = static_cast<size_t>(replica);
  Kill(replicas_[service][index]);
  Make(service, index);
  Open(service, index);
}

void World::SetFrozen(const std::string& service, int replica, bool frozen) {
  replicas_[service][static_cast<size_t>(replica)].frozen = frozen;
}

void World::Tick(Replica& replica) {
  if (replica.keeper == nullptr || clock.Steady() < replica.next_tick) return;
  replica.next_tick = clock.Steady() + absl::Milliseconds(250);
  (void)replica.keeper->RunOnce();  // a database that fails is looked at again later
}

void World::LetLeasesLapse() {
  for (int i = 0; i < 16; ++i) {
    clock.Advance(absl::Milliseconds(250));
    for (auto& [service, replicas] : replicas_) {
      for (Replica& replica : replicas) {
        if (!replica.frozen) Tick(replica);
      }
    }
  }
}

engine::Step World::RunOnce(const std::string& service, int index) {
  Replica& replica = replicas_[service][static_cast<size_t>(index)];
  if (replica.frozen) return {0, false, absl::InfiniteFuture()};
  const engine::Step step = replica.core->engine().RunOnce();
  if (step.applied > 0 && after_step) after_step();
  Tick(replica);
  return step;
}

engine::Step World::RunOnce(const std::string& service) {
  engine::Step all{0, false, absl::InfiniteFuture()};
  for (int i = 0; i < options_.replicas; ++i) {
    const engine::Step step = RunOnce(service, i);
    all.applied += step.applied;
    all.more = all.more || step.more;
    all.next = std::min(all.next, step.next);
  }
  return all;
}

void World::Settle() {
  for (int round = 0; round < kMaxRounds; ++round) {
    bool more = false;
    for (const std::string& service : Services()) {
      more = RunOnce(service).more || more;
    }
    if (!more) return;
  }
  ADD_FAILURE() << "the services never come to rest";
}

absl::Time World::NextDue() {
  absl::Time next = absl::InfiniteFuture();
  for (const std::string& service : Services()) {
    const engine::Step step = RunOnce(service);
    next = std::min(next, step.more ? clock.Now() : step.next);
  }
  return next;
}

void World::AdvanceTo(absl::Time time) {
  Settle();
  for (absl::Time next = NextDue(); next <= time; next = NextDue()) {
    clock.Set(std::max(next, clock.Now()));
    Settle();
  }
  clock.Set(std::max(time, clock.Now()));
  Settle();
}

absl::StatusOr<std::string> World::CallBytes(
    const std::string& service, std::shared_ptr<const google::protobuf::Message> request) {
  std::optional<absl::StatusOr<engine::Reply>> answer;
  engine::Input input;
  input.identity = identity;
  input.message = std::move(request);
  input.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  input.done = [&answer](absl::StatusOr<engine::Reply> reply) { answer = std::move(reply); };
  const absl::Status submitted = replicas_.at(service)[0].core->engine().Submit(std::move(input));
  if (!submitted.ok()) return submitted;
  Settle();
  if (!answer.has_value()) return absl::InternalError("the command was never answered");
  if (!answer->ok()) return answer->status();
  return (*answer)->bytes;
}

std::vector<journal::JournalRow> World::Journal(const std::string& service) const {
  std::vector<journal::JournalRow> all;
  for (int64_t after = 0;;) {
    std::vector<journal::JournalRow> rows =
        Must(replicas_.at(service)[0].core->journal().After("", after, 1000));
    if (rows.empty()) return all;
    after = rows.back().sequence;
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  }
}

}  // namespace watchbell::test
