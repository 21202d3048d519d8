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

World::~World() { cores_.clear(); }

void World::Boot() {
  cores_.clear();
  bus_ = std::make_unique<bus::EmbeddedBus>(kDefaultShards);
  for (const std::string& service : Services()) {
    runtime::ServiceCore::Parts parts{*databases_[service], clock, ids, *bus_};
    if (service == "notifications") parts.effects = &sender;
    if (options_.wrap_subscriber) {
      parts.wrap_subscriber = [this, service](std::unique_ptr<bus::Subscriber> real) {
        return options_.wrap_subscriber(service, std::move(real));
      };
    }
    runtime::ServiceSpec spec = SpecOf(service);
    if (options_.wrap_decider) spec.decider = options_.wrap_decider(service, spec.decider);
    cores_[service] = Must(runtime::ServiceCore::Make(std::move(spec), parts));
  }
  sender.Connect([this](engine::Input outcome) {
    return cores_.at("notifications")->engine().Submit(std::move(outcome));
  });
  for (auto& [service, core] : cores_) Must(core->Open());
  Must(notifications::RecoverInFlight(*cores_["notifications"]));
}

void World::Restart() {
  sender.Connect(nullptr);  // what is under way is lost
  Boot();
}

engine::Step World::RunOnce(const std::string& service) {
  const engine::Step step = cores_[service]->engine().RunOnce();
  if (step.applied > 0 && after_step) after_step();
  return step;
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
  const absl::Status submitted = cores_.at(service)->engine().Submit(std::move(input));
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
        Must(cores_.at(service)->journal().After("", after, 1000));
    if (rows.empty()) return all;
    after = rows.back().sequence;
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  }
}

}  // namespace watchbell::test
