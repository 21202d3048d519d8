// What a reader gets where a topic lacks something, holds what nobody should have written, or is
// not ours at all.
#include <algorithm>

#include "gmock/gmock.h"
#include "tests/contract/kafka_fixture.h"

namespace watchbell::bus {
namespace {

using ::testing::HasSubstr;

class KafkaReaderTest : public KafkaBusTest {
 protected:
  void SetUp() override {
    topics_.Make(kWidgets);
    Open();
  }
  // Everything that lies on the topic now is too old.
  void ExpireAll(const std::string& topic) {
    for (int shard = 0; shard < kDefaultShards; ++shard) {
      topics_.Expire(topic, shard, topics_.End(topic, shard));
    }
  }
};

TEST_F(KafkaReaderTest, AnExpiredPositionIsMadeGoodFromTheJournal) {
  Join();
  Consumer before(true);
  before.Start(Subscribe(before));
  before.PollOnce();
  producer_.CommitMany("widget", 500, 40);
  before.AwaitTotal(500);
  before.ExpectNothing();
  AwaitLive(*bus_, before);
  producer_.CommitMany("widget", 10, 40);
  before.AwaitTotal(510);
  before.Leave();
  producer_.CommitMany("widget", 400, 40);
  AwaitPublished();
  ExpireAll(kWidgets);
  producer_.CommitMany("widget", 100, 40);

  Consumer after(true);
  after.Inherit(before);
  journals_.asks = 0;
  after.Start(Subscribe(after));
  after.AwaitTotal(1'010);
  after.ExpectNothing();
  EXPECT_GT(journals_.asks, 0);
  // From here on the topic is good again.
  journals_.asks = 0;
  producer_.CommitMany("widget", 100, 40);
  after.AwaitTotal(1'110);
  EXPECT_EQ(journals_.asks, 0);
}

TEST_F(KafkaReaderTest, OneThatComesAfterTheRetentionTimeHasEverything) {
  Join();
  producer_.CommitMany("widget", 3'000, 40);
  AwaitPublished();
  ExpireAll(kWidgets);
  producer_.CommitMany("widget", 50, 40);
  Consumer late(true);
  late.Start(Subscribe(late));
  producer_.CommitMany("widget", 50, 40);
  late.AwaitTotal(3'100);
  late.ExpectNothing();
}

TEST_F(KafkaReaderTest, APositionThatNeverWasIsMadeGoodFromTheJournal) {
  Join();
  Consumer before(true);
  before.Start(Subscribe(before));
  AwaitLive(*bus_, before);
  producer_.CommitMany("widget", 300, 40);
  before.AwaitTotal(300);
  before.Leave();
  // The topic is made anew: its offsets begin again.
  AwaitPublished();
  producer_.Publish(nullptr);
  topics_.Delete(kWidgets);
  topics_.Make(kWidgets);
  Open();
  Join();
  producer_.CommitMany("widget", 20, 40);

  Consumer after(true);
  after.Inherit(before);
  after.Start(Subscribe(after));
  const int shard = ShardOf("s-1", kDefaultShards);
  ASSERT_GT(before.PositionIn(kWidgets, shard).next_offset, 5);
  // It lies beyond the end, which is not to have reached it.
  const absl::Time since = clock_.Now();
  while (after.total() < 320) {
    if (after.PollOnce() > 0) continue;
    if (after.subscriber().AtEnd(kWidgets, shard, since)) {
      EXPECT_EQ(after.VersionOf(kWidgets, "s-1"), 9);  // 8 of 300, 1 of 20
    }
    ASSERT_TRUE(after.bell.Wait()) << after.total();
  }
  after.ExpectNothing();
}

TEST_F(KafkaReaderTest, AProducerThatDoesNotAnswerKeepsOnlyItsOwnWaiting) {
  topics_.Make(kGadgets);
  Join();
  Consumer before(true);
  before.Start(Subscribe(before, {kGadgets}));
  AwaitLive(*bus_, before);
  producer_.CommitMany("gadget", 100, 40);
  before.AwaitTotal(100);
  before.Leave();
  producer_.CommitMany("widget", 200, 40);
  AwaitPublished();

  // The gadgets go on from the topic, where each shard has shown something; the widgets begin.
  journals_.reachable = false;
  Consumer after(true);
  after.Inherit(before);
  after.Start(Subscribe(after, {kGadgets, kWidgets}));
  producer_.CommitMany("gadget", 400, 40);
  int64_t known = 0;
  for (int i = 0; i < 40; ++i) {
    const int shard = ShardOf(absl::StrCat("s-", i), kDefaultShards);
    if (before.PositionIn(kGadgets, shard).next_offset >= 0) known += 10;
  }
  ASSERT_GT(known, 0);
  after.AwaitTotal(100 + known);
  EXPECT_EQ(after.VersionOf(kWidgets, "s-1"), 0);
  EXPECT_FALSE(after.AtEnd(kWidgets, 1));
  const auto refused = after.subscriber().ReadStream(kWidgets, "default", "s-1", 0, 10);
  EXPECT_TRUE(!refused.ok() || !refused->has_value());
  EXPECT_EQ(after.subscriber().ReadStream(kWidgets, "default", "s-1", 0, 10).status().code(),
            absl::StatusCode::kUnavailable);
  journals_.reachable = true;
  after.AwaitTotal(700);
  after.ExpectNothing();
}

TEST_F(KafkaReaderTest, WhatNobodyShouldHaveWrittenComesAsItIs) {
  const std::string big(1'048'576, '\xfe');
  std::vector<PlainRecord> strange = {
      {std::nullopt, std::nullopt, {}, 3},
      {"", "", {}, 3},
      {"\xff\xfe", "{}", {{"ce_id", "1"}, {"ce_id", "2"}, {"x", std::nullopt}, {"", "y"}}, 3},
      {"big", big, {{"content-type", "application/json"}}, 3},
      {"seq", "v", {{"ce_journalsequence", "12x"}}, 3},
      {"seq", "v", {{"ce_journalsequence", "12"}}, 3},
  };
  Join();
  Bell bell;
  auto subscriber = bus_->Subscribe({"readers", {kWidgets}, {}}, bell.Wake());
  for (int shard = 0; shard < kDefaultShards; ++shard)
    ASSERT_TRUE(subscriber->Hold(shard, {}).ok());
  while (!subscriber->AtEnd(kWidgets, 3, absl::UnixEpoch())) {
    ASSERT_TRUE(subscriber->Poll(10)->empty());
    const bool end = subscriber->AtEnd(kWidgets, 3, absl::UnixEpoch());
    ASSERT_TRUE(end || bell.Wait());
  }
  std::vector<RecordPtr> records;
  for (PlainRecord& record : strange) record = topics_.Write(kWidgets, record);
  while (records.size() < strange.size()) {
    const auto some = subscriber->Poll(100);
    ASSERT_TRUE(some.ok());
    records.insert(records.end(), some->begin(), some->end());
    ASSERT_TRUE(!some->empty() || records.size() == strange.size() || bell.Wait());
  }
  for (size_t i = 0; i < strange.size(); ++i) {
    const Record& record = *records[i];
    EXPECT_EQ(record.shard, 3);
    EXPECT_EQ(record.offset, strange[i].offset);
    EXPECT_EQ(record.null_key, !strange[i].key.has_value());
    EXPECT_EQ(record.key, strange[i].key.value_or(""));
    EXPECT_EQ(record.null_value, !strange[i].value.has_value());
    EXPECT_EQ(record.value, strange[i].value.value_or(""));
    ASSERT_EQ(record.headers.size(), strange[i].headers.size());
    for (size_t j = 0; j < record.headers.size(); ++j) {
      const bool null = std::count(record.null_headers.begin(), record.null_headers.end(), j) > 0;
      EXPECT_EQ(record.headers[j].first, strange[i].headers[j].first);
      EXPECT_EQ(null, !strange[i].headers[j].second.has_value());
      EXPECT_EQ(record.headers[j].second, strange[i].headers[j].second.value_or(""));
    }
    EXPECT_TRUE(record.written_at.has_value());
    EXPECT_EQ(record.sequence, i == 5 ? 12 : 0);
    EXPECT_FALSE(ParseEnvelope(record).ok());
  }
}

TEST_F(KafkaReaderTest, ARawTopicIsReadFromItsBeginningAndGoesOnAtItsOffsets) {
  topics_.Make(kRaw);
  for (int i = 0; i < 40; ++i) {
    topics_.Write(kRaw, {absl::StrCat("k-", i), absl::StrCat("v-", i), {}, -1});
  }
  topics_.Write(kRaw, {std::nullopt, "no key", {}, -1});
  topics_.Write(kRaw, {std::nullopt, std::nullopt, {}, -1});
  RawConsumer consumer;
  consumer.Start(bus_->Subscribe({"readers", {}, {kRaw}}, consumer.bell.Wake()));
  consumer.AwaitTotal(42);
  topics_.Write(kRaw, {"k-1", "more", {}, -1});
  consumer.AwaitTotal(43);
  EXPECT_EQ(consumer.records.back()->value, "more");
  consumer.Leave();
  topics_.Write(kRaw, {"k-1", "and more", {}, -1});
  consumer.Start(bus_->Subscribe({"readers", {}, {kRaw}}, consumer.bell.Wake()));
  consumer.AwaitTotal(44);
  EXPECT_EQ(consumer.records.back()->value, "and more");
}

TEST_F(KafkaReaderTest, ARawTopicMadeAnewIsReadFromItsBeginning) {
  topics_.Make(kRaw);
  const auto write = [this](const std::string& value) {
    topics_.Write(kRaw, {"a", value, {{"ce_journalsequence", "1000"}}, 7});
  };
  for (int i = 0; i < 5; ++i) write(absl::StrCat("old ", i));
  RawConsumer consumer;
  consumer.Start(bus_->Subscribe({"readers", {}, {kRaw}}, consumer.bell.Wake()));
  consumer.AwaitTotal(5);
  EXPECT_EQ(consumer.records.back()->sequence, 0) << "whatever it says of a journal";
  consumer.Leave();
  topics_.Delete(kRaw);
  topics_.Make(kRaw);
  Open();
  write("new 0");
  write("new 1");
  consumer.Start(bus_->Subscribe({"readers", {}, {kRaw}}, consumer.bell.Wake()));
  consumer.AwaitTotal(7);
  ASSERT_EQ(consumer.records.size(), 7u);
  EXPECT_EQ(consumer.records[5]->value, "new 0");
  for (const int i : {5, 6}) {
    EXPECT_EQ(consumer.records[i]->offset, i - 5);
    EXPECT_EQ(consumer.records[i]->sequence, 1) << "no repeat of the old ones";
  }
  // The count goes on where it was.
  consumer.Leave();
  write("new 2");
  consumer.Start(bus_->Subscribe({"readers", {}, {kRaw}}, consumer.bell.Wake()));
  consumer.AwaitTotal(8);
  ASSERT_EQ(consumer.records.size(), 8u);
  EXPECT_EQ(consumer.records[7]->offset, 2);
  EXPECT_EQ(consumer.records[7]->sequence, 1);
}

TEST_F(KafkaReaderTest, ARawTopicWhoseOffsetsWereLetGoIsCountedAnew) {
  topics_.Make(kRaw);
  const auto write = [this](const std::string& value) { topics_.Write(kRaw, {"a", value, {}, 7}); };
  RawConsumer consumer;
  const auto start = [&] {
    consumer.Start(bus_->Subscribe({"readers", {}, {kRaw}}, consumer.bell.Wake()));
  };
  write("old");
  start();
  consumer.AwaitTotal(1);
  consumer.Leave();
  topics_.Delete(kRaw);
  topics_.Make(kRaw);
  Open();
  // It grew past the old offset before anybody looked: only the operator knows.
  write("new 0");
  write("new 1");
  consumer.LetOffsetsGo();
  start();
  consumer.Leave();  // nothing is stored by who only looked
  start();
  consumer.AwaitTotal(3);
  ASSERT_EQ(consumer.records.size(), 3u);
  for (const int i : {1, 2}) {
    EXPECT_EQ(consumer.records[i]->offset, i - 1);
    EXPECT_EQ(consumer.records[i]->sequence, 1) << "no place of the old ones";
  }
}

TEST_F(KafkaReaderTest, WhatARawTopicHasLostIsCounted) {
  topics_.Make(kRaw);
  RawConsumer consumer;
  topics_.Write(kRaw, {"a", "1", {}, 7});
  consumer.Start(bus_->Subscribe({"readers", {}, {kRaw}}, consumer.bell.Wake()));
  consumer.AwaitTotal(1);
  consumer.Leave();
  for (int i = 2; i <= 5; ++i) topics_.Write(kRaw, {"a", absl::StrCat(i), {}, 7});
  topics_.Expire(kRaw, 7, 3);
  consumer.Start(bus_->Subscribe({"readers", {}, {kRaw}}, consumer.bell.Wake()));
  consumer.AwaitTotal(3);
  EXPECT_EQ(consumer.records[1]->value, "4");
  EXPECT_EQ(consumer.records[2]->value, "5");
  int64_t lost = 0;
  for (const KafkaStats::Lag& lag : bus_->Stats().lags) lost += lag.lost;
  EXPECT_EQ(lost, 1);
}

TEST_F(KafkaReaderTest, ATopicWithOtherPartitionsIsNotReadAndNamed) {
  topics_.Make(kGadgets, 4);
  Join();
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer, {kWidgets, kGadgets}));
  producer_.CommitMany("widget", 100, 40);
  consumer.AwaitTotal(100);
  ASSERT_TRUE(Await([this] { return !bus_->Health().ok(); }));
  EXPECT_THAT(bus_->Health().message(), HasSubstr("has 4 partitions, but there are 16 shards"));
  EXPECT_FALSE(consumer.AtEnd(kGadgets, 0));
  // Made as it should be, it is read.
  topics_.Delete(kGadgets);
  topics_.Make(kGadgets);
  producer_.CommitMany("gadget", 100, 40);
  consumer.AwaitTotal(200);
  consumer.ExpectNothing();
  EXPECT_TRUE(Await([&] {
    consumer.PollOnce();
    return bus_->Health().ok();
  })) << bus_->Health();
}

TEST_F(KafkaReaderTest, ATopicThatIsDeletedWhileItIsReadIsNamed) {
  KafkaOptions options = topics_.options();
  options.compare_every = absl::Milliseconds(100);
  Open(options);
  Join();
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer));
  producer_.CommitMany("widget", 100, 40);
  consumer.AwaitTotal(100);
  AwaitLive(*bus_, consumer);
  AwaitPublished();
  EXPECT_TRUE(bus_->Health().ok()) << bus_->Health();
  topics_.Delete(kWidgets);
  ASSERT_TRUE(Await([&] {
    consumer.PollOnce();
    return !bus_->Health().ok();
  }));
  EXPECT_THAT(bus_->Health().message(), HasSubstr(kWidgets));
  EXPECT_THAT(bus_->Health().message(), HasSubstr("does not exist"));
  // Made anew it is read, and what it lacks comes from the journal.
  topics_.Make(kWidgets);
  producer_.CommitMany("widget", 300, 40);
  AwaitPublished();  // it reaches beyond where the consumer was
  consumer.AwaitTotal(400);
  EXPECT_TRUE(Await([&] {
    consumer.PollOnce();
    return bus_->Health().ok();
  })) << bus_->Health();
}

TEST_F(KafkaReaderTest, AProducerThatDoesNotAnswerIsNamedWhileItsJournalIsWaitedFor) {
  Join();
  producer_.CommitMany("widget", 100, 40);
  AwaitPublished();
  EXPECT_TRUE(bus_->ProducersHealth().ok());
  journals_.reachable = false;
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer));
  ASSERT_TRUE(Await([this] { return !bus_->ProducersHealth().ok(); }));
  EXPECT_THAT(bus_->ProducersHealth().message(), HasSubstr(kWidgets));
  EXPECT_THAT(bus_->ProducersHealth().message(), HasSubstr("the producer does not answer"));
  EXPECT_TRUE(bus_->Health().ok()) << bus_->Health();
  journals_.reachable = true;
  EXPECT_TRUE(Await([this] { return bus_->ProducersHealth().ok(); })) << bus_->ProducersHealth();
  consumer.AwaitTotal(100);
  consumer.ExpectNothing();
}

TEST_F(KafkaReaderTest, AFullBufferStopsAPartitionAndLosesNothing) {
  topics_.Make(kGadgets);
  KafkaOptions options = topics_.options();
  options.buffer_bytes = 1;  // the least there is: a kilobyte a partition
  options.properties["max.partition.fetch.bytes"] = "2000";
  Open(options);
  Join();
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer, {kWidgets, kGadgets}));
  AwaitLive(*bus_, consumer);  // what came from the journal would fill no buffer
  // One key alone, far more than the buffer takes; another topic beside it.
  for (int i = 0; i < 3'000; ++i) {
    producer_.Add("widget", "busy");
    if (i % 500 == 499) producer_.Commit();
  }
  producer_.Commit("gadget", {"a"});
  AwaitPublished();
  while (consumer.VersionOf(kGadgets, "a") == 0) {
    const size_t came = consumer.PollOnce(1);
    ASSERT_TRUE(came > 0 || consumer.bell.Wait());
  }
  EXPECT_LT(consumer.total(), 3'001);
  consumer.AwaitTotal(3'001);
  consumer.ExpectNothing();
}

TEST_F(KafkaReaderTest, LagIsTold) {
  Join();
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer));
  AwaitLive(*bus_, consumer);
  producer_.CommitMany("widget", 500, 40);
  AwaitPublished();
  const auto lag = [this] {
    int64_t records = 0;
    for (const KafkaStats::Lag& one : bus_->Stats().lags) {
      EXPECT_EQ(one.consumer, "readers");
      EXPECT_EQ(one.topic, kWidgets);
      EXPECT_FALSE(one.catching_up);
      records += one.records;
    }
    return records;
  };
  EXPECT_TRUE(Await([&] { return lag() == 500; })) << lag();
  consumer.AwaitTotal(500);
  EXPECT_EQ(lag(), 0);
  EXPECT_TRUE(Await([this] { return bus_->Stats().backlogs[0].rows == 0; }));
}

TEST_F(KafkaReaderTest, AShardHeldAgainIsNotAnsweredWhatWasTrueBefore) {
  Join();
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer));
  const int shard = ShardOf("a", kDefaultShards);
  producer_.Commit("widget", {"a"});
  const auto answered = [&] {
    const auto answer = consumer.subscriber().ReadStream(kWidgets, "default", "a", 0, 10);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() && answer->has_value();
  };
  EXPECT_FALSE(answered());  // asked for, and answered by now
  consumer.subscriber().Release(shard);
  ASSERT_TRUE(consumer.subscriber().Hold(shard, {}).ok());
  EXPECT_FALSE(answered()) << "the answer to a question of before";
  EXPECT_TRUE(answered());
}

TEST_F(KafkaReaderTest, WhatIsStoredIsToldToLagTools) {
  Join();
  Consumer consumer(true);
  consumer.Start(Subscribe(consumer));
  consumer.subscriber().Stored({{{kWidgets, 3}, {17, 12}}, {{kWidgets, 4}, {18, -1}}});
  consumer.subscriber().Stored({{{kWidgets, 5}, {19, 7}}});
  EXPECT_TRUE(Await([this] {
    return topics_.Committed("readers", kWidgets, 3) == 12 &&
           topics_.Committed("readers", kWidgets, 5) == 7;
  }));
  EXPECT_LT(topics_.Committed("readers", kWidgets, 4), 0);
}

}  // namespace
}  // namespace watchbell::bus
