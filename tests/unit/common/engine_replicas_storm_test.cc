// Replicas in a storm: whatever happens in whatever order, nothing is lost and nothing is done
// twice.
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/engine/dead_letters.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/replicas.h"

namespace watchbell {
namespace {

using test::CommitFault;
using test::Place;
using test::Replica;

// Replicas come, go, freeze and die, storage fails, pokes get lost, while commands come. Whatever
// the order: every command counts once, every timer fires once, nothing is missing on the topic and
// every event is applied once.
class EngineReplicasStorm : public test::ReplicasFixture {
 protected:
  struct Wish {
    std::string thing, what, request_id;
    Place answer;
  };

  bool Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  std::vector<Replica*> Alive(const std::string& service) {
    std::vector<Replica*> alive;
    for (auto& [id, replica] : replicas_) {
      if (replica->service == service && !replica->frozen) alive.push_back(replica.get());
    }
    return alive;
  }
  Replica* Any(const std::string& service) {
    const std::vector<Replica*> alive = Alive(service);
    return alive.empty() ? nullptr : alive[random_() % alive.size()];
  }

  void ComeAndGo(const std::string& service) {
    size_t count = 0;
    for (auto& [id, replica] : replicas_) count += replica->service == service;
    if (count == 0 || (count < 4 && Chance(10))) {
      Join(service, absl::StrCat(service, "-", ++joined_));
    }
    for (auto& [id, replica] : replicas_) {
      if (replica->frozen && Chance(6)) replica->frozen = false;
    }
    Replica* victim = Any(service);
    if (victim == nullptr) return;
    if (Chance(2)) {
      Leave(victim->node.id);
    } else if (Chance(3)) {
      Kill(victim->node.id);
    } else if (Chance(5)) {
      victim->frozen = true;
    }
  }
  void Ask(Wish& wish) {
    Replica* to = Any("toy");
    if (to != nullptr) wish.answer = Submit(*to, wish.thing, wish.what, wish.request_id);
  }
  // Those that failed, or went down with their replica, are sent again.
  void AskAgain() {
    for (Wish& wish : wishes_) {
      const bool open = wish.answer != nullptr && !wish.answer->has_value();
      const bool done = wish.answer != nullptr && wish.answer->has_value() && (*wish.answer)->ok();
      if (!done && !open) Ask(wish);
    }
  }
  // In the middle of a step of one replica another one may do something.
  void Interrupt() {
    if (running_ == nullptr || interrupted_ || !Chance(5)) return;
    Replica* other = Any(Chance(70) ? running_->service : "toy");
    if (other == nullptr || other == running_) return;
    interrupted_ = true;
    if (Chance(50)) Look(*other);
    if (Chance(50)) other->engine().RunOnce();
    interrupted_ = false;
  }
  void Step() {
    ComeAndGo("toy");
    ComeAndGo("follower");
    for (int i = static_cast<int>(random_() % 3); i > 0; --i) {
      Wish wish;
      wish.thing = absl::StrCat("t", random_() % 12);
      if (Chance(40)) wish.what = absl::StrCat("arm:", 1 + random_() % 6);
      wish.request_id = ids_.NewUuid(clock_.Now());
      Ask(wish);
      wishes_.push_back(std::move(wish));
    }
    AskAgain();
    pokes_lost_ = Chance(30);
    for (auto& [id, replica] : replicas_) {
      replica->database.faulty.plan = [this] {
        if (!Chance(4)) return CommitFault::kNone;
        return std::vector<CommitFault>{CommitFault::kRefused, CommitFault::kUnknownDone,
                                        CommitFault::kUnknownNotDone}[random_() % 3];
      };
      replica->bus.down = Chance(10);
      replica->database.before_begin = [this] { Interrupt(); };
      replica->database.before_read = [this] { Interrupt(); };
      if (replica->frozen) continue;
      running_ = replica.get();
      // Their threads run as they like.
      if (Chance(50)) replica->bus.Scan();
      if (Chance(80)) Look(*replica);
      for (int i = static_cast<int>(random_() % 4); i > 0; --i) replica->engine().RunOnce();
    }
    running_ = nullptr;
    clock_.Advance(absl::Milliseconds(random_() % 400));
  }
  void CalmDown() {
    pokes_lost_ = false;
    for (const char* service : {"toy", "follower"}) {
      if (Any(service) == nullptr) Join(service, absl::StrCat(service, "-last"));
    }
    for (auto& [id, replica] : replicas_) {
      replica->frozen = false;
      replica->bus.down = false;
      replica->database.before_begin = replica->database.before_read = nullptr;
      replica->database.faulty.plan = [] { return CommitFault::kNone; };
    }
    for (int i = 0; i < 10; ++i) {
      Pass(absl::Seconds(2));
      AskAgain();
    }
    Pass(absl::Seconds(10));
  }
  void CheckEverything() {
    std::map<std::string, int> bumps;
    std::set<std::string> armed;
    for (const Wish& wish : wishes_) {
      ASSERT_TRUE(wish.answer != nullptr && wish.answer->has_value());
      EXPECT_TRUE((*wish.answer)->ok()) << (*wish.answer)->status();
      ++bumps[wish.thing];
      if (!wish.what.empty()) armed.insert(wish.thing);
    }
    std::map<std::string, int> events;
    std::set<std::pair<std::string, absl::Time>> fired;
    for (const journal::JournalRow& row : Journal()) {
      ++events[row.stream_id];
      if (row.actor != "service:toy") continue;
      EXPECT_TRUE(fired.emplace(row.stream_id, row.occurred_at).second)
          << row.stream_id << " fired twice for " << row.occurred_at;
      EXPECT_GT(row.recorded_at, row.occurred_at);
      armed.erase(row.stream_id);
    }
    EXPECT_THAT(armed, testing::IsEmpty()) << "never fired";
    EXPECT_EQ(TimerRows(), 0u);
    for (const auto& [thing, count] : bumps) {
      EXPECT_EQ(State("toy", thing).reopen_count(), count) << thing;
      EXPECT_EQ(State("follower", thing).reopen_count(), events[thing]) << thing;
    }
    CheckTopic();
    EXPECT_TRUE(engine::ListDeadLetters(*files_["follower"], "", true)->empty());
  }

  std::mt19937_64 random_;
  int joined_ = 0;
  Replica* running_ = nullptr;
  bool interrupted_ = false;
  std::vector<Wish> wishes_;
};

TEST_F(EngineReplicasStorm, LosesNothingAndDoesNothingTwice) {
  for (uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    random_.seed(seed);
    wishes_.clear();
    SetUp();
    for (int step = 0; step < 150; ++step) Step();
    CalmDown();
    CheckEverything();
    TearDown();
  }
}

}  // namespace
}  // namespace watchbell
