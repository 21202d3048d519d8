// What every bus behind common/bus/bus.h must do. A backend's test file names its Backend and
// instantiates the suite:
//
//   struct MyBackend {
//     // Makes the producer's journal the source of its topics, by aggregate.
//     absl::StatusOr<std::unique_ptr<Publisher>> AddProducer(
//         const std::string& name, const journal::Reader& reader,
//         const std::map<std::string, std::string>& topic_of_aggregate);
//     std::unique_ptr<Subscriber> Subscribe(std::vector<std::string> topics, std::function<void()>
//     wake);
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
  void Join(Producer& producer) {
    auto publisher = backend_.AddProducer(producer.name(), producer.reader(),
                                          {{"widget", kWidgets}, {"gadget", kGadgets}});
    ASSERT_TRUE(publisher.ok()) << publisher.status();
    producer.Publish(std::move(*publisher));
  }
  std::unique_ptr<Subscriber> Subscribe(Consumer& consumer,
                                        std::vector<std::string> topics = {kWidgets}) {
    return backend_.Subscribe(std::move(topics), consumer.bell.Wake());
  }
  // As after a kill -9 of everything but the databases.
  void Restart() {
    producer_.Publish(nullptr);
    backend_.Restart();
  }
  static bool AtEndEverywhere(Subscriber& subscriber, const std::string& topic) {
    for (int shard = 0; shard < kDefaultShards; ++shard) {
      if (!subscriber.AtEnd(topic, shard)) return false;
    }
    return true;
  }

  // The bus outlives its publishers, the journal the bus.
  void TearDown() override { producer_.Publish(nullptr); }

  Producer producer_{"makers"};
  Backend backend_;
};
TYPED_TEST_SUITE_P(BusContract);

TYPED_TEST_P(BusContract, EveryKeyComesInOrderAndWhole) {
  this->Join(this->producer_);
  Consumer consumer;
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
  this->producer_.Store();
  this->producer_.TakeRows();
  this->Join(this->producer_);
  this->producer_.Commit("widget", {"early", "a"});
  Consumer consumer;
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
  Consumer consumer;
  consumer.Start(this->Subscribe(consumer));
  consumer.ExpectNothing();
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, 0));  // who knows
  this->Join(this->producer_);
  this->producer_.Commit("widget", {"a", "b"});
  consumer.AwaitTotal(2);
}

TYPED_TEST_P(BusContract, GoesOnAfterItsPositions) {
  this->Join(this->producer_);
  Consumer before;
  before.Start(this->Subscribe(before));
  this->producer_.CommitMany("widget", 500, 40);
  before.AwaitTotal(500);
  this->producer_.CommitMany("widget", 300, 40);
  // A part of the rest, which leaves the shards at different places.
  while (before.total() < 620) before.PollOnce(7);
  before.Leave();

  Consumer after;
  after.Inherit(before);
  after.Start(this->Subscribe(after));
  after.AwaitTotal(800);
  after.ExpectNothing();
}

TYPED_TEST_P(BusContract, GoesOnAfterARestart) {
  this->Join(this->producer_);
  Consumer before;
  before.Start(this->Subscribe(before, {kWidgets, kGadgets}));
  this->producer_.CommitMany("widget", 300, 20);
  this->producer_.CommitMany("gadget", 300, 20);
  before.AwaitTotal(400);
  before.Leave();
  this->Restart();
  // Committed, but killed before it was handed over.
  this->producer_.Add("widget", "s-1");
  this->producer_.Store();
  this->producer_.TakeRows();

  this->Join(this->producer_);
  Consumer after;
  after.Inherit(before);
  after.Start(this->Subscribe(after, {kWidgets, kGadgets}));
  this->producer_.CommitMany("widget", 50, 20);
  after.AwaitTotal(651);
  after.ExpectNothing();
}

TYPED_TEST_P(BusContract, AReaderFarBehindLosesNothing) {
  this->Join(this->producer_);
  Consumer slow, fast;
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
  Consumer consumer;
  consumer.Start(this->Subscribe(consumer));
  this->producer_.Commit("secret", {"a", "b"});
  this->producer_.Commit("widget", {"a"});
  this->producer_.Commit("secret", {"a", "c"});
  consumer.AwaitTotal(1);
  consumer.ExpectNothing();
  EXPECT_TRUE(this->AtEndEverywhere(consumer.subscriber(), kWidgets));
}

TYPED_TEST_P(BusContract, TheEndIsWhereThereIsNoMore) {
  this->Join(this->producer_);
  Consumer consumer;
  consumer.Start(this->Subscribe(consumer));
  consumer.ExpectNothing();
  EXPECT_TRUE(this->AtEndEverywhere(consumer.subscriber(), kWidgets));
  this->producer_.Commit("widget", {"a"});
  const int shard = ShardOf("a", kDefaultShards);
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard));
  EXPECT_TRUE(consumer.subscriber().AtEnd(kWidgets, (shard + 1) % kDefaultShards));
  consumer.AwaitTotal(1);
  EXPECT_TRUE(consumer.subscriber().AtEnd(kWidgets, shard));
  EXPECT_FALSE(consumer.subscriber().AtEnd(kGadgets, shard));  // not subscribed to
  // What the bus holds ready but has not given out is not the end either.
  this->producer_.Commit("widget", {"a", "a", "a"});
  while (consumer.total() < 3) {
    const size_t came = consumer.PollOnce(1);
    ASSERT_TRUE(came > 0 || consumer.bell.Wait());
    EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard));
  }
  consumer.AwaitTotal(4);
  EXPECT_TRUE(consumer.subscriber().AtEnd(kWidgets, shard));
}

TYPED_TEST_P(BusContract, RowsFromBeforeStandInTheWayOfTheEnd) {
  this->producer_.Add("widget", "a");
  this->producer_.Store();
  this->producer_.TakeRows();
  this->Join(this->producer_);
  Consumer consumer;
  consumer.Start(this->Subscribe(consumer));
  const int shard = ShardOf("a", kDefaultShards);
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard));
  consumer.AwaitTotal(1);
  consumer.ExpectNothing();
  EXPECT_TRUE(this->AtEndEverywhere(consumer.subscriber(), kWidgets));
}

TYPED_TEST_P(BusContract, NobodyIsAtTheEndWhileACommitIsUnderWay) {
  this->Join(this->producer_);
  Consumer consumer;
  consumer.Start(this->Subscribe(consumer));
  consumer.ExpectNothing();
  const int shard = ShardOf("a", kDefaultShards);
  ASSERT_TRUE(consumer.subscriber().AtEnd(kWidgets, shard));

  this->producer_.Add("widget", "a");
  this->producer_.publisher().Committing(this->producer_.NextHead());
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard));
  this->producer_.Store();
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard));
  this->producer_.publisher().Committed(this->producer_.TakeRows());
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard));
  consumer.AwaitTotal(1);
  EXPECT_TRUE(consumer.subscriber().AtEnd(kWidgets, shard));
}

TYPED_TEST_P(BusContract, AnAbandonedCommitLeavesNoTrace) {
  this->Join(this->producer_);
  Consumer consumer;
  consumer.Start(this->Subscribe(consumer));
  this->producer_.Commit("widget", {"a"});
  consumer.AwaitTotal(1);

  this->producer_.Add("widget", "a");
  this->producer_.Add("widget", "b");
  this->producer_.publisher().Committing(this->producer_.NextHead());
  this->producer_.publisher().Abandoned();
  this->producer_.Forget();
  consumer.ExpectNothing();
  EXPECT_TRUE(this->AtEndEverywhere(consumer.subscriber(), kWidgets));
  // The same sequences again, for other rows.
  this->producer_.Commit("widget", {"b", "a"});
  consumer.AwaitTotal(3);
  consumer.ExpectNothing();
}

TYPED_TEST_P(BusContract, ACommitOfUnknownOutcomeIsFoundInTheJournal) {
  this->Join(this->producer_);
  Consumer looking, late;
  looking.Start(this->Subscribe(looking));
  late.Start(this->Subscribe(late));
  this->producer_.Commit("widget", {"a"});
  looking.AwaitTotal(1);
  // It is there, but the producer was told otherwise.
  this->producer_.Add("widget", "a");
  this->producer_.publisher().Committing(this->producer_.NextHead());
  this->producer_.Store();
  this->producer_.TakeRows();
  this->producer_.publisher().Abandoned();
  EXPECT_FALSE(looking.subscriber().AtEnd(kWidgets, ShardOf("a", kDefaultShards)));
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
  Consumer consumer;
  consumer.Start(this->Subscribe(consumer));
  const auto records = consumer.subscriber().ReadStream(kWidgets, "default", "s-3", 4, 3);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 3u);
  for (size_t i = 0; i < records->size(); ++i) {
    const auto envelope = ParseEnvelope(*(*records)[i]);
    ASSERT_TRUE(envelope.ok()) << envelope.status();
    EXPECT_EQ(envelope->subject, "s-3");
    EXPECT_EQ(envelope->version, static_cast<int64_t>(i) + 5);
    EXPECT_EQ((*records)[i]->topic, kWidgets);
  }
  EXPECT_TRUE(consumer.subscriber().ReadStream(kWidgets, "other", "s-3", 0, 3)->empty());
  EXPECT_TRUE(consumer.subscriber().ReadStream(kWidgets, "default", "s-3", 10, 3)->empty());
  EXPECT_FALSE(consumer.subscriber().ReadStream(kGadgets, "default", "s-3", 0, 3).ok());
  consumer.AwaitTotal(100);  // it moved nothing
}

TYPED_TEST_P(BusContract, TwoReadersEachGetAll) {
  this->Join(this->producer_);
  Consumer one, two;
  one.Start(this->Subscribe(one));
  two.Start(this->Subscribe(two, {kWidgets, kGadgets}));
  this->producer_.CommitMany("widget", 200, 10);
  this->producer_.CommitMany("gadget", 100, 10);
  one.AwaitTotal(200);
  two.AwaitTotal(300);
  one.ExpectNothing();
  two.ExpectNothing();
}

TYPED_TEST_P(BusContract, ABusyTopicDoesNotStarveAnother) {
  this->Join(this->producer_);
  Consumer consumer;
  consumer.Start(this->Subscribe(consumer, {kWidgets, kGadgets}));
  this->producer_.CommitMany("widget", 2'000, 50);
  this->producer_.CommitMany("gadget", 20, 4);
  while (consumer.VersionOf(kGadgets, "s-3") < 5) {
    const size_t came = consumer.PollOnce(20);
    ASSERT_TRUE(came > 0 || consumer.bell.Wait());
  }
  EXPECT_LT(consumer.total(), 200);
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
      Consumer consumer;
      consumer.Start(this->Subscribe(consumer));
      while (consumer.total() < kTotal) {
        const int64_t owed = committed;
        if (consumer.subscriber().AtEnd(kWidgets, kShard)) {
          ASSERT_GE(consumer.PositionIn(kWidgets, kShard), owed);
        }
        if (consumer.PollOnce(64) == 0 && consumer.total() < kTotal) {
          ASSERT_TRUE(consumer.bell.Wait()) << consumer.total();
        }
      }
      consumer.ExpectNothing();
      ASSERT_TRUE(this->AtEndEverywhere(consumer.subscriber(), kWidgets));
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

REGISTER_TYPED_TEST_SUITE_P(BusContract, EveryKeyComesInOrderAndWhole,
                            BeginsWithTheFirstRowWithoutAPosition,
                            ASubscriberMayComeBeforeTheProducer, GoesOnAfterItsPositions,
                            GoesOnAfterARestart, AReaderFarBehindLosesNothing,
                            RowsWithoutATopicAreNotSeen, TheEndIsWhereThereIsNoMore,
                            RowsFromBeforeStandInTheWayOfTheEnd,
                            NobodyIsAtTheEndWhileACommitIsUnderWay, AnAbandonedCommitLeavesNoTrace,
                            ACommitOfUnknownOutcomeIsFoundInTheJournal,
                            AStreamCanBeReadFromItsJournal, TwoReadersEachGetAll,
                            ABusyTopicDoesNotStarveAnother, ThreadsReadWhileAnotherCommits);

}  // namespace watchbell::bus
