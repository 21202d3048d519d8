// The engine with a toy service: commands, their answers, timers.
#include "common/engine/engine.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/clock/clock.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/runtime/service_core.h"
#include "gtest/gtest.h"
#include "tests/unit/common/engine_fixture.h"

namespace watchbell {
namespace {

using engine::Input;
using test::EngineTest;

TEST_F(EngineTest, DecidesWhatWaitsInOneBatchInOrder) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  EXPECT_EQ(toy_->engine().RunOnce().applied, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(CountIn(static_cast<size_t>(i)), i + 1);
  const auto rows = toy_->journal().Stream("thing", "default", "a", 0, 10);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*rows)[static_cast<size_t>(i)].version, i + 1);
}

TEST_F(EngineTest, RemembersAnAnswerByRequestId) {
  const std::string id = "11111111-1111-7111-8111-111111111111";
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());  // in the same batch
  Settle();
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Boot();  // and over a restart
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("b", "", id)).ok());  // another payload
  Settle();
  for (size_t i : {0u, 1u, 3u}) EXPECT_EQ(CountIn(i), 1) << i;
  EXPECT_TRUE(answer(1)->remembered);
  EXPECT_TRUE(answer(3)->remembered);
  EXPECT_EQ(ErrorReason(answer(4).status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(State(*toy_, "a").reopen_count(), 1);
}

TEST_F(EngineTest, ForgetsAnswersAfterSevenDays) {
  const std::string id = "11111111-1111-7111-8111-111111111111";
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Settle();
  clock_.Advance(absl::Hours(24 * 7 + 1));
  Settle();
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Settle();
  EXPECT_EQ(CountIn(1), 2);
}

TEST_F(EngineTest, ARefusedCommandStoresNothingAndIsNotRemembered) {
  const std::string id = "11111111-1111-7111-8111-111111111111";
  ASSERT_TRUE(Submit(*toy_, Bump("a", "refuse", id)).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("b")).ok());
  Settle();
  EXPECT_EQ(answer(0).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CountIn(1), 1);
  EXPECT_EQ(*toy_->journal().Head(), 1);
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Settle();
  EXPECT_EQ(CountIn(2), 1);
}

TEST_F(EngineTest, LoadsMoreWhenTheDeciderAsks) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "more:b")).ok());
  Settle();
  EXPECT_EQ(CountIn(0), 1);
}

TEST_F(EngineTest, WhatManyAskForComesInOneRoundTrip) {
  toy_db_->loads = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Submit(*toy_, Bump("a", absl::StrCat("more:other-", i))).ok());
  }
  EXPECT_EQ(toy_->engine().RunOnce().applied, 20);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(CountIn(static_cast<size_t>(i)), i + 1);
  EXPECT_EQ(toy_db_->loads, 2);
}

TEST_F(EngineTest, WhatADeciderCreatesIsNotLoaded) {
  toy_db_->loads = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Submit(*toy_, Bump("a", absl::StrCat("create:new-", i))).ok());
  }
  EXPECT_EQ(toy_->engine().RunOnce().applied, 20);
  EXPECT_EQ(toy_db_->loads, 1);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(State(*toy_, absl::StrCat("new-", i)).reopen_count(), i + 1);
  }
}

TEST_F(EngineTest, WhatExistsIsNotCreatedAgain) {
  ASSERT_TRUE(Submit(*toy_, Bump("b")).ok());
  Settle();
  ASSERT_TRUE(Submit(*toy_, Bump("a", "create:b")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("c")).ok());  // in the same batch
  Settle();
  ASSERT_TRUE(Submit(*toy_, Bump("a", "create:b")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("b")).ok());  // loads it, in the same batch
  Settle();
  for (const size_t i : {1u, 3u}) EXPECT_EQ(ErrorReason(answer(i).status()), "STORE_FAILED") << i;
  EXPECT_EQ(CountIn(2), 1);
  EXPECT_EQ(CountIn(4), 2);
  EXPECT_EQ(State(*toy_, "a").reopen_count(), 0);
}

TEST_F(EngineTest, DoesNothingAfterTheDeadline) {
  Input late = Bump("a");
  late.deadline = kStart - absl::Seconds(1);
  ASSERT_TRUE(Submit(*toy_, std::move(late)).ok());
  Settle();
  EXPECT_EQ(answer(0).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(*toy_->journal().Head(), 0);
}

TEST_F(EngineTest, RefusesCommandsWhenTheQueueIsFull) {
  absl::Status status;
  for (int i = 0; i < 5000 && status.ok(); ++i) status = Submit(*toy_, Bump("a"));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  Settle();
  EXPECT_TRUE(Submit(*toy_, Bump("a")).ok());
}

TEST_F(EngineTest, ATimerFiresOnceTheMicrosecondAfterItsDueTime) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:60")).ok());
  Settle();
  clock_.Set(kStart + absl::Seconds(60));
  Settle();
  EXPECT_EQ(State(*toy_, "a").title(), "") << "at due exactly it must not fire";
  EXPECT_EQ(toy_->engine().RunOnce().next, kStart + absl::Seconds(60) + absl::Microseconds(1));
  clock_.Advance(absl::Microseconds(1));
  Settle();
  EXPECT_EQ(State(*toy_, "a").title(), "fired");
  EXPECT_EQ(toy_->engine().TimerCount(), 0u);
  const auto rows = toy_->journal().Stream("thing", "default", "a", 1, 10);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0].occurred_at, kStart + absl::Seconds(60));
}

TEST_F(EngineTest, TimersSurviveARestartAndFireOnceLate) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:60")).ok());
  Settle();
  clock_.Advance(absl::Minutes(10));
  Boot();
  EXPECT_EQ(toy_->engine().TimerCount(), 1u);
  Settle();
  Boot();
  Settle();
  EXPECT_EQ(toy_->journal().After("", 0, 10)->size(), 2u);
}

TEST_F(EngineTest, ArmingAgainMovesTheTimer) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:60")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:120")).ok());
  Settle();
  clock_.Set(kStart + absl::Seconds(61));
  Settle();
  EXPECT_EQ(State(*toy_, "a").title(), "");
  clock_.Set(kStart + absl::Seconds(121));
  Settle();
  EXPECT_EQ(State(*toy_, "a").title(), "fired");
}

TEST_F(EngineTest, RunsOnItsThreadWhileManyCallersSubmit) {
  SystemClock system_clock;
  bus::EmbeddedBus bus(kDefaultShards);
  auto file = *db::OpenSqliteInMemory();
  ASSERT_TRUE(db::Migrate(*file, {engine::EngineSchema()}).ok());
  auto core = *runtime::ServiceCore::Make({"toy", {}, std::make_shared<test::ToyDecider>(), {}},
                                          {*file, system_clock, ids_, bus});
  ASSERT_TRUE(core->Open().ok());
  core->engine().Start();
  std::atomic<int> done{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&core, &done, c] {
      for (int i = 0; i < 50; ++i) {
        Input input = Bump(absl::StrCat("t", c));
        input.done = [&done](absl::StatusOr<engine::Reply> reply) {
          if (reply.ok()) ++done;
        };
        EXPECT_TRUE(core->engine().Submit(std::move(input)).ok());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  // Stop answers everybody: what was decided with its answer, the rest with UNAVAILABLE.
  core->engine().Stop();
  EXPECT_EQ(*core->journal().Head(), done.load());
}

}  // namespace
}  // namespace watchbell
