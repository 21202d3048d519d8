// The engine with a toy service over storage that refuses, breaks and leaves outcomes open.
#include <string>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/engine/dead_letters.h"
#include "gtest/gtest.h"
#include "tests/unit/common/engine_fixture.h"

namespace watchbell {
namespace {

using test::CommitFault;
using test::EngineTest;

TEST_F(EngineTest, AClockThatGoesBackPutsOffNoRetry) {
  CommitFault fault = CommitFault::kRefused;
  toy_db_->plan = [&fault] { return fault; };
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  toy_->engine().RunOnce();
  EXPECT_FALSE(toy_->engine().Health().ok());
  fault = CommitFault::kNone;
  clock_.Advance(-absl::Hours(1));
  Settle();
  EXPECT_TRUE(toy_->engine().Health().ok());
}

TEST_F(EngineTest, ARefusedCommitIsNobodysFault) {
  CommitFault fault = CommitFault::kRefused;
  toy_db_->plan = [&fault] { return fault; };
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  toy_->engine().RunOnce();
  EXPECT_EQ(ErrorReason(answer(0).status()), "STORAGE_UNAVAILABLE");
  EXPECT_FALSE(toy_->engine().Health().ok());
  EXPECT_EQ(ErrorReason(Submit(*toy_, Bump("a"))), "STORAGE_UNAVAILABLE");
  fault = CommitFault::kNone;
  clock_.Advance(absl::Seconds(5));
  Settle();
  EXPECT_TRUE(toy_->engine().Health().ok()) << "the next look finds it well";
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  EXPECT_EQ(CountIn(2), 1);
}

TEST_F(EngineTest, AnEventThatCannotBeStoredParksItsKeyAlthoughStorageFailsMeanwhile) {
  // Together they fail, the first fails alone, and storage goes away while it is set aside.
  std::vector<CommitFault> faults = {CommitFault::kBroken, CommitFault::kBroken,
                                     CommitFault::kRefused};
  follower_db_->plan = [&faults] {
    if (faults.empty()) return CommitFault::kNone;
    const CommitFault next = faults.front();
    faults.erase(faults.begin());
    return next;
  };
  for (const char* thing : {"a", "b", "c"}) ASSERT_TRUE(Submit(*toy_, Bump(thing)).ok());
  Settle();
  clock_.Advance(absl::Seconds(5));
  Settle();
  const auto letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1u);
  EXPECT_EQ((*letters)[0].reason(), "STORE_FAILED");
  int applied = 0;
  for (const char* thing : {"a", "b", "c"}) applied += State(*follower_, thing).reopen_count();
  EXPECT_EQ(applied, 2) << "it hurts nobody else";
}

TEST_F(EngineTest, AFollowerKeepsItsEventsWhileItsStorageIsDown) {
  CommitFault fault = CommitFault::kRefused;
  follower_db_->plan = [&fault] { return fault; };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  fault = CommitFault::kNone;
  clock_.Advance(absl::Seconds(5));
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 3);
  EXPECT_TRUE(engine::ListDeadLetters(*follower_db_, "", true)->empty());
}

TEST_F(EngineTest, AnUnknownCommitIsLookedUpBeforeItIsTriedAgain) {
  for (const CommitFault unknown : {CommitFault::kUnknownDone, CommitFault::kUnknownNotDone}) {
    const size_t i = answers_.size();
    const int before = State(*toy_, "a").reopen_count();
    CommitFault fault = unknown;
    toy_db_->plan = [&fault] { return std::exchange(fault, CommitFault::kNone); };
    ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:3600")).ok());
    toy_->engine().RunOnce();
    EXPECT_FALSE(answered(i)) << "nobody may be answered before the outcome is known";
    clock_.Advance(absl::Seconds(5));
    Settle();
    EXPECT_EQ(CountIn(i), before + 1);
    EXPECT_EQ(answer(i)->remembered, unknown == CommitFault::kUnknownDone);
    EXPECT_EQ(State(*toy_, "a").reopen_count(), before + 1);
    EXPECT_EQ(State(*follower_, "a").reopen_count(), before + 1) << "and its event is published";
    EXPECT_EQ(toy_->engine().TimerCount(), 1u);
  }
}

TEST_F(EngineTest, AnOutcomeThatStaysUnknownIsToldAndResendingStoresOnce) {
  const std::string id = "11111111-1111-7111-8111-111111111111";
  toy_db_->plan = [] { return CommitFault::kUnknownNotDone; };
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  toy_->engine().RunOnce();
  EXPECT_FALSE(answered(0));
  clock_.Advance(absl::Seconds(1));
  toy_->engine().RunOnce();
  EXPECT_EQ(ErrorReason(answer(0).status()), "OUTCOME_UNKNOWN");
  toy_db_->plan = [] { return CommitFault::kNone; };
  clock_.Advance(absl::Seconds(5));
  Settle();
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Settle();
  EXPECT_EQ(CountIn(1), 1);
}

TEST_F(EngineTest, AnUnknownCommitOfEventsAppliesThemOnce) {
  for (const CommitFault unknown : {CommitFault::kUnknownDone, CommitFault::kUnknownNotDone}) {
    const int before = State(*follower_, "a").reopen_count();
    CommitFault fault = unknown;
    follower_db_->plan = [&fault] { return std::exchange(fault, CommitFault::kNone); };
    ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
    toy_->engine().RunOnce();
    follower_->engine().RunOnce();
    clock_.Advance(absl::Seconds(5));
    Settle();
    EXPECT_EQ(State(*follower_, "a").reopen_count(), before + 1);
  }
}

}  // namespace
}  // namespace watchbell
