// Keepers in a storm: whatever happens in whatever order, a shard has one holder.
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/lease_nodes.h"

namespace watchbell {
namespace {

using test::CommitFault;
using test::Node;

// Anything may happen in any order: nobody ever believes to hold what is another's by the same
// epoch, and once things calm down everything is held, evenly.
class LeaseStorm : public test::LeaseFixture {
 protected:
  void Step(std::mt19937_64& random) {
    const auto chance = [&random](int percent) {
      return static_cast<int>(random() % 100) < percent;
    };
    if (nodes_.empty() || (nodes_.size() < 6 && chance(6))) Join(absl::StrCat("n", ++joined_));
    auto victim = std::next(nodes_.begin(), static_cast<int>(random() % nodes_.size()));
    if (chance(3)) {
      victim->second->database.before_begin = nullptr;
      victim->second->keeper->Stop();
      nodes_.erase(victim);
    } else if (chance(3)) {
      victim->second->database.down = true;
      dead_.push_back(std::move(victim->second));
      nodes_.erase(victim);
    } else if (chance(5)) {
      victim->second->frozen = static_cast<int>(random() % 30);
    }
    for (auto& [id, node] : nodes_) {
      node->database.faulty.plan = [&random, chance] {
        if (!chance(5)) return CommitFault::kNone;
        return std::vector<CommitFault>{CommitFault::kRefused, CommitFault::kUnknownDone,
                                        CommitFault::kUnknownNotDone}[random() % 3];
      };
      // In the middle of a look another one may look, too.
      node->database.before_begin = [this, &random, chance] {
        if (nested_ || !chance(3)) return;
        nested_ = true;
        Node& other =
            *std::next(nodes_.begin(), static_cast<int>(random() % nodes_.size()))->second;
        if (!other.looking) other.keeper->RunOnce().IgnoreError();
        nested_ = false;
        Check();
      };
      if (node->frozen > 0) {
        --node->frozen;
        continue;
      }
      node->database.down = chance(5);
      node->looking = true;
      node->keeper->RunOnce().IgnoreError();
      node->looking = false;
      node->database.down = false;
      Check();
    }
    clock_.Advance(chance(95) ? test::kLeaseTick : absl::Milliseconds(random() % 1500));
    if (chance(2)) clock_.Set(clock_.Now() - absl::Hours(1));
  }

  void Check() {
    const auto rows = Rows();
    const auto check = [&](const Node& node) {
      for (const auto& [shard, epoch] : node.keeper->Held()) {
        const auto [owner, added] = owners_.insert({{shard, epoch}, node.id});
        EXPECT_EQ(owner->second, node.id) << "two held shard " << shard << " by the same epoch";
        if (rows.at(shard).second == epoch) {
          EXPECT_EQ(rows.at(shard).first, node.id);
        }
        EXPECT_LE(epoch, rows.at(shard).second);
      }
    };
    for (const auto& [id, node] : nodes_) check(*node);
    for (const auto& node : dead_) check(*node);
  }

  void CheckAtRest() {
    for (auto& [id, node] : nodes_) {
      node->frozen = 0;
      node->database.before_begin = nullptr;
      node->database.faulty.plan = [] { return CommitFault::kNone; };
    }
    Tick(20);
    const auto rows = Rows();
    size_t sum = 0;
    for (const auto& [id, node] : nodes_) {
      EXPECT_GE(node->held(), 16 / nodes_.size());
      EXPECT_LE(node->held(), (16 + nodes_.size() - 1) / nodes_.size());
      EXPECT_EQ(node->keeper->LiveReplicas(), static_cast<int>(nodes_.size()));
      for (const auto& [shard, epoch] : node->keeper->Held()) {
        EXPECT_EQ(rows.at(shard), (std::pair<std::string, int64_t>(id, epoch)));
      }
      sum += node->held();
    }
    EXPECT_EQ(sum, 16u);
    EXPECT_EQ(ReplicaIds().size(), nodes_.size());
  }

  int joined_ = 0;
  bool nested_ = false;
  std::vector<std::unique_ptr<Node>> dead_;
  std::map<std::pair<int, int64_t>, std::string> owners_;
};

TEST_F(LeaseStorm, KeepsEveryShardWithOneHolderAndComesToRest) {
  for (uint64_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    SetUp();
    nodes_.clear();
    dead_.clear();
    owners_.clear();
    for (int step = 0; step < 60; ++step) Step(random);
    if (nodes_.empty()) Join("last");
    CheckAtRest();
    TearDown();
  }
}

}  // namespace
}  // namespace watchbell
