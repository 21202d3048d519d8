// Replicas of one service over one shared database and a FakeClock, stepped by hand; any of them
// may freeze, die or lose its database.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/shard.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "common/engine/lease_keeper.h"
#include "gtest/gtest.h"
#include "tests/support/faulty_db.h"

namespace watchbell::test {

// One process's way to the database.
class NodeDatabase : public db::Database {
 public:
  explicit NodeDatabase(db::Database& shared) : faulty(shared) {}

  FaultyDatabase faulty;  // its commits
  bool down = false;      // nothing answers
  // Called before a transaction or read of this node reaches the database.
  std::function<void()> before_begin, before_read;
  std::function<absl::Status(absl::Span<const std::string>)> end_sessions;

  absl::StatusOr<std::unique_ptr<db::Transaction>> Begin() override {
    if (down) return absl::UnavailableError("injected: no connection");
    if (before_begin) before_begin();
    return faulty.Begin();
  }
  absl::StatusOr<std::vector<db::Row>> Read(absl::string_view sql,
                                            absl::Span<const db::Value> params) override {
    if (down) return absl::UnavailableError("injected: no connection");
    if (before_read) before_read();
    return faulty.Read(sql, params);
  }
  absl::Status RunScript(absl::string_view sql) override { return faulty.RunScript(sql); }
  absl::Status Maintain(bool idle) override { return faulty.Maintain(idle); }
  absl::Status EndSessions(absl::Span<const std::string> sessions) override {
    return end_sessions ? end_sessions(sessions) : absl::OkStatus();
  }
};

// A process, as far as leases go.
struct Node {
  Node(std::string node_id, int shards, db::Database& shared, Clock& clock)
      : id(std::move(node_id)), database(shared) {
    engine::LeaseKeeper::Options options;
    options.service = "toy";
    options.replica = id;
    options.address = absl::StrCat(id, ":7001");
    options.shards = shards;
    keeper = std::make_unique<engine::LeaseKeeper>(
        options,
        engine::LeaseKeeper::Parts{
            database, clock,
            [this] {
              return std::vector<std::string>{absl::StrCat(id, "/1"), absl::StrCat(id, "/2")};
            },
            [this] {
              ++changes;
              if (changed) changed();
            },
            [this] { return ready; }});
  }
  size_t held() const { return keeper->Held().size(); }

  const std::string id;
  NodeDatabase database;
  int changes = 0;
  bool ready = true;
  std::function<void()> changed;
  int frozen = 0;        // looks to be missed
  bool looking = false;  // inside RunOnce
  std::unique_ptr<engine::LeaseKeeper> keeper;
};

// What is in the table: shard -> (holder, epoch).
inline std::map<int, std::pair<std::string, int64_t>> LeaseRows(db::Database& database) {
  std::map<int, std::pair<std::string, int64_t>> leases;
  const auto rows = database.Read("SELECT shard, holder, epoch FROM leases", {});
  for (const db::Row& row : *rows) {
    leases[static_cast<int>(db::AsInt(row[0]))] = {db::AsText(row[1]), db::AsInt(row[2])};
  }
  return leases;
}

inline constexpr absl::Duration kLeaseTick = absl::Milliseconds(250);
inline const absl::Time kLeaseStart = absl::FromUnixSeconds(1'767'225'600);

class LeaseFixture : public testing::Test {
 protected:
  void SetUp() override {
    shared_ = *db::OpenSqliteInMemory();
    ASSERT_TRUE(db::Migrate(*shared_, {engine::EngineSchema()}).ok());
  }
  // A dead process gives nothing up.
  void TearDown() override {
    for (auto& [id, node] : nodes_) node->database.down = true;
  }

  Node& Join(const std::string& id, int shards = kDefaultShards) {
    nodes_[id] = std::make_unique<Node>(id, shards, *shared_, clock_);
    return *nodes_[id];
  }
  // Everybody looks once, then time passes.
  void Tick(int times = 1) {
    for (int i = 0; i < times; ++i) {
      for (auto& [id, node] : nodes_) {
        if (node->frozen > 0) {
          --node->frozen;
        } else if (!node->database.down) {
          EXPECT_TRUE(node->keeper->RunOnce().ok()) << id;
        }
      }
      clock_.Advance(kLeaseTick);
    }
  }
  std::vector<size_t> Spread() {
    std::vector<size_t> spread;
    for (auto& [id, node] : nodes_) spread.push_back(node->held());
    return spread;
  }
  std::map<int, std::pair<std::string, int64_t>> Rows() { return LeaseRows(*shared_); }
  std::set<std::string> ReplicaIds() {
    std::set<std::string> ids;
    const auto rows = shared_->Read("SELECT id FROM replicas", {});
    for (const db::Row& row : *rows) ids.insert(db::AsText(row[0]));
    return ids;
  }

  FakeClock clock_{kLeaseStart};
  std::unique_ptr<db::Database> shared_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;
};

}  // namespace watchbell::test
