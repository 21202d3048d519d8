// A service without its network: database, journal, bus and engine put together. What modules,
// stories and the simulation all run.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/engine/engine.h"
#include "common/journal/journal.h"

namespace watchbell::runtime {

// What makes a service that service.
struct ServiceSpec {
  std::string name;  // producer name in events
  std::vector<db::Migration>
      migrations;  // the service's own, numbered from 2: number 1 is the engine's
  std::shared_ptr<const engine::Decider> decider;
  std::vector<std::string> consumes;    // topics
  std::vector<std::string> raw_topics;  // read, too: filled by anybody, in any form
  bool patient = false;                 // nobody waits for what it makes of events
};

// All migrations of a service, the engine's first.
std::vector<db::Migration> AllMigrations(const ServiceSpec& spec);

class ServiceCore {
 public:
  struct Parts {
    db::Database& database;
    Clock& clock;
    IdSource& ids;
    bus::Bus& bus;
    engine::EffectRunner* effects = nullptr;
    engine::Probe* probe = nullptr;
    engine::Leases* leases = nullptr;                     // null: no replicas
    absl::Duration look_every = absl::Milliseconds(250);  // see engine::Options
    // See engine::Options; if the whole service is patient, its subscription is, too.
    absl::Duration patience = absl::ZeroDuration();
    // See Engine::Parts.
    std::function<void(const std::set<int>&)> poke;
    // Finds what the last holder of a shard left behind. On the committer's thread; may be null.
    std::function<absl::Status(ServiceCore&, int shard)> recover;
    // Wraps the subscriber; for fault injection in tests.
    std::function<std::unique_ptr<bus::Subscriber>(std::unique_ptr<bus::Subscriber>)>
        wrap_subscriber;
  };

  // Checks the schema and joins the bus. On the embedded bus producers must be made before
  // consumers start reading: make all cores, then Open all.
  static absl::StatusOr<std::unique_ptr<ServiceCore>> Make(ServiceSpec spec, Parts parts);
  ~ServiceCore();

  // Reads back what is stored (see Engine::Open).
  absl::Status Open();

  const std::string& name() const { return spec_.name; }
  const ServiceSpec& spec() const { return spec_; }
  engine::Engine& engine() { return *engine_; }
  db::Database& database() { return parts_.database; }
  const journal::Reader& journal() const { return reader_; }
  Clock& clock() { return parts_.clock; }
  // `committed` is called after every commit, on the committer's thread.
  void OnCommit(std::function<void()> committed);

 private:
  ServiceCore(ServiceSpec spec, Parts parts);

  class CommitTee;
  ServiceSpec spec_;
  Parts parts_;
  journal::Reader reader_;
  std::unique_ptr<bus::Publisher> bus_publisher_;
  std::unique_ptr<CommitTee> publisher_;
  std::unique_ptr<bus::Subscriber> subscriber_;
  std::unique_ptr<engine::Engine> engine_;
};

// Reads one entity's state through the database, for queries: null if it does not exist. T is the
// class's message.
absl::StatusOr<std::string> ReadEntityBytes(db::Database& database, int cls,
                                            const std::string& tenant, const std::string& id,
                                            int64_t* version);

template <typename T>
absl::StatusOr<std::unique_ptr<T>> ReadEntity(db::Database& database, int cls,
                                              const std::string& tenant, const std::string& id) {
  int64_t version = 0;
  absl::StatusOr<std::string> bytes = ReadEntityBytes(database, cls, tenant, id, &version);
  if (!bytes.ok()) return bytes.status();
  if (bytes->empty() && version < 0) return std::unique_ptr<T>();
  auto state = std::make_unique<T>();
  if (!state->ParseFromString(*bytes)) return absl::DataLossError("stored state cannot be read");
  return state;
}

}  // namespace watchbell::runtime
