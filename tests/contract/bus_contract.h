// What every bus behind common/bus/bus.h must do. A backend's test file names its Backend and
// instantiates the suite:
//
//   struct MyBackend {
//     // True: a record may come again, and what was committed is on the topic a little later.
//     static constexpr bool kAtLeastOnce = ...;
//     explicit MyBackend(JournalSource& journals);
//     Bus& bus();
//     // Returns when what the producer committed can be polled.
//     void AwaitPublished(Producer& producer);
//     // What a kill -9 and a new start leave of it. Publishers and subscribers are gone before.
//     void Restart();
//   };
#pragma once

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "tests/contract/bus_fixture.h"

namespace watchbell::bus {

template <typename Backend>
class BusContract : public ::testing::Test {
 protected:
  static constexpr bool kRepeats = Backend::kAtLeastOnce;

  void Join(Producer& producer) {
    auto publisher = backend_.bus().AddProducer(producer.name(), producer.reader(),
                                                {{"widget", kWidgets}, {"gadget", kGadgets}});
    ASSERT_TRUE(publisher.ok()) << publisher.status();
    producer.Publish(std::move(*publisher), {"widget", "gadget"});
    journals_.Add(kWidgets, producer, {"widget"});
    journals_.Add(kGadgets, producer, {"gadget"});
  }
  std::unique_ptr<Subscriber> Subscribe(Consumer& consumer,
                                        std::vector<std::string> topics = {kWidgets}) {
    return backend_.bus().Subscribe({"readers", std::move(topics), {}}, consumer.bell.Wake());
  }
  // As after a kill -9 of everything but the databases.
  void Restart() {
    producer_.Publish(nullptr);
    backend_.Restart();
  }
  void AwaitPublished() { backend_.AwaitPublished(producer_); }
  static void AwaitEndEverywhere(Consumer& consumer, const std::string& topic) {
    for (int shard = 0; shard < kDefaultShards; ++shard) consumer.AwaitEnd(topic, shard);
  }
  // The answer to ReadStream, when it has come.
  static absl::StatusOr<std::vector<RecordPtr>> AwaitStream(Consumer& consumer,
                                                            const std::string& topic,
                                                            const std::string& tenant,
                                                            const std::string& stream_id,
                                                            int64_t after_version, int limit) {
    while (true) {
      auto answer =
          consumer.subscriber().ReadStream(topic, tenant, stream_id, after_version, limit);
      if (!answer.ok()) return answer.status();
      if (answer->has_value()) return **std::move(answer);
      if (!consumer.bell.Wait()) return absl::DeadlineExceededError("no wake-up came");
    }
  }

  // The bus outlives its publishers, the journal the bus.
  void TearDown() override { producer_.Publish(nullptr); }

  Producer producer_{"makers"};
  JournalBook journals_;
  Backend backend_{journals_};
};
TYPED_TEST_SUITE_P(BusContract);

TYPED_TEST_P(BusContract, EveryKeyComesInOrderAndWhole) {
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  this->producer_.CommitMany("widget", 1'000, 37);
  consumer.AwaitTotal(1'000);
  consumer.ExpectNothing();
  EXPECT_EQ(consumer.VersionOf(kWidgets, "s-0"), 28);
  EXPECT_EQ(consumer.VersionOf(kWidgets, "s-36"), 27);
}

TYPED_TEST_P(BusContract, BeginsWithTheFirstRowWithoutAPosition) {
  // Some before the producer joins, some after, some after the subscriber came.
  this->producer_.Add("widget", "early");
  this->producer_.StoreSilently();
  this->Join(this->producer_);
  this->producer_.Commit("widget", {"early", "a"});
  Consumer consumer(this->kRepeats);
  auto subscriber = this->Subscribe(consumer);
  this->producer_.Commit("widget", {"early", "b"});
  consumer.Start(std::move(subscriber));
  consumer.AwaitTotal(5);
  this->producer_.Commit("widget", {"early"});
  consumer.AwaitTotal(6);
  consumer.ExpectNothing();
  EXPECT_EQ(consumer.VersionOf(kWidgets, "early"), 4);
}

TYPED_TEST_P(BusContract, ASubscriberMayComeBeforeTheProducer) {
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  EXPECT_EQ(consumer.PollOnce(), 0u);
  EXPECT_FALSE(consumer.AtEnd(kWidgets, 0));  // who knows
  this->Join(this->producer_);
  this->producer_.Commit("widget", {"a", "b"});
  consumer.AwaitTotal(2);
}

TYPED_TEST_P(BusContract, GoesOnAfterItsPositions) {
  this->Join(this->producer_);
  Consumer before(this->kRepeats);
  before.Start(this->Subscribe(before));
  this->producer_.CommitMany("widget", 500, 40);
  before.AwaitTotal(500);
  this->producer_.CommitMany("widget", 300, 40);
  this->AwaitPublished();
  // A part of the rest, which leaves the shards at different places.
  while (before.total() < 620) {
    const size_t came = before.PollOnce(7);
    ASSERT_TRUE(came > 0 || before.bell.Wait());
  }
  before.Leave();

  Consumer after(this->kRepeats);
  after.Inherit(before);
  after.Start(this->Subscribe(after));
  after.AwaitTotal(800);
  after.ExpectNothing();
}

TYPED_TEST_P(BusContract, GoesOnAfterARestart) {
  this->Join(this->producer_);
  Consumer before(this->kRepeats);
  before.Start(this->Subscribe(before, {kWidgets, kGadgets}));
  this->producer_.CommitMany("widget", 300, 20);
  this->producer_.CommitMany("gadget", 300, 20);
  before.AwaitTotal(400);
  before.Leave();
  this->Restart();
  // Committed, but killed before it was handed over.
  this->producer_.Add("widget", "s-1");
  this->producer_.StoreSilently();

  this->Join(this->producer_);
  Consumer after(this->kRepeats);
  after.Inherit(before);
  after.Start(this->Subscribe(after, {kWidgets, kGadgets}));
  this->producer_.CommitMany("widget", 50, 20);
  after.AwaitTotal(651);
  after.ExpectNothing();
}

TYPED_TEST_P(BusContract, AReaderFarBehindLosesNothing) {
  this->Join(this->producer_);
  Consumer slow(this->kRepeats), fast(this->kRepeats);
  slow.Start(this->Subscribe(slow));
  fast.Start(this->Subscribe(fast));
  this->producer_.CommitMany("widget", 100, 50);
  slow.AwaitTotal(60);
  fast.AwaitTotal(100);
  // More than any bus keeps at hand; the slow one looks in now and then.
  for (int round = 0; round < 6; ++round) {
    this->producer_.CommitMany("widget", 3'000, 50);
    slow.PollOnce(10);
    fast.AwaitTotal(100 + (round + 1) * 3'000);
  }
  slow.AwaitTotal(18'100);
  slow.ExpectNothing();
  fast.ExpectNothing();
  this->producer_.CommitMany("widget", 10, 50);
  slow.AwaitTotal(18'110);
}

TYPED_TEST_P(BusContract, RowsWithoutATopicAreNotSeen) {
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  this->producer_.Commit("secret", {"a", "b"});
  this->producer_.Commit("widget", {"a"});
  this->producer_.Commit("secret", {"a", "c"});
  consumer.AwaitTotal(1);
  this->AwaitPublished();
  consumer.ExpectNothing();
}

TYPED_TEST_P(BusContract, TheEndIsWhereThereIsNoMore) {
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  this->AwaitEndEverywhere(consumer, kWidgets);
  this->producer_.Commit("widget", {"a"});
  this->AwaitPublished();
  const int shard = ShardOf("a", kDefaultShards);
  EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  EXPECT_EQ(consumer.total(), 0);
  consumer.AwaitEnd(kWidgets, (shard + 1) % kDefaultShards);
  consumer.AwaitEnd(kWidgets, shard);
  EXPECT_EQ(consumer.total(), 1);
  EXPECT_FALSE(consumer.AtEnd(kGadgets, shard));  // not subscribed to
  // What the bus holds ready but has not given out is not the end either.
  this->producer_.Commit("widget", {"a", "a", "a"});
  this->AwaitPublished();
  while (consumer.total() < 3) {
    const size_t came = consumer.PollOnce(1);
    ASSERT_TRUE(came > 0 || consumer.bell.Wait());
    EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  }
  consumer.AwaitTotal(4);
  consumer.AwaitEnd(kWidgets, shard);
}

TYPED_TEST_P(BusContract, AnOldAnswerAboutTheEndIsNone) {
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  const int shard = ShardOf("a", kDefaultShards);
  for (int64_t i = 1; i <= 20; ++i) {
    consumer.AwaitEnd(kWidgets, shard);
    this->producer_.Commit("widget", {"a"});
    this->AwaitPublished();
    // It was at the end a moment ago.
    EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
    consumer.AwaitEnd(kWidgets, shard);
    EXPECT_EQ(consumer.total(), i);
  }
}

TYPED_TEST_P(BusContract, RowsFromBeforeStandInTheWayOfTheEnd) {
  this->producer_.Add("widget", "a");
  this->producer_.StoreSilently();
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  const int shard = ShardOf("a", kDefaultShards);
  EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  consumer.AwaitEnd(kWidgets, shard);
  EXPECT_EQ(consumer.total(), 1);
  consumer.ExpectNothing();
}

TYPED_TEST_P(BusContract, AnAbandonedCommitLeavesNoTrace) {
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  this->producer_.Commit("widget", {"a"});
  consumer.AwaitTotal(1);

  this->producer_.Add("widget", "a");
  this->producer_.Add("widget", "b");
  this->producer_.publisher().Committing();
  this->producer_.publisher().Abandoned();
  this->producer_.Forget();
  consumer.ExpectNothing();
  // The same sequences again, for other rows.
  this->producer_.Commit("widget", {"b", "a"});
  consumer.AwaitTotal(3);
  consumer.ExpectNothing();
}

TYPED_TEST_P(BusContract, ACommitOfUnknownOutcomeIsFoundInTheJournal) {
  this->Join(this->producer_);
  Consumer looking(this->kRepeats), late(this->kRepeats);
  looking.Start(this->Subscribe(looking));
  late.Start(this->Subscribe(late));
  this->producer_.Commit("widget", {"a"});
  looking.AwaitTotal(1);
  // It is there, but the producer was told otherwise.
  this->producer_.Add("widget", "a");
  this->producer_.publisher().Committing();
  this->producer_.StoreSilently();
  this->producer_.publisher().Abandoned();
  looking.AwaitTotal(2);
  this->producer_.Commit("widget", {"a"});
  looking.AwaitTotal(3);
  late.AwaitTotal(3);
  looking.ExpectNothing();
  late.ExpectNothing();
}

TYPED_TEST_P(BusContract, AStreamCanBeReadFromItsJournal) {
  this->Join(this->producer_);
  this->producer_.CommitMany("widget", 100, 10);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  const auto records = this->AwaitStream(consumer, kWidgets, "default", "s-3", 4, 3);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 3u);
  for (size_t i = 0; i < records->size(); ++i) {
    const auto envelope = ParseEnvelope(*(*records)[i]);
    ASSERT_TRUE(envelope.ok()) << envelope.status();
    EXPECT_EQ(envelope->subject, "s-3");
    EXPECT_EQ(envelope->version, static_cast<int64_t>(i) + 5);
    EXPECT_EQ((*records)[i]->topic, kWidgets);
    EXPECT_EQ((*records)[i]->sequence, envelope->journal_sequence);
    EXPECT_EQ((*records)[i]->offset, -1);
  }
  EXPECT_TRUE(this->AwaitStream(consumer, kWidgets, "other", "s-3", 0, 3)->empty());
  EXPECT_TRUE(this->AwaitStream(consumer, kWidgets, "default", "s-3", 10, 3)->empty());
  // Asked again, it is read again.
  this->producer_.Commit("widget", {"s-3"});
  EXPECT_EQ(this->AwaitStream(consumer, kWidgets, "default", "s-3", 10, 3)->size(), 1u);
  EXPECT_FALSE(consumer.subscriber().ReadStream(kGadgets, "default", "s-3", 0, 3).ok());
  consumer.AwaitTotal(101);  // it moved nothing
}

TYPED_TEST_P(BusContract, TwoReadersEachGetAll) {
  this->Join(this->producer_);
  Consumer one(this->kRepeats), two(this->kRepeats);
  one.Start(this->Subscribe(one));
  two.Start(this->Subscribe(two, {kWidgets, kGadgets}));
  this->producer_.CommitMany("widget", 200, 10);
  this->producer_.CommitMany("gadget", 100, 10);
  one.AwaitTotal(200);
  two.AwaitTotal(300);
  one.ExpectNothing();
  two.ExpectNothing();
}

TYPED_TEST_P(BusContract, ShardsMoveFromOneReaderToAnother) {
  this->Join(this->producer_);
  std::set<int> low, high;
  for (int shard = 0; shard < kDefaultShards; ++shard) (shard < 8 ? low : high).insert(shard);
  Consumer one(this->kRepeats), two(this->kRepeats);
  one.Start(this->Subscribe(one), low);
  two.Start(this->Subscribe(one), high);  // rings the same bell
  for (int round = 0; round < 6; ++round) {
    this->producer_.CommitMany("widget", 300, 60);
    // Looks in half-way: something lies ready when the shards go.
    one.PollOnce(20);
    two.PollOnce(20);
    for (const int shard : low) one.Release(shard);
    for (const int shard : high) two.Release(shard);
    one.TakeOver(two, high);
    two.TakeOver(one, low);
    for (const int shard : high) one.Hold(shard);
    for (const int shard : low) two.Hold(shard);
    std::swap(low, high);
  }
  while (one.total() + two.total() < 1'800) {
    if (one.PollOnce() + two.PollOnce() > 0) continue;
    ASSERT_TRUE(one.bell.Wait()) << one.total() << " and " << two.total();
  }
  EXPECT_EQ(one.total() + two.total(), 1'800);
}

TYPED_TEST_P(BusContract, AReleasedShardIsSilent) {
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer));
  const int shard = ShardOf("a", kDefaultShards);
  ASSERT_NE(shard, ShardOf("b", kDefaultShards));
  this->producer_.Commit("widget", {"a", "a"});
  consumer.AwaitTotal(2);
  this->producer_.Commit("widget", {"a", "a", "a"});
  this->AwaitPublished();
  consumer.PollOnce(1);
  consumer.Release(shard);
  const int64_t before = consumer.total();
  this->producer_.Commit("widget", {"a", "b"});
  this->AwaitPublished();
  EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  consumer.AwaitTotal(before + 1);  // b
  EXPECT_EQ(consumer.VersionOf(kWidgets, "b"), 1);
  // Held again, it goes on where it was.
  consumer.Hold(shard);
  consumer.AwaitTotal(7);
  consumer.ExpectNothing();
}

TYPED_TEST_P(BusContract, ABusyTopicDoesNotStarveAnother) {
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  consumer.Start(this->Subscribe(consumer, {kWidgets, kGadgets}));
  this->AwaitEndEverywhere(consumer, kWidgets);
  this->AwaitEndEverywhere(consumer, kGadgets);
  this->producer_.CommitMany("widget", 2'000, 50);
  this->producer_.CommitMany("gadget", 20, 4);
  this->AwaitPublished();
  while (consumer.VersionOf(kGadgets, "s-3") < 5) {
    const size_t came = consumer.PollOnce(20);
    ASSERT_TRUE(came > 0 || consumer.bell.Wait());
  }
  // What a broker sends first is its own business.
  if constexpr (!TypeParam::kAtLeastOnce) {
    EXPECT_LT(consumer.total(), 200);
  }
  consumer.AwaitTotal(2'020);
}

TYPED_TEST_P(BusContract, ThreadsReadWhileAnotherCommits) {
  this->Join(this->producer_);
  constexpr int kTotal = 12'000;
  constexpr int kShard = 5;
  std::atomic<int64_t> committed{0};  // last sequence of the shard whose commit is over
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([this, &committed] {
      Consumer consumer(this->kRepeats);
      consumer.Start(this->Subscribe(consumer));
      while (consumer.total() < kTotal) {
        const int64_t owed = TypeParam::kAtLeastOnce ? 0 : committed.load();
        if (consumer.AtEnd(kWidgets, kShard)) {
          ASSERT_GE(consumer.PositionIn(kWidgets, kShard).sequence, owed);
        }
        if (consumer.PollOnce(64) == 0 && consumer.total() < kTotal) {
          ASSERT_TRUE(consumer.bell.Wait()) << consumer.total();
        }
      }
      consumer.ExpectNothing();
    });
  }
  int64_t last = 0;
  for (int i = 0; i < kTotal; ++i) {
    const std::string stream = absl::StrCat("s-", i % 97);
    this->producer_.Add("widget", stream);
    if (ShardOf(stream, kDefaultShards) == kShard) last = i + 1;
    if (i % 40 == 39) {
      this->producer_.Commit();
      committed = last;
    }
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(last, 0);
}

TYPED_TEST_P(BusContract, AShardThatDoesNotExistIsRefused) {
  this->Join(this->producer_);
  Consumer consumer(this->kRepeats);
  auto subscriber = this->Subscribe(consumer);
  EXPECT_EQ(subscriber->Hold(kDefaultShards, {}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(subscriber->Hold(-1, {}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(subscriber->Hold(kDefaultShards - 1, {{kWidgets, {1, -1}}}).ok());
  EXPECT_TRUE(subscriber->Poll(1)->empty());
}

REGISTER_TYPED_TEST_SUITE_P(
    BusContract, EveryKeyComesInOrderAndWhole, BeginsWithTheFirstRowWithoutAPosition,
    ASubscriberMayComeBeforeTheProducer, GoesOnAfterItsPositions, GoesOnAfterARestart,
    AReaderFarBehindLosesNothing, RowsWithoutATopicAreNotSeen, TheEndIsWhereThereIsNoMore,
    AnOldAnswerAboutTheEndIsNone, RowsFromBeforeStandInTheWayOfTheEnd,
    AnAbandonedCommitLeavesNoTrace, ACommitOfUnknownOutcomeIsFoundInTheJournal,
    AStreamCanBeReadFromItsJournal, TwoReadersEachGetAll, ShardsMoveFromOneReaderToAnother,
    AReleasedShardIsSilent, ABusyTopicDoesNotStarveAnother, ThreadsReadWhileAnotherCommits,
    AShardThatDoesNotExistIsRefused);

}  // namespace watchbell::bus
