// Events that are ahead of their stream wait aside until their producer has answered: nothing
// passes them that must not, and everything else goes on.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/shard.h"
#include "common/bus/event_registry.h"
#include "common/engine/dead_letters.h"
#include "gtest/gtest.h"
#include "tests/unit/common/engine_fixture.h"

namespace watchbell {
namespace {

using test::CommitFault;

class EngineDeferredTest : public test::EngineTest {
 protected:
  // The first event of `thing` is lost, the second is ahead of its stream.
  void LoseTheFirst(const std::string& thing) {
    drop_ = true;
    ASSERT_TRUE(Submit(*toy_, Bump(thing)).ok());
    Settle();
    drop_ = false;
    ASSERT_TRUE(Submit(*toy_, Bump(thing)).ok());
  }
  void ParkWithSixBehind() {
    ASSERT_TRUE(Submit(*toy_, Bump("a", "poison")).ok());
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(Submit(*toy_, Bump("a", "behind")).ok());
    Settle();
  }
  // Its only dead letter; the producer answers in chunks.
  void RetryInChunksOfTwo() {
    const auto letters = engine::ListDeadLetters(*follower_db_, "", false);
    ASSERT_EQ(letters->size(), 1u);
    subscriber_->chunk = 2;
    const auto ignore = [](const absl::StatusOr<engine::Reply>&) {};
    const std::string id = (*letters)[0].dead_letter_id();
    ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(id, false, ignore).ok());
    Settle();
  }
  // Another thing of the shard.
  static std::string BesideOf(const std::string& thing) {
    for (int i = 0;; ++i) {
      const std::string other = absl::StrCat("beside-", i);
      if (ShardOf(other, kDefaultShards) == ShardOf(thing, kDefaultShards)) return other;
    }
  }
};

TEST_F(EngineDeferredTest, AChunkThatWasCutIsNotTheEnd) {
  ParkWithSixBehind();
  follower_decider_->refuse_poison = false;
  RetryInChunksOfTwo();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 7);
}

TEST_F(EngineDeferredTest, AKeyThatIsParkedAgainIsNotAskedForForEver) {
  ParkWithSixBehind();
  RetryInChunksOfTwo();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 0);
  EXPECT_EQ(engine::ListDeadLetters(*follower_db_, "", false)->size(), 1u);
}

TEST_F(EngineDeferredTest, WhatWaitsForItsProducerIsInNobodysWay) {
  constexpr int kAhead = 700;  // more than are read at once
  drop_ = true;
  for (int i = 0; i < kAhead; ++i) ASSERT_TRUE(Submit(*toy_, Bump(absl::StrCat("t", i))).ok());
  Settle();
  drop_ = false;
  subscriber_->pending = true;
  for (int i = 0; i < kAhead; ++i) ASSERT_TRUE(Submit(*toy_, Bump(absl::StrCat("t", i))).ok());
  Settle();  // comes to rest: nothing is tried over and over
  ASSERT_TRUE(Submit(*toy_, Bump("other")).ok());
  Settle();
  EXPECT_EQ(State(*follower_, "other").reopen_count(), 1);
  subscriber_->pending = false;
  subscriber_->unreachable = true;
  clock_.Advance(absl::Seconds(1));
  Settle();
  EXPECT_FALSE(follower_->engine().ProducersHealth().ok());
  EXPECT_EQ(State(*follower_, "t0").reopen_count(), 0);
  subscriber_->unreachable = false;
  clock_.Advance(absl::Seconds(1));
  Settle();
  EXPECT_TRUE(follower_->engine().ProducersHealth().ok());
  for (int i = 0; i < kAhead; ++i) {
    EXPECT_EQ(State(*follower_, absl::StrCat("t", i)).reopen_count(), 2) << i;
  }
}

TEST_F(EngineDeferredTest, ATimerWaitsForWhatIsKnownToBeMissing) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  clock_.Set(kStart + absl::Seconds(59));
  subscriber_->pending = true;
  LoseTheFirst("a");
  Settle();
  // What comes after `due` on the shard tells nothing of what is missing.
  clock_.Set(kStart + absl::Seconds(61));
  ASSERT_TRUE(Submit(*toy_, Bump(BesideOf("a"))).ok());
  Settle();
  EXPECT_EQ(State(*follower_, BesideOf("a")).reopen_count(), 1);
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  subscriber_->pending = false;
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "2");
}

TEST_F(EngineDeferredTest, ATimerWaitsForAnEventThatIsDeferredBesideIt) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  LoseTheFirst("a");
  toy_->engine().RunOnce();
  clock_.Set(kStart + absl::Seconds(60) + absl::Milliseconds(1));
  Settle();  // both in one batch
  EXPECT_EQ(State(*follower_, "a").resolver(), "2");
}

TEST_F(EngineDeferredTest, ATimerThatHasWaitedLongEnoughFiresAllTheSame) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  subscriber_->pending = true;
  LoseTheFirst("a");
  Settle();
  clock_.Set(kStart + absl::Seconds(61));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  clock_.Set(kStart + absl::Seconds(92));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "0 ungated");
}

TEST_F(EngineDeferredTest, WhatIsRecordedInTheFutureOpensNoGate) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("model")).ok());
  Settle();
  journal::JournalRow row = (*toy_->journal().After("", 0, 1))[0];
  row.stream_id = BesideOf("a");
  row.shard = ShardOf("a", kDefaultShards);
  row.recorded_at = kStart + absl::Hours(24 * 365);
  bus::Record record = bus::ToRecord(row, "toy", test::kToyTopic);
  record.offset = 1;
  subscriber_->strays = {std::make_shared<const bus::Record>(std::move(record))};
  subscriber_->end_known_at = kStart;
  clock_.Set(kStart + absl::Seconds(60) + absl::Milliseconds(1));
  Settle();
  EXPECT_EQ(State(*follower_, BesideOf("a")).reopen_count(), 1) << "nobody knows better";
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  subscriber_->end_known_at = absl::InfiniteFuture();
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "0");
}

TEST_F(EngineDeferredTest, NoPositionPassesIt) {
  for (const bool alone : {false, true}) {
    SCOPED_TRACE(alone);
    const std::string thing = alone ? "a" : "b";
    const std::string beside = BesideOf(thing);
    LoseTheFirst(thing);
    ASSERT_TRUE(Submit(*toy_, Bump(beside)).ok());
    subscriber_->pending = true;
    // Together with what follows it, or each for itself because that could not be stored.
    CommitFault fault = alone ? CommitFault::kBroken : CommitFault::kNone;
    follower_db_->plan = [&fault] { return std::exchange(fault, CommitFault::kNone); };
    Settle();
    EXPECT_EQ(fault, CommitFault::kNone);
    // In a batch of its own, later.
    ASSERT_TRUE(Submit(*toy_, Bump(beside)).ok());
    Settle();
    follower_db_->plan = [] { return CommitFault::kNone; };
    EXPECT_EQ(State(*follower_, beside).reopen_count(), 2);
    EXPECT_EQ(State(*follower_, thing).reopen_count(), 0);
    Boot();  // a kill
    Settle();
    EXPECT_EQ(State(*follower_, thing).reopen_count(), 2);
    EXPECT_EQ(State(*follower_, beside).reopen_count(), 2);
  }
}

}  // namespace
}  // namespace watchbell
