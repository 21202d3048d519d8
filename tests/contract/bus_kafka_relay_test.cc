// How a journal gets onto the topics, as a plain client sees them.
#include <algorithm>

#include "common/bus/dead_letter_record.h"
#include "gmock/gmock.h"
#include "tests/contract/kafka_fixture.h"
#include "watchbell/events/v1/dead_letters.pb.h"

namespace watchbell::bus {
namespace {

using ::testing::HasSubstr;

// Counts the reads of another database.
class CountedDatabase : public db::Database {
 public:
  explicit CountedDatabase(db::Database& inner) : inner_(inner) {}
  absl::StatusOr<std::unique_ptr<db::Transaction>> Begin() override { return inner_.Begin(); }
  absl::StatusOr<std::vector<db::Row>> Read(absl::string_view sql,
                                            absl::Span<const db::Value> params) override {
    ++reads;
    return inner_.Read(sql, params);
  }
  absl::Status RunScript(absl::string_view sql) override { return inner_.RunScript(sql); }
  absl::Status Maintain(bool idle) override { return inner_.Maintain(idle); }

  std::atomic<int> reads{0};

 private:
  db::Database& inner_;
};

class KafkaRelayTest : public KafkaBusTest {
 protected:
  void SetUp() override {
    topics_.Make(kWidgets);
    topics_.Make(kGadgets);
    Open();
  }
};

TEST_F(KafkaRelayTest, ARecordIsItsRowByteForByteWhereEveryProducerWouldPutIt) {
  Join();
  const std::vector<std::string> keys = {"w-1", "Zoë 100% 🙂",     "a\nb\tc\x7f", "\xff\xfe",
                                         "x",   std::string(300, 'k')};
  std::vector<journal::JournalRow> rows;
  for (const std::string& key : keys) {
    journal::JournalRow row = journal::MakeRow(1, "widget", key, 1);
    row.tenant = key;
    row.actor = key;
    row.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    row.payload = std::string("\0\1\2 bytes", 9);
    if (key == "x") row.payload.clear();  // empty, which is not nothing
    rows.push_back(row);
    producer_.Add(row);
  }
  producer_.Commit();
  AwaitPublished();
  const std::vector<PlainRecord> records = topics_.ReadAll(kWidgets);
  ASSERT_EQ(records.size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    auto found = std::find_if(records.begin(), records.end(),
                              [&](const PlainRecord& record) { return record.key == keys[i]; });
    ASSERT_NE(found, records.end()) << keys[i];
    rows[i].sequence = static_cast<int64_t>(i) + 1;
    const Record expected = ToRecord(rows[i], "makers", kWidgets);
    EXPECT_EQ(found->value, expected.value);
    ASSERT_EQ(found->headers.size(), expected.headers.size());
    for (size_t j = 0; j < expected.headers.size(); ++j) {
      EXPECT_EQ(found->headers[j].first, expected.headers[j].first);
      EXPECT_EQ(found->headers[j].second, expected.headers[j].second);
    }
    EXPECT_EQ(found->headers.back().first, "ce_correlationid");
    EXPECT_EQ(found->partition, ShardOf(keys[i], kDefaultShards));
    // The partitioner of librdkafka and of the Java client.
    EXPECT_EQ(found->partition, topics_.Write(kGadgets, {keys[i], "v", {}, -1}).partition);
  }
}

TEST_F(KafkaRelayTest, AfterAnAbruptEndItGoesOnWhereItWasAcknowledged) {
  Join();
  for (int round = 0; round < 5; ++round) {
    producer_.CommitMany("widget", 400, 23);
    // Stored at some moment; what came after is published again.
    producer_.Relayed();
    producer_.CommitMany("widget", 100, 23);
    producer_.Publish(nullptr);
    producer_.Add("widget", "s-1");
    producer_.StoreSilently();
    Join();
  }
  AwaitPublished();
  EXPECT_GE(CheckTopic(kWidgets, 5 * 501), 5 * 501);
}

TEST_F(KafkaRelayTest, NothingIsPublishedTwiceWithoutNeed) {
  Join();
  producer_.CommitMany("widget", 2'000, 50);
  AwaitPublished();
  // All is stored as relayed: a new start has nothing to do.
  producer_.Publish(nullptr);
  Join();
  producer_.Commit("widget", {"s-1"});
  AwaitPublished();
  EXPECT_EQ(CheckTopic(kWidgets, 2'001), 2'001);
}

TEST_F(KafkaRelayTest, ShardsWithNothingToPublishMoveToo) {
  Join();
  for (int i = 0; i < 3'000; ++i) {
    producer_.Add("widget", "busy");
    if (i % 100 == 99) producer_.Commit();
  }
  AwaitPublished();
  const int busy = ShardOf("busy", kDefaultShards);
  EXPECT_TRUE(Await([this, busy] {
    const std::map<int, int64_t>& relayed = producer_.Relayed();
    for (int shard = 0; shard < kDefaultShards; ++shard) {
      if (relayed.at(shard) < (shard == busy ? 3'000 : 1'900)) return false;
    }
    return true;
  }));
}

TEST_F(KafkaRelayTest, RowsOfAnotherProcessAreFoundWhetherItSaysSoOrNot) {
  Join();
  for (int round = 0; round < 20; ++round) {
    producer_.Add("widget", "a");
    producer_.StoreSilently();
    if (round % 2 == 0) producer_.publisher().Look();
    if (round % 3 == 0) producer_.Commit("widget", {"a", "b"});
    if (round % 5 == 0) AwaitPublished();
  }
  AwaitPublished();
  EXPECT_EQ(CheckTopic(kWidgets, 34), 34);
}

TEST_F(KafkaRelayTest, ReplicasPublishTheShardsTheyHoldWhoeverCommits) {
  std::unique_ptr<Publisher> one = MakePublisher(producer_.reader());
  std::unique_ptr<Publisher> two = MakePublisher(producer_.reader());
  for (int shard = 0; shard < kDefaultShards; ++shard) {
    (shard % 2 == 0 ? one : two)->Hold(shard, 0);
  }
  // Commits come through both, in turns.
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 25; ++i) producer_.Add("widget", absl::StrCat("s-", i));
    const int64_t after = producer_.head();
    producer_.Store();
    const std::vector<journal::JournalRow> rows = producer_.TakeRows();
    (round % 4 < 2 ? one : two)->Committed(rows, after, producer_.head());
    if (round == 20) {
      // A shard changes hands; nobody waits for anything.
      one->Release(0);
      const auto relayed = one->TakeRelayed();
      two->Hold(0, relayed.count(0) > 0 ? relayed.at(0) : 0);
    }
  }
  ASSERT_TRUE(Await([&] {
    int64_t there = 0;
    for (int shard = 0; shard < kDefaultShards; ++shard) there += topics_.End(kWidgets, shard);
    return there >= 1'000 && bus_->Stats().backlogs[0].rows + bus_->Stats().backlogs[1].rows == 0;
  })) << bus_->Health();
  CheckTopic(kWidgets, 1'000);
}

TEST_F(KafkaRelayTest, AStormOfCommitsIsPublishedFromMemory) {
  CountedDatabase counted(producer_.database());
  const journal::Reader reader(counted);
  producer_.Publish(MakePublisher(reader), {"widget"});
  producer_.Commit("widget", {"first"});
  AwaitPublished();
  counted.reads = 0;
  const absl::Duration began = clock_.Steady();
  for (int i = 0; i < 1'000; ++i) producer_.Commit("widget", {absl::StrCat("s-", i % 40)});
  AwaitPublished();
  // One look four times a second, and nothing besides.
  const int looks = static_cast<int>((clock_.Steady() - began) / absl::Milliseconds(250));
  EXPECT_LE(counted.reads, looks + 3);
  EXPECT_EQ(CheckTopic(kWidgets, 1'001), 1'001);
  producer_.Publish(nullptr);
}

TEST_F(KafkaRelayTest, MoreThanIsKeptInMemoryIsFoundInTheJournal) {
  Join();
  // One commit larger than the relay keeps, and many behind it.
  for (int i = 0; i < 15'000; ++i) producer_.Add("widget", absl::StrCat("s-", i % 500));
  producer_.Commit();
  producer_.CommitMany("widget", 5'000, 500);
  AwaitPublished();
  EXPECT_EQ(CheckTopic(kWidgets, 20'000), 20'000);
}

TEST_F(KafkaBusTest, ATopicThatIsMissingHoldsItsRowsBackUntilItIsThere) {
  topics_.Make(kWidgets);
  Open();
  Join();
  producer_.Commit("widget", {"a", "b"});
  AwaitPublished();
  producer_.Commit("gadget", {"a", "a"});
  ASSERT_TRUE(Await([this] { return !bus_->Health().ok(); }));
  // Other shards go on.
  producer_.Commit("widget", {"b", "b"});
  ASSERT_TRUE(Await([this] { return topics_.End(kWidgets, ShardOf("b", kDefaultShards)) == 3; }));
  topics_.Make(kGadgets);
  AwaitPublished();
  EXPECT_TRUE(Await([this] { return bus_->Health().ok(); })) << bus_->Health();
  CheckTopic(kGadgets, 2);
  CheckTopic(kWidgets, 4);
}

class DeadLetterRelayTest : public KafkaRelayTest {
 protected:
  // The row a service journals about a record it set aside.
  static journal::JournalRow Row(const Record& record, const std::string& id) {
    events::v1::DeadLettered event;
    admin::v1::DeadLetter& letter = *event.mutable_dead_letter();
    PutRecord(record, &letter);
    letter.set_dead_letter_id(id);
    letter.set_service("readers");
    letter.set_reason("BAD_HEADER");
    letter.set_message("header ce_time is no time");
    letter.set_attempts(2);
    letter.mutable_first_seen_at()->set_seconds(1'767'225'600);
    journal::JournalRow row = journal::MakeRow(1, kDeadLetterAggregate, id, 1);
    row.type = "io.watchbell.bus.dead_lettered.v1";
    row.tenant = "";
    row.payload = event.SerializeAsString();
    return row;
  }
  const std::string dlq_ = DeadLetterTopic(kWidgets, "readers");
};

TEST_F(DeadLetterRelayTest, ADeadLetterIsTheRecordAndWhatIsSaidOfIt) {
  topics_.Make(dlq_);
  Join();
  Record record{kWidgets, 3, 77, 5, "k\xff", {{"b", "1"}, {"a", "2"}, {"b", ""}, {"n", ""}}, ""};
  record.value = std::string(1'000'000, '\xfe');
  record.null_headers = {3};
  Record nothing{kWidgets, 4, 78, 0, "", {}, ""};
  nothing.null_key = nothing.null_value = true;
  producer_.Add(Row(record, "dl-1"));
  producer_.Add(Row(nothing, "dl-2"));
  // What became of it later is nobody's record.
  journal::JournalRow released = Row(record, "dl-1");
  released.version = 2;
  released.type = "io.watchbell.bus.dead_letter_released.v1";
  producer_.Add(released);
  producer_.Commit();
  ASSERT_TRUE(Await([this] {
    return topics_.End(dlq_, ShardOf("dl-1", kDefaultShards)) > 0 &&
           topics_.End(dlq_, ShardOf("dl-2", kDefaultShards)) > 0 &&
           bus_->Stats().backlogs[0].rows == 0;
  })) << bus_->Health();
  std::vector<PlainRecord> found = topics_.ReadAll(dlq_);
  ASSERT_EQ(found.size(), 2u);
  if (!found[0].key) std::swap(found[0], found[1]);
  EXPECT_EQ(found[0].key, record.key);
  EXPECT_EQ(found[0].value, record.value);
  using Header = std::pair<std::string, std::optional<std::string>>;
  EXPECT_THAT(found[0].headers,
              ::testing::ElementsAre(
                  Header("b", "1"), Header("a", "2"), Header("b", ""), Header("n", std::nullopt),
                  Header("__dlq.errors.topic", kWidgets), Header("__dlq.errors.partition", "3"),
                  Header("__dlq.errors.offset", "77"), Header("__dlq.errors.group", "readers"),
                  Header("__dlq.errors.delivery.count", "2"),
                  Header("__dlq.errors.message", "header ce_time is no time"),
                  Header("dlq_reason", "BAD_HEADER"), Header("dlq_path", ""),
                  Header("dlq_first_at", "2026-01-01T00:00:00.000000Z"),
                  Header("dlq_build", "test-build")));
  EXPECT_EQ(found[1].key, std::nullopt);
  EXPECT_EQ(found[1].value, std::nullopt);
  EXPECT_EQ(found[1].headers.size(), 10u);
}

TEST_F(DeadLetterRelayTest, OneThatItsTopicCannotTakeStandsInNobodysWay) {
  topics_.Make(dlq_, kDefaultShards, 100'000);
  Join();
  Record record{kWidgets, 3, 77, 5, "k", {}, ""};
  // Nothing that could be packed.
  for (int i = 0; i < 200'000; ++i) {
    record.value.push_back(static_cast<char>(Murmur2(absl::StrCat(i))));
  }
  const std::string id = "dl-1";
  producer_.Add(Row(record, id));
  // Behind it in the same shard.
  std::string other;
  for (int i = 0; other.empty() || ShardOf(other, kDefaultShards) != ShardOf(id, kDefaultShards);
       ++i) {
    other = absl::StrCat("w-", i);
  }
  producer_.Add("widget", other);
  producer_.Commit();
  AwaitPublished();
  CheckTopic(kWidgets, 1);
}

TEST_F(KafkaBusTest, AWrongPropertyIsNamed) {
  const auto open = [this](std::map<std::string, std::string> properties) {
    KafkaOptions options = topics_.options();
    options.properties = std::move(properties);
    return OpenKafka(options, journals_, clock_).status();
  };
  EXPECT_EQ(open({{"no.such.thing", "1"}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(open({{"no.such.thing", "1"}}).message(), HasSubstr("no.such.thing"));
  EXPECT_THAT(open({{"security.protocol", "loud"}}).message(), HasSubstr("security.protocol"));
  EXPECT_THAT(open({{"acks", "1"}}).message(), HasSubstr("acks"));
  EXPECT_THAT(open({{"enable.idempotence", "false"}}).message(), HasSubstr("idempotence"));
  const absl::Status secret = open({{"ssl.key.pem", "my private thing"}});
  EXPECT_THAT(secret.message(), ::testing::Not(HasSubstr("private")));
  EXPECT_EQ(open({{"security.protocol", "ssl"}, {"ssl.ca.location", "/no/such/file"}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(open({{"client.id", "mine"}, {"linger.ms", "5"}}).ok());
  KafkaOptions nowhere = topics_.options();
  nowhere.brokers = "";
  EXPECT_EQ(OpenKafka(nowhere, journals_, clock_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace watchbell::bus
