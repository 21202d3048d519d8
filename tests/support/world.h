// All five services in one thread, under one clock that only moves when told: in-memory databases,
// the embedded bus, and a sender that keeps what it was given. What stories and the simulation run
// on. The engine, the journal, the bus and the deciders are those of production.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/bus/event_registry.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/engine/lease_keeper.h"
#include "common/journal/journal.h"
#include "common/runtime/service_core.h"
#include "tests/support/fake_sender.h"
#include "tests/support/faulty_db.h"

namespace watchbell::test {

class World {
 public:
  struct Options {
    // Of each service, over one database; more than one means shard leases, as in production.
    int replicas = 1;
    absl::Time start = absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01T00:00:00Z, a Thursday
    uint64_t seed = 1;
    std::function<std::unique_ptr<bus::Subscriber>(const std::string& service,
                                                   std::unique_ptr<bus::Subscriber>)>
        wrap_subscriber = nullptr;
    std::function<std::shared_ptr<const engine::Decider>(const std::string& service,
                                                         std::shared_ptr<const engine::Decider>)>
        wrap_decider = nullptr;
  };

  static const std::vector<std::string>& Services();

  explicit World(Options options);
  ~World();

  FakeClock clock;
  SeededIdSource ids;
  FakeSender sender;

  runtime::ServiceCore& core(const std::string& service, int replica = 0) {
    return *replicas_.at(service)[static_cast<size_t>(replica)].core;
  }
  FaultyDatabase& database(const std::string& service) { return *databases_.at(service); }

  absl::Time started_at() const { return options_.start; }

  // One step of one engine, then `after_step` if it did something.
  engine::Step RunOnce(const std::string& service, int replica);
  // One of each replica: the busiest answer.
  engine::Step RunOnce(const std::string& service);
  std::function<void()> after_step;

  // Runs every engine until none has anything to do now.
  void Settle();
  // Moves the clock to each instant at which something is due, in order, and on to `time`.
  void AdvanceTo(absl::Time time);
  // The next instant at which some engine wants to run; InfiniteFuture if none.
  absl::Time NextDue();

  // A kill -9 and a new start over what is stored: queues, tails and calls under way are gone.
  void Restart();
  // The same for one process of several, whose leases are still in its name.
  void RestartReplica(const std::string& service, int replica);
  // A frozen process does nothing until it is thawed; it does not know that time went by.
  void SetFrozen(const std::string& service, int replica, bool frozen);
  // Moves the clock by four seconds while heartbeats are watched: leases of the dead and the frozen
  // are free after it, and taken.
  void LetLeasesLapse();
  // Asked before one replica tells another that there is news; default: it always does.
  std::function<bool()> may_poke = [] { return true; };

  // Sends a command as `identity` and settles until it is answered.
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(const std::string& service, const Request& request) {
    absl::StatusOr<std::string> reply = CallBytes(service, std::make_shared<Request>(request));
    if (!reply.ok()) return reply.status();
    Response response;
    if (!response.ParseFromString(*reply)) return absl::InternalError("reply is no such message");
    return response;
  }
  engine::Identity identity{"default", "ana", {"agent", "manager", "integration", "operator"}};

  // Everything a service has journaled, in order.
  std::vector<journal::JournalRow> Journal(const std::string& service) const;
  // The events of one type about one stream, decoded, in order.
  template <typename Event>
  std::vector<std::pair<journal::JournalRow, Event>> Events(const std::string& service,
                                                            const std::string& stream_id) const {
    std::vector<std::pair<journal::JournalRow, Event>> found;
    const std::string& type = bus::EventTypeOf(*Event::descriptor());
    for (journal::JournalRow& row : Journal(service)) {
      if (row.type != type || row.stream_id != stream_id) continue;
      Event event;
      event.ParseFromString(row.payload);
      found.emplace_back(std::move(row), std::move(event));
    }
    return found;
  }

 private:
  absl::StatusOr<std::string> CallBytes(const std::string& service,
                                        std::shared_ptr<const google::protobuf::Message> request);
  // One process.
  struct Replica {
    std::unique_ptr<FaultyDatabase> leases;  // the keeper's connection
    std::unique_ptr<engine::LeaseKeeper> keeper;
    std::unique_ptr<runtime::ServiceCore> core;
    absl::Duration next_tick = absl::ZeroDuration();
    bool frozen = false;
  };

  void Boot();
  void Kill(Replica& replica);
  void Make(const std::string& service, size_t replica);
  void Open(const std::string& service, size_t replica);
  void Tick(Replica& replica);

  Options options_;
  std::map<std::string, std::unique_ptr<db::Database>> files_;
  std::map<std::string, std::unique_ptr<FaultyDatabase>> databases_;
  std::unique_ptr<bus::EmbeddedBus> bus_;
  std::map<std::string, std::vector<Replica>> replicas_;
};

}  // namespace watchbell::test
