#include "services/notifications/sender_pool.h"

#include <algorithm>
#include <deque>
#include <set>

#include "common/base/mutex.h"
#include "gtest/gtest.h"
#include "watchbell/notifications/state/v1/state.pb.h"

namespace watchbell::notifications {
namespace {

// What the pool's threads and the test share.
class Sink {
 public:
  // Transport side: notes the delivery, then waits until the test lets it go or the pool stops.
  SendResult Take(const v1::Delivery& delivery, const std::atomic<bool>& stop) {
    MutexLock lock(mu_);
    begun_.push_back(delivery.delivery_id());
    changed_.NotifyAll();
    const auto held = [&] { return held_ || hanging_.count(delivery.address()) > 0; };
    while (held() && !stop) {
      changed_.WaitUntil(mu_, std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
    }
    if (held()) return {SendResult::Kind::kAborted, "", /*maybe_taken=*/true};
    return answer_;
  }
  absl::Status Submit(engine::Input input) {
    MutexLock lock(mu_);
    if (refusals_ > 0) {
      --refusals_;
      return absl::UnavailableError("storage is down");
    }
    outcomes_.push_back(std::move(input));
    changed_.NotifyAll();
    return absl::OkStatus();
  }
  // Test side.
  void Hold(bool held) {
    MutexLock lock(mu_);
    held_ = held;
    changed_.NotifyAll();
  }
  // What is sent to this address hangs.
  void Hang(const std::string& address, bool hangs) {
    MutexLock lock(mu_);
    if (hangs) {
      hanging_.insert(address);
    } else {
      hanging_.erase(address);
    }
    changed_.NotifyAll();
  }
  void AnswerWith(SendResult answer) {
    MutexLock lock(mu_);
    answer_ = std::move(answer);
  }
  void RefuseOutcomes(int times) {
    MutexLock lock(mu_);
    refusals_ = times;
  }
  std::vector<std::string> AwaitBegun(size_t count) {
    MutexLock lock(mu_);
    while (begun_.size() < count) changed_.Wait(mu_);
    return begun_;
  }
  std::deque<engine::Input> AwaitOutcomes(size_t count) {
    MutexLock lock(mu_);
    while (outcomes_.size() < count) changed_.Wait(mu_);
    return outcomes_;
  }
  size_t OutcomeCount() {
    MutexLock lock(mu_);
    return outcomes_.size();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  std::set<std::string> hanging_ ABSL_GUARDED_BY(mu_);
  int refusals_ ABSL_GUARDED_BY(mu_) = 0;
  SendResult answer_ ABSL_GUARDED_BY(mu_){SendResult::Kind::kTaken, "250 ok"};
  std::vector<std::string> begun_ ABSL_GUARDED_BY(mu_);
  std::deque<engine::Input> outcomes_ ABSL_GUARDED_BY(mu_);
};

class SinkTransport : public Transport {
 public:
  explicit SinkTransport(Sink& sink) : sink_(sink) {}
  SendResult Send(const v1::Delivery& delivery, const std::atomic<bool>& stop) override {
    return sink_.Take(delivery, stop);
  }

 private:
  Sink& sink_;
};

const state::v1::DeliveryOutcome& OutcomeIn(const engine::Input& input) {
  return *input.As<state::v1::DeliveryOutcome>();
}

class SenderPoolTest : public ::testing::Test {
 protected:
  std::unique_ptr<SenderPool> Pool(int threads, int per_host = 0) {
    SenderPool::Limits limits;
    limits.threads = threads;
    limits.per_host = per_host;
    limits.host = [](const v1::Delivery& delivery) { return delivery.address(); };
    return std::make_unique<SenderPool>(
        limits, clock, [this] { return std::make_unique<SinkTransport>(sink); },
        [this](engine::Input input) { return sink.Submit(std::move(input)); });
  }
  static engine::Effect Claimed(const std::string& id, int attempt = 1,
                                const std::string& address = "") {
    auto delivery = std::make_shared<v1::Delivery>();
    delivery->set_delivery_id(id);
    delivery->set_address(address);
    delivery->set_attempts(attempt);
    return {
        {2, "acme", "inc-7"}, delivery, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
  }

  FakeClock clock{absl::FromUnixSeconds(1'767'225'600)};
  Sink sink;
};

TEST_F(SenderPoolTest, ReportsWhatBecameOfEachDelivery) {
  auto pool = Pool(2);
  pool->Add(Claimed("a", 3));
  const engine::Input input = sink.AwaitOutcomes(1)[0];
  EXPECT_EQ(input.kind, engine::Input::Kind::kOutcome);
  EXPECT_EQ(input.identity.tenant, "acme");
  EXPECT_FALSE(input.traceparent.empty());
  const state::v1::DeliveryOutcome& outcome = OutcomeIn(input);
  EXPECT_EQ(outcome.delivery_id(), "a");
  EXPECT_EQ(outcome.tenant(), "acme");
  EXPECT_EQ(outcome.ticket_id(), "inc-7");
  EXPECT_EQ(outcome.attempt(), 3);
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.result(), "250 ok");

  sink.AnswerWith({SendResult::Kind::kRefused, "550 n\xc3\xb6\r\n"});
  pool->Add(Claimed("b"));
  const engine::Input refused = sink.AwaitOutcomes(2)[1];
  EXPECT_TRUE(OutcomeIn(refused).permanent());
  EXPECT_EQ(OutcomeIn(refused).result(), "550 n??");

  sink.AnswerWith({SendResult::Kind::kTryAgain, std::string(500, 'x'), /*maybe_taken=*/true});
  pool->Add(Claimed("c"));
  const engine::Input again = sink.AwaitOutcomes(3)[2];
  EXPECT_FALSE(OutcomeIn(again).ok());
  EXPECT_FALSE(OutcomeIn(again).permanent());
  EXPECT_TRUE(OutcomeIn(again).maybe_taken());
  EXPECT_EQ(OutcomeIn(again).result().size(), 200u);
}

TEST_F(SenderPoolTest, SendsAtMostItsThreadsAtOnceInOrder) {
  auto pool = Pool(2);
  sink.Hold(true);
  for (const char* id : {"a", "b", "c", "d"}) pool->Add(Claimed(id));
  std::vector<std::string> begun = sink.AwaitBegun(2);
  ASSERT_EQ(begun.size(), 2u);
  std::sort(begun.begin(), begun.end());
  EXPECT_EQ(begun, (std::vector<std::string>{"a", "b"}));
  sink.Hold(false);
  EXPECT_EQ(sink.AwaitOutcomes(4).size(), 4u);
}

TEST_F(SenderPoolTest, WhatWaitedTooLongIsGivenBackUnsent) {
  auto pool = Pool(1);
  sink.Hold(true);
  pool->Add(Claimed("slow"));
  sink.AwaitBegun(1);
  pool->Add(Claimed("late"));
  clock.Advance(kPatience);
  pool->Add(Claimed("fresh"));
  sink.Hold(false);
  const auto outcomes = sink.AwaitOutcomes(3);
  EXPECT_TRUE(OutcomeIn(outcomes[0]).ok());
  EXPECT_TRUE(OutcomeIn(outcomes[1]).not_begun());
  EXPECT_EQ(OutcomeIn(outcomes[1]).delivery_id(), "late");
  EXPECT_TRUE(OutcomeIn(outcomes[2]).ok());
  EXPECT_EQ(sink.AwaitBegun(2), (std::vector<std::string>{"slow", "fresh"}));
}

TEST_F(SenderPoolTest, AHostThatHangsDelaysNoOther) {
  auto pool = Pool(/*threads=*/4, /*per_host=*/2);
  sink.Hang("dead:1", true);
  for (const char* id : {"a", "b", "c", "d", "e"}) pool->Add(Claimed(id, 1, "dead:1"));
  sink.AwaitBegun(2);
  for (const char* id : {"1", "2", "3"}) pool->Add(Claimed(id, 1, "well:1"));
  for (const engine::Input& input : sink.AwaitOutcomes(3)) {
    EXPECT_TRUE(OutcomeIn(input).ok());
    EXPECT_LE(OutcomeIn(input).delivery_id(), "3");
  }
  EXPECT_EQ(sink.AwaitBegun(5).size(), 5u) << "of the dead host's still two";
  // What waits for it past its time is given back, though no thread of its own is free.
  clock.Advance(kPatience);
  const auto outcomes = sink.AwaitOutcomes(6);
  std::set<std::string> given_back;
  for (const engine::Input& input : outcomes) {
    if (OutcomeIn(input).not_begun()) given_back.insert(OutcomeIn(input).delivery_id());
  }
  EXPECT_EQ(given_back, (std::set<std::string>{"c", "d", "e"}));
  // It wakes up: all of its threads are free again.
  sink.Hang("dead:1", false);
  pool->Add(Claimed("f", 1, "dead:1"));
  EXPECT_EQ(sink.AwaitOutcomes(9).size(), 9u);
  EXPECT_EQ(sink.AwaitBegun(6).size(), 6u);
}

TEST_F(SenderPoolTest, AClockSetBackRenewsNoClaim) {
  auto pool = Pool(1);
  sink.Hold(true);
  pool->Add(Claimed("slow"));
  sink.AwaitBegun(1);
  pool->Add(Claimed("late"));
  clock.Advance(kPatience);
  clock.Set(clock.Now() - absl::Hours(1));
  sink.Hold(false);
  EXPECT_TRUE(OutcomeIn(sink.AwaitOutcomes(2)[1]).not_begun());
}

TEST_F(SenderPoolTest, AnOutcomeIsKeptWhileStorageIsDown) {
  sink.RefuseOutcomes(3);
  auto pool = Pool(1);
  pool->Add(Claimed("a"));
  EXPECT_EQ(OutcomeIn(sink.AwaitOutcomes(1)[0]).delivery_id(), "a");
  EXPECT_EQ(sink.AwaitBegun(1).size(), 1u);  // and it was sent once
}

TEST_F(SenderPoolTest, TheDestructorReportsNothingOfWhatIsUnderWay) {
  auto pool = Pool(1);
  sink.Hold(true);
  pool->Add(Claimed("a"));
  pool->Add(Claimed("b"));
  sink.AwaitBegun(1);
  pool.reset();
  EXPECT_EQ(sink.OutcomeCount(), 0u);
  EXPECT_EQ(sink.AwaitBegun(1).size(), 1u);
}

// Every outcome is stored as soon as it comes.
class SenderPoolStopTest : public ::testing::Test {
 protected:
  SenderPoolStopTest() {
    SenderPool::Limits limits;
    limits.threads = 2;
    limits.per_host = 1;
    limits.host = [](const v1::Delivery& delivery) { return delivery.address(); };
    pool = std::make_unique<SenderPool>(
        limits, clock, [this] { return std::make_unique<SinkTransport>(sink); },
        [this](engine::Input input) {
          const std::function<void(absl::StatusOr<engine::Reply>)> done = input.done;
          EXPECT_TRUE(sink.Submit(std::move(input)).ok());
          done(engine::Reply{});
          return absl::OkStatus();
        });
  }
  void Add(const std::string& id, const std::string& address = "") {
    auto delivery = std::make_shared<v1::Delivery>();
    delivery->set_delivery_id(id);
    delivery->set_address(address);
    pool->Add({{2, "acme", "inc-7"}, delivery, ""});
  }
  state::v1::DeliveryOutcome OutcomeOf(const std::string& id) {
    for (const engine::Input& input : sink.AwaitOutcomes(0)) {
      const auto& outcome = *input.As<state::v1::DeliveryOutcome>();
      if (outcome.delivery_id() == id) return outcome;
    }
    ADD_FAILURE() << "no outcome of " << id;
    return {};
  }

  SystemClock clock;
  Sink sink;
  std::unique_ptr<SenderPool> pool;
};

TEST_F(SenderPoolStopTest, FinishesWhatIsUnderWayAndGivesBackTheRest) {
  sink.Hold(true);
  Add("a");
  sink.AwaitBegun(1);
  Add("b");
  pool->StopBeginning();
  EXPECT_TRUE(OutcomeIn(sink.AwaitOutcomes(1)[0]).not_begun()) << "b, while a is under way";
  EXPECT_FALSE(pool->AwaitIdle(clock.Now()));
  sink.Hold(false);
  EXPECT_TRUE(pool->AwaitIdle(absl::InfiniteFuture()));
  ASSERT_EQ(sink.OutcomeCount(), 2u);  // it has waited for both
  EXPECT_TRUE(OutcomeOf("a").ok());
  Add("c");
  EXPECT_TRUE(OutcomeIn(sink.AwaitOutcomes(3)[2]).not_begun());
}

TEST_F(SenderPoolStopTest, WhatHangsIsBrokenOffAndReported) {
  sink.Hang("dead:1", true);
  Add("a", "dead:1");
  sink.AwaitBegun(1);
  Add("b", "dead:1");
  Add("c", "well:1");
  EXPECT_EQ(OutcomeIn(sink.AwaitOutcomes(1)[0]).delivery_id(), "c");
  pool->StopBeginning();
  EXPECT_TRUE(OutcomeIn(sink.AwaitOutcomes(2)[1]).not_begun());
  EXPECT_FALSE(pool->AwaitIdle(clock.Now()));
  pool->BreakOff();
  EXPECT_TRUE(pool->AwaitIdle(absl::InfiniteFuture()));
  const state::v1::DeliveryOutcome broken = OutcomeOf("a");
  EXPECT_TRUE(broken.broken_off());
  EXPECT_TRUE(broken.maybe_taken());
  EXPECT_FALSE(broken.ok());
  EXPECT_FALSE(broken.permanent());
}

}  // namespace
}  // namespace watchbell::notifications
