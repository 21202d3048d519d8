// When a shard is at its end: everything the producer has committed was given out, whatever its
// topic holds.
#include "tests/contract/kafka_fixture.h"

namespace watchbell::bus {
namespace {

class KafkaEndTest : public KafkaBusTest {
 protected:
  void SetUp() override {
    topics_.Make(kWidgets);
    Open(Options());
    Join();
  }
  // Nobody looks at the journals' heads but who is asked for an end.
  KafkaOptions Options() {
    KafkaOptions options = topics_.options();
    options.compare_every = absl::InfiniteDuration();
    return options;
  }
  // Everything anew with these.
  void Reopen(const KafkaOptions& options) {
    producer_.Publish(nullptr);
    Open(options);
    Join();
  }
  // The relay is behind for good: what is committed stays in the journal.
  void StopRelay() { producer_.publisher().Release(shard_); }
  void GoOn() { producer_.publisher().Hold(shard_, 0); }
  // Of two events the first is read; the second stays in the journal.
  void ReadAllButTheLast(Consumer& consumer) {
    consumer.Start(Subscribe(consumer));
    producer_.Commit("widget", {"a"});
    consumer.AwaitTotal(1);
    AwaitPublished();
    StopRelay();
    producer_.Commit("widget", {"a"});
  }
  // What the bus says once the producer was asked.
  bool AtEnd(Consumer& consumer) {
    const absl::Time since = clock_.Now();
    if (consumer.subscriber().AtEnd(kWidgets, shard_, since)) return true;
    return consumer.subscriber().AtEnd(kWidgets, shard_, since);
  }

  const int shard_ = ShardOf("a", kDefaultShards);
};

TEST_F(KafkaEndTest, ItIsThatOfTheJournalNotOfTheTopic) {
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer));
  producer_.Commit("widget", {"a"});
  consumer.AwaitTotal(1);
  EXPECT_TRUE(AtEnd(consumer));
  AwaitPublished();
  StopRelay();
  producer_.Commit("widget", {"a"});
  EXPECT_FALSE(AtEnd(consumer));
  EXPECT_EQ(topics_.End(kWidgets, shard_), 1);
  GoOn();
  consumer.AwaitEnd(kWidgets, shard_);
  EXPECT_EQ(consumer.total(), 2);
}

TEST_F(KafkaEndTest, ItIsKnownBeforeTheTopicIs) {
  Consumer before(true);
  before.Start(Subscribe(before));
  producer_.Commit("widget", {"a"});
  before.AwaitTotal(1);
  before.Leave();
  producer_.Publish(nullptr);
  // No broker is there.
  KafkaOptions nowhere = Options();
  nowhere.brokers = "127.0.0.1:1";
  Open(nowhere);
  Consumer after(true);
  after.Inherit(before);
  after.Start(Subscribe(after));
  EXPECT_TRUE(AtEnd(after));
  EXPECT_EQ(after.PollOnce(), 0u);
}

TEST_F(KafkaEndTest, WhileTheProducerDoesNotAnswerItIsTheTopics) {
  Consumer consumer(true);
  ReadAllButTheLast(consumer);
  journals_.reachable = false;
  consumer.AwaitEnd(kWidgets, shard_);
  EXPECT_EQ(consumer.total(), 1);
  // It is asked again for every later moment.
  journals_.reachable = true;
  EXPECT_FALSE(AtEnd(consumer));
}

TEST_F(KafkaEndTest, SilenceOfLongAgoIsNoSilence) {
  KafkaOptions options = Options();
  options.silence_counts = -absl::Hours(1);  // all of it is of long ago
  Reopen(options);
  Consumer consumer(true);
  ReadAllButTheLast(consumer);
  const absl::Time since = clock_.Now();
  journals_.reachable = false;
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard_, since));
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard_, since));
  EXPECT_EQ(topics_.End(kWidgets, shard_), 1);
  // It is asked again, and has more than the topic.
  journals_.reachable = true;
  EXPECT_FALSE(AtEnd(consumer));
  GoOn();
  consumer.AwaitEnd(kWidgets, shard_);
  EXPECT_EQ(consumer.total(), 2);
}

TEST_F(KafkaEndTest, AProducerThatStaysWithoutItsStorageIsSilent) {
  KafkaOptions options = Options();
  options.blind_limit = absl::ZeroDuration();
  Reopen(options);
  Consumer consumer(true);
  ReadAllButTheLast(consumer);
  journals_.blind = true;
  consumer.AwaitEnd(kWidgets, shard_);
  EXPECT_EQ(consumer.total(), 1);
}

TEST_F(KafkaEndTest, AProducerWithoutItsStorageIsWaitedFor) {
  KafkaOptions options = Options();
  options.blind_limit = absl::Hours(1);
  Reopen(options);
  Consumer consumer(true);
  ReadAllButTheLast(consumer);
  const absl::Time since = clock_.Now();
  journals_.blind = true;
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard_, since));
  // The topic's end, once it is known, does not count.
  consumer.AwaitTotal(1);
  EXPECT_FALSE(consumer.subscriber().AtEnd(kWidgets, shard_, since));
  journals_.blind = false;
  EXPECT_FALSE(AtEnd(consumer));
  GoOn();
  consumer.AwaitEnd(kWidgets, shard_);
  EXPECT_EQ(consumer.total(), 2);
}

TEST_F(KafkaEndTest, ARecordThatLiesIsNoEnd) {
  Consumer consumer(true);
  ReadAllButTheLast(consumer);
  for (const char* const claim : {"", "9000000000000000000"}) {
    topics_.Write(kWidgets, {"x", "not ours", {{"ce_journalsequence", claim}}, shard_});
    // What was read from the journal may come from the topic, too, before it.
    for (bool came = false; !came;) {
      const auto records = consumer.subscriber().Poll(1);
      ASSERT_TRUE(records.ok()) << records.status();
      if (records->empty()) {
        ASSERT_TRUE(consumer.bell.Wait());
      } else {
        came = records->front()->value == "not ours";
      }
    }
    EXPECT_FALSE(AtEnd(consumer));
  }
  GoOn();
  consumer.AwaitEnd(kWidgets, shard_);
  EXPECT_EQ(consumer.total(), 2);
}

TEST_F(KafkaEndTest, WhereAShardStandsIsToldWithoutARecord) {
  const TopicShard place{kWidgets, shard_};
  producer_.Commit("widget", {"a"});
  AwaitPublished();
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer));
  consumer.AwaitTotal(1);
  EXPECT_EQ(consumer.PositionIn(kWidgets, shard_), (Position{1, -1}));  // from the journal
  AwaitLive(*bus_, consumer);
  EXPECT_EQ(consumer.subscriber().Reached().at(place), (Position{1, 1}));
  consumer.subscriber().Stored({{place, {1, 1}}});
  EXPECT_EQ(consumer.subscriber().Reached().count(place), 0u);
  // Applied from elsewhere; its record comes, and says nothing new.
  producer_.Commit("widget", {"a"});
  consumer.AwaitTotal(2);
  consumer.AwaitEnd(kWidgets, shard_);
  EXPECT_EQ(consumer.subscriber().Reached().at(place), (Position{2, 2}));
}

TEST_F(KafkaEndTest, WhatNeverComesToTheTopicIsReadFromTheJournal) {
  KafkaOptions options = topics_.options();
  options.compare_every = absl::Milliseconds(20);
  Reopen(options);
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer));
  producer_.CommitMany("widget", 200, 40);
  consumer.AwaitTotal(200);
  AwaitPublished();
  for (int shard = 0; shard < kDefaultShards; ++shard) producer_.publisher().Release(shard);
  producer_.CommitMany("widget", 100, 40);
  consumer.AwaitTotal(300);
  EXPECT_EQ(CheckTopic(kWidgets, 200), 200);
  // The topic goes on, and is read again; what comes late repeats.
  for (int shard = 0; shard < kDefaultShards; ++shard) {
    producer_.publisher().Hold(shard, producer_.Relayed().at(shard));
  }
  producer_.CommitMany("widget", 100, 40);
  consumer.AwaitTotal(400);
  AwaitPublished();
  CheckTopic(kWidgets, 400);
  consumer.ExpectNothing();
}

}  // namespace
}  // namespace watchbell::bus
