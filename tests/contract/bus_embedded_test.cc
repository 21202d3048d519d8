#include "common/bus/embedded/embedded_bus.h"

#include "tests/contract/bus_contract.h"

namespace watchbell::bus {
namespace {

struct Embedded {
  static constexpr bool kAtLeastOnce = false;
  explicit Embedded(JournalSource&) {}
  Bus& bus() { return *bus_; }
  void AwaitPublished(Producer&) {}
  void Restart() { bus_ = std::make_unique<EmbeddedBus>(kDefaultShards); }

 private:
  std::unique_ptr<EmbeddedBus> bus_ = std::make_unique<EmbeddedBus>(kDefaultShards);
};

INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, BusContract, Embedded);

// Counts the reads of another database, and fails them on demand.
class WatchedDatabase : public db::Database {
 public:
  explicit WatchedDatabase(db::Database& inner) : inner_(inner) {}

  absl::StatusOr<std::unique_ptr<db::Transaction>> Begin() override { return inner_.Begin(); }
  absl::StatusOr<std::vector<db::Row>> Read(absl::string_view sql,
                                            absl::Span<const db::Value> params) override {
    ++reads;
    if (broken) return absl::UnavailableError("no disk");
    return inner_.Read(sql, params);
  }
  absl::Status RunScript(absl::string_view sql) override { return inner_.RunScript(sql); }
  absl::Status Maintain(bool idle) override { return inner_.Maintain(idle); }

  int reads = 0;
  bool broken = false;

 private:
  db::Database& inner_;
};

class EmbeddedBusTest : public ::testing::Test {
 protected:
  void Join(const std::map<std::string, std::string>& topics = {{"widget", kWidgets}}) {
    auto publisher = bus_.AddProducer(producer_.name(), reader_, topics);
    ASSERT_TRUE(publisher.ok()) << publisher.status();
    producer_.Publish(std::move(*publisher));
  }
  void Start(Consumer& consumer) {
    consumer.Start(bus_.Subscribe({"readers", {kWidgets}, {}}, consumer.bell.Wake()));
  }
  void TearDown() override { producer_.Publish(nullptr); }

  Producer producer_{"makers"};
  WatchedDatabase watched_{producer_.database()};
  journal::Reader reader_{watched_};
  EmbeddedBus bus_{kDefaultShards};
};

TEST_F(EmbeddedBusTest, CatchingUpReadsEachRowOnceAndThenTheJournalNoMore) {
  Join();
  producer_.CommitMany("widget", 5'000, 100);
  Consumer consumer;
  Start(consumer);
  watched_.reads = 0;
  while (consumer.total() < 5'000) ASSERT_GT(consumer.PollOnce(10), 0u);
  // A chunk is 256 rows, and each shard needs one look to see that there is no more.
  EXPECT_LE(watched_.reads, 5'000 / 256 + 2 * kDefaultShards);
  watched_.reads = 0;
  for (int i = 0; i < 100; ++i) {
    producer_.Commit("widget", {"s-1"});
    EXPECT_EQ(consumer.PollOnce(), 1u);
    EXPECT_TRUE(consumer.AtEnd(kWidgets, ShardOf("s-1", kDefaultShards)));
  }
  EXPECT_EQ(watched_.reads, 0);
}

TEST_F(EmbeddedBusTest, ShardsThatStandStillCostNothing) {
  Join();
  Consumer consumer;
  Start(consumer);
  producer_.Commit("widget", {"old"});
  consumer.AwaitTotal(1);
  watched_.reads = 0;
  // One shard far over the tail's length, the others as they were: none of them looks into the
  // journal again.
  for (int i = 0; i < 10'000; ++i) {
    producer_.Add("widget", "busy");
    if (i % 500 != 499) continue;
    producer_.Commit();
    while (consumer.PollOnce(512) > 0) {
    }
  }
  EXPECT_EQ(consumer.total(), 10'001);
  EXPECT_EQ(watched_.reads, 0);
}

TEST_F(EmbeddedBusTest, AJournalThatCannotBeReadIsUnavailableAndNothingIsLost) {
  Join();
  producer_.CommitMany("widget", 600, 1);
  Consumer consumer;
  Start(consumer);
  watched_.broken = true;
  EXPECT_EQ(consumer.subscriber().Poll(10).status().code(), absl::StatusCode::kUnavailable);
  watched_.broken = false;
  consumer.AwaitTotal(200);
  // What was read before the trouble is still given out.
  watched_.broken = true;
  consumer.AwaitTotal(256);
  EXPECT_EQ(consumer.subscriber().Poll(10).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(consumer.AtEnd(kWidgets, ShardOf("s-0", kDefaultShards)));
  watched_.broken = false;
  consumer.AwaitTotal(600);
  consumer.ExpectNothing();
}

TEST_F(EmbeddedBusTest, SeveralAggregatesOfOneTopicComeInJournalOrder) {
  Join({{"widget", kWidgets}, {"part", kWidgets}, {"gadget", kGadgets}});
  // Other streams of the same shard, so that order in the shard shows; more than one chunk.
  std::vector<std::string> parts;
  for (int i = 0; parts.size() < 3; ++i) {
    const std::string id = absl::StrCat("part-", i);
    if (ShardOf(id, kDefaultShards) == ShardOf("w", kDefaultShards)) parts.push_back(id);
  }
  for (int i = 0; i < 400; ++i) {
    producer_.Add("widget", "w");
    producer_.Add("part", parts[i % 3]);
    if (i % 10 == 0) producer_.Add("part", parts[0]);
  }
  producer_.Commit();
  Consumer consumer;  // checks that positions only grow
  Start(consumer);
  consumer.AwaitTotal(840);
  consumer.ExpectNothing();
  EXPECT_EQ(consumer.VersionOf(kWidgets, "w"), 400);
  const auto stream = consumer.subscriber().ReadStream(kWidgets, "default", parts[1], 0, 5);
  ASSERT_TRUE(stream.ok() && stream->has_value());
  EXPECT_EQ((*stream)->size(), 5u);
}

TEST_F(EmbeddedBusTest, AProducerMayGoAndComeBack) {
  Join();
  Consumer consumer;
  Start(consumer);
  producer_.Commit("widget", {"a"});
  consumer.AwaitTotal(1);
  producer_.Publish(nullptr);
  EXPECT_EQ(consumer.PollOnce(), 0u);
  EXPECT_FALSE(consumer.AtEnd(kWidgets, 0));
  EXPECT_EQ(consumer.subscriber().ReadStream(kWidgets, "default", "a", 0, 1).status().code(),
            absl::StatusCode::kUnavailable);
  // Died between its commit and the handing over.
  producer_.Add("widget", "a");
  producer_.StoreSilently();
  Join();
  producer_.Commit("widget", {"a"});
  consumer.AwaitTotal(3);
  consumer.ExpectNothing();
  EXPECT_TRUE(consumer.AtEnd(kWidgets, ShardOf("a", kDefaultShards)));
}

TEST_F(EmbeddedBusTest, RowsHandedOverTwiceComeOnce) {
  Join();
  Consumer consumer;
  Start(consumer);
  consumer.ExpectNothing();
  producer_.Add("widget", "a");
  producer_.Add("widget", "a");
  producer_.Store();
  const std::vector<journal::JournalRow> rows = producer_.TakeRows();
  producer_.publisher().Committed(rows, 0, 2);
  producer_.publisher().Committed(rows, 0, 2);
  consumer.AwaitTotal(2);
  consumer.ExpectNothing();
}

TEST_F(EmbeddedBusTest, NobodyIsAtTheEndWhileACommitIsUnderWay) {
  Join();
  Consumer consumer;
  Start(consumer);
  consumer.ExpectNothing();
  const int shard = ShardOf("a", kDefaultShards);
  ASSERT_TRUE(consumer.AtEnd(kWidgets, shard));

  producer_.Add("widget", "a");
  producer_.publisher().Committing();
  EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  producer_.Store();
  EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  producer_.HandOver();
  EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  consumer.AwaitTotal(1);
  EXPECT_TRUE(consumer.AtEnd(kWidgets, shard));
}

TEST_F(EmbeddedBusTest, WhatIsCommittedIsNotTheEndAtOnce) {
  Join();
  Consumer consumer;
  Start(consumer);
  consumer.ExpectNothing();
  const int shard = ShardOf("a", kDefaultShards);
  producer_.Commit("widget", {"a"});
  EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  EXPECT_TRUE(consumer.AtEnd(kWidgets, (shard + 1) % kDefaultShards));
  // A commit whose outcome was not known turns out to be there.
  consumer.AwaitTotal(1);
  producer_.Add("widget", "a");
  producer_.publisher().Committing();
  producer_.StoreSilently();
  producer_.publisher().Abandoned();
  EXPECT_FALSE(consumer.AtEnd(kWidgets, shard));
  consumer.AwaitTotal(2);
}

TEST_F(EmbeddedBusTest, OneLookSharesWhatItTakesAmongTheTopics) {
  Join({{"widget", kWidgets}, {"gadget", kGadgets}});
  Consumer consumer;
  consumer.Start(bus_.Subscribe({"readers", {kWidgets, kGadgets}, {}}, nullptr));
  producer_.CommitMany("widget", 100, 1);
  producer_.CommitMany("gadget", 15, 1);
  EXPECT_EQ(consumer.PollOnce(20), 20u);
  EXPECT_EQ(consumer.VersionOf(kWidgets, "s-0"), 10);
  EXPECT_EQ(consumer.VersionOf(kGadgets, "s-0"), 10);
  // What one topic leaves goes to the other.
  EXPECT_EQ(consumer.PollOnce(40), 40u);
  EXPECT_EQ(consumer.VersionOf(kWidgets, "s-0"), 45);
  EXPECT_EQ(consumer.VersionOf(kGadgets, "s-0"), 15);
}

TEST_F(EmbeddedBusTest, ATopicHasOneProducer) {
  Join();
  EXPECT_EQ(bus_.AddProducer("others", reader_, {{"widget", kWidgets}}).status().code(),
            absl::StatusCode::kAlreadyExists);
  Consumer consumer;
  Start(consumer);
  producer_.Commit("widget", {"a"});
  consumer.AwaitTotal(1);
}

TEST_F(EmbeddedBusTest, SomebodyWhoAskedDuringACommitIsWokenAfterIt) {
  Join();
  Consumer consumer;
  Start(consumer);
  consumer.ExpectNothing();
  producer_.Add("secret", "a");  // goes to no topic
  producer_.publisher().Committing();
  EXPECT_FALSE(consumer.AtEnd(kWidgets, 0));
  producer_.Store();
  producer_.HandOver();
  EXPECT_TRUE(consumer.bell.Wait());
  EXPECT_TRUE(consumer.AtEnd(kWidgets, 0));
}

}  // namespace
}  // namespace watchbell::bus
