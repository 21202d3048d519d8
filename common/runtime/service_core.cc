#include "common/runtime/service_core.h"

#include <map>
#include <utility>

#include "common/base/status_macros.h"
#include "common/db/migrations.h"
#include "common/engine/tables.h"

namespace watchbell::runtime {

// Hands commits on to the bus and tells whoever watches.
class ServiceCore::CommitTee : public bus::Publisher {
 public:
  explicit CommitTee(bus::Publisher& bus) : bus_(bus) {}
  void Committing() override { bus_.Committing(); }
  void Committed(absl::Span<const journal::JournalRow> rows, int64_t after, int64_t upto) override {
    bus_.Committed(rows, after, upto);
    if (committed && !rows.empty()) committed();
  }
  void Abandoned() override { bus_.Abandoned(); }
  void Hold(int shard, int64_t relayed) override { bus_.Hold(shard, relayed); }
  void Release(int shard) override { bus_.Release(shard); }
  void Look() override { bus_.Look(); }
  std::map<int, int64_t> TakeRelayed() override { return bus_.TakeRelayed(); }

  std::function<void()> committed;

 private:
  bus::Publisher& bus_;
};

std::vector<db::Migration> AllMigrations(const ServiceSpec& spec) {
  std::vector<db::Migration> migrations = {engine::EngineSchema()};
  migrations.insert(migrations.end(), spec.migrations.begin(), spec.migrations.end());
  return migrations;
}

ServiceCore::ServiceCore(ServiceSpec spec, Parts parts)
    : spec_(std::move(spec)), parts_(std::move(parts)), reader_(parts_.database) {}

ServiceCore::~ServiceCore() {
  // No step may run, and nobody may wake the engine, while its parts go.
  if (engine_ != nullptr) engine_->Stop();
  subscriber_.reset();
}

absl::StatusOr<std::unique_ptr<ServiceCore>> ServiceCore::Make(ServiceSpec spec, Parts parts) {
  std::unique_ptr<ServiceCore> core(new ServiceCore(std::move(spec), std::move(parts)));
  RETURN_IF_ERROR(db::CheckSchema(core->parts_.database, AllMigrations(core->spec_)));
  std::map<std::string, std::string> topics;
  for (const engine::EntityClass& entity_class : core->spec_.decider->classes()) {
    if (!entity_class.topic.empty()) topics[entity_class.name] = entity_class.topic;
  }
  ASSIGN_OR_RETURN(core->bus_publisher_,
                   core->parts_.bus.AddProducer(core->spec_.name, core->reader_, topics));
  core->publisher_ = std::make_unique<CommitTee>(*core->bus_publisher_);
  ServiceCore* raw = core.get();
  if (!core->spec_.consumes.empty() || !core->spec_.raw_topics.empty()) {
    const absl::Duration patience =
        core->spec_.patient ? core->parts_.patience : absl::ZeroDuration();
    core->subscriber_ = core->parts_.bus.Subscribe(
        {core->spec_.name, core->spec_.consumes, core->spec_.raw_topics, patience}, [raw] {
          if (raw->engine_ != nullptr) raw->engine_->Wake();
        });
    if (core->parts_.wrap_subscriber) {
      core->subscriber_ = core->parts_.wrap_subscriber(std::move(core->subscriber_));
    }
  }
  engine::Options options;
  options.service = core->spec_.name;
  options.raw_topics = core->spec_.raw_topics;
  options.look_every = core->parts_.look_every;
  options.patience = core->parts_.patience;
  options.all_patient = core->spec_.patient;
  engine::Engine::Parts engine_parts{core->parts_.database,
                                     core->parts_.clock,
                                     core->parts_.ids,
                                     *core->spec_.decider,
                                     core->publisher_.get(),
                                     core->subscriber_.get(),
                                     core->parts_.effects,
                                     core->parts_.probe,
                                     core->parts_.leases,
                                     core->parts_.poke,
                                     nullptr};
  if (core->parts_.recover != nullptr) {
    engine_parts.recover = [raw](int shard) { return raw->parts_.recover(*raw, shard); };
  }
  core->engine_ = std::make_unique<engine::Engine>(options, std::move(engine_parts));
  return core;
}

absl::Status ServiceCore::Open() { return engine_->Open(); }

void ServiceCore::OnCommit(std::function<void()> committed) {
  publisher_->committed = std::move(committed);
}

absl::StatusOr<std::string> ReadEntityBytes(db::Database& database, int cls,
                                            const std::string& tenant, const std::string& id,
                                            int64_t* version) {
  ASSIGN_OR_RETURN(
      const auto rows,
      database.Read(
          "SELECT version, body FROM entities WHERE class = $1 AND tenant = $2 AND id = $3",
          {int64_t{cls}, tenant, id}));
  *version = rows.empty() ? -1 : db::AsInt(rows[0][0]);
  return rows.empty() ? std::string() : db::AsBytes(rows[0][1]);
}

}  // namespace watchbell::runtime
