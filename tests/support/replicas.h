// Replicas of the toy services (toy_service.h) over one database for each service, one broker and
// one FakeClock, in one thread: any of them may freeze, die, leave or lose its connections.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/shard.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/runtime/service_core.h"
#include "gtest/gtest.h"
#include "tests/support/lease_nodes.h"
#include "tests/support/replica_bus.h"
#include "tests/support/toy_service.h"

namespace watchbell::test {

inline constexpr absl::Duration kReplicaTick = absl::Milliseconds(250);

// Where an answer appears once the engine has run.
using Place = std::shared_ptr<std::optional<absl::StatusOr<engine::Reply>>>;

// One process of one service.
struct Replica {
  Replica(const std::string& service_name, const std::string& id, db::Database& shared,
          ReplicaBroker& broker, Clock& clock)
      : service(service_name),
        database(shared),
        node(id, kDefaultShards, shared, clock),
        bus(broker) {}

  const std::string service;
  NodeDatabase database;  // the engine's
  Node node;              // the keeper's
  ReplicaBus bus;
  std::shared_ptr<FollowerDecider> follower;
  std::vector<int> recovered;
  absl::Status recover_fails;
  std::optional<int> recover_fails_of;  // of this shard alone
  bool frozen = false;
  std::unique_ptr<runtime::ServiceCore> core;

  engine::Engine& engine() { return core->engine(); }
};

class ReplicasFixture : public testing::Test {
 protected:
  void SetUp() override {
    replicas_.clear();
    broker_ = std::make_unique<ReplicaBroker>();
    for (const char* service : {"toy", "follower"}) {
      files_[service] = *db::OpenSqliteInMemory();
      ASSERT_TRUE(db::Migrate(*files_[service], {engine::EngineSchema()}).ok());
    }
    broker_->producers.insert({kToyTopic, {"toy", journal::Reader(*files_["toy"]), {"thing"}}});
  }
  void TearDown() override {
    for (auto& [id, replica] : replicas_) replica->node.database.down = true;
  }

  Replica& Join(const std::string& service, const std::string& id) {
    replicas_[id] = std::make_unique<Replica>(service, id, *files_[service], *broker_, clock_);
    Replica& replica = *replicas_[id];
    Replica* raw = &replica;
    runtime::ServiceCore::Parts parts{replica.database, clock_, ids_, replica.bus};
    parts.leases = replica.node.keeper.get();
    parts.poke = [this, raw](const std::set<int>& shards) { Poke(*raw, shards); };
    parts.recover = [raw](runtime::ServiceCore&, int shard) {
      const bool fails = !raw->recover_fails.ok() && raw->recover_fails_of.value_or(shard) == shard;
      if (!fails) raw->recovered.push_back(shard);
      return fails ? raw->recover_fails : absl::OkStatus();
    };
    replica.node.changed = [raw] { raw->engine().Wake(); };
    replica.follower = std::make_shared<FollowerDecider>();
    runtime::ServiceSpec spec{service, {}, std::make_shared<ToyDecider>(), {}, {}};
    if (service == "follower") spec = {service, {}, replica.follower, {kToyTopic}, {}};
    replica.core = *runtime::ServiceCore::Make(spec, parts);
    EXPECT_TRUE(replica.core->Open().ok());
    return replica;
  }
  // Two replicas of the toy, with their shares of the shards.
  void JoinTwo(const std::string& service = "toy") {
    a_ = &Join(service, service + "-a");
    b_ = &Join(service, service + "-b");
    Pass(4 * kReplicaTick);
    ASSERT_EQ(a_->node.held(), 8u);
    ASSERT_EQ(b_->node.held(), 8u);
  }
  // kill -9: nothing is given up, nobody is told.
  void Kill(const std::string& id) {
    replicas_[id]->node.database.down = true;
    replicas_[id]->database.down = true;
    replicas_.erase(id);
  }
  void Leave(const std::string& id) {
    replicas_[id]->engine().Stop();
    replicas_[id]->node.keeper->Stop();
    replicas_.erase(id);
  }

  void Poke(const Replica& from, const std::set<int>& shards) {
    for (const int shard : shards) {
      const std::string address = from.node.keeper->HolderAddress(shard);
      ++pokes_;
      for (auto& [id, to] : replicas_) {
        const bool reached = absl::StrCat(id, ":7001") == address && !to->frozen && !pokes_lost_;
        if (reached) to->engine().Look();
      }
    }
  }
  static void Run(Replica& replica) {
    replica.bus.Scan();
    for (int i = 0; replica.engine().RunOnce().more; ++i) {
      ASSERT_LT(i, 1000) << replica.node.id << " is never at rest";
    }
  }
  void RunAll() {
    // Twice: what the ones published the others may read.
    for (int round = 0; round < 2; ++round) {
      for (auto& [id, replica] : replicas_) {
        if (!replica->frozen) Run(*replica);
      }
    }
  }
  void Look(Replica& replica) { replica.node.keeper->RunOnce().IgnoreError(); }
  void LookAll() {
    for (auto& [id, replica] : replicas_) {
      if (!replica->frozen) Look(*replica);
    }
  }
  // Everybody who is not frozen lives on.
  void Pass(absl::Duration time) {
    while (time > absl::ZeroDuration()) {
      LookAll();
      RunAll();
      clock_.Advance(std::min(time, kReplicaTick));
      time -= kReplicaTick;
    }
    LookAll();
    RunAll();
  }

  Place Submit(Replica& to, const std::string& thing, const std::string& what = "",
               const std::string& request_id = "") {
    auto request = std::make_shared<StartWorkRequest>();
    request->set_name(thing);
    request->set_etag(what);
    engine::Input input;
    input.identity = {"default", "ana", {}};
    input.message = std::move(request);
    input.request_id = request_id;
    auto place = std::make_shared<std::optional<absl::StatusOr<engine::Reply>>>();
    input.done = [place](absl::StatusOr<engine::Reply> reply) { *place = std::move(reply); };
    if (absl::Status status = to.engine().Submit(std::move(input)); !status.ok()) {
      *place = std::move(status);
    }
    return place;
  }
  static int CountIn(const Place& place) {
    Ticket thing;
    EXPECT_TRUE(place->has_value() && (*place)->ok() && thing.ParseFromString((**place)->bytes));
    return thing.reopen_count();
  }

  std::string HolderOf(const std::string& service, const std::string& thing) {
    return LeaseRows(*files_[service]).at(ShardOf(thing, kDefaultShards)).first;
  }
  // A thing whose shard this one holds.
  std::string ThingOf(const Replica& replica) {
    for (int i = 0;; ++i) {
      std::string thing = absl::StrCat("t", i);
      if (HolderOf(replica.service, thing) == replica.node.id) return thing;
    }
  }
  Ticket State(const std::string& service, const std::string& thing) {
    auto state = runtime::ReadEntity<Ticket>(*files_[service], 1, "default", thing);
    EXPECT_TRUE(state.ok());
    return *state == nullptr ? Ticket() : **state;
  }
  std::vector<journal::JournalRow> Journal(const std::string& service = "toy") {
    return *journal::Reader(*files_[service]).After("", 0, 100'000);
  }
  size_t TimerRows(const std::string& service = "toy") {
    return files_[service]->Read("SELECT id FROM timers", {})->size();
  }
  // Every event is on its topic, each key in order on first occurrences. Returns the repeats.
  int CheckTopic() {
    int repeats = 0;
    std::map<std::string, int64_t> versions;
    for (int shard = 0; shard < kDefaultShards; ++shard) {
      for (const bus::RecordPtr& record : broker_->Log(kToyTopic, shard)) {
        const auto envelope = bus::ParseEnvelope(*record);
        EXPECT_TRUE(envelope.ok());
        int64_t& last = versions[envelope->subject];
        EXPECT_LE(envelope->version, last + 1) << envelope->subject << " out of order";
        repeats += envelope->version <= last;
        last = std::max(last, envelope->version);
      }
    }
    std::map<std::string, int64_t> wanted;
    for (const journal::JournalRow& row : Journal()) wanted[row.stream_id] = row.version;
    EXPECT_EQ(versions, wanted);
    return repeats;
  }

  FakeClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  SeededIdSource ids_{1};
  std::map<std::string, std::unique_ptr<db::Database>> files_;
  std::unique_ptr<ReplicaBroker> broker_;
  std::map<std::string, std::unique_ptr<Replica>> replicas_;
  Replica* a_ = nullptr;
  Replica* b_ = nullptr;
  int pokes_ = 0;
  bool pokes_lost_ = false;
};

}  // namespace watchbell::test
