// What the tests of the Kafka bus stand on, beside the contract suite.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/contract/bus_fixture.h"
#include "tests/contract/kafka_tools.h"

namespace watchbell::bus {

inline constexpr char kRaw[] = "watchbell.raw.v1";

// Every shard is read from its topic: what is committed from now on comes from there.
inline void AwaitLive(KafkaBus& bus, Consumer& consumer) {
  ASSERT_TRUE(Await([&] {
    consumer.PollOnce();
    const std::vector<KafkaStats::Lag> lags = bus.Stats().lags;
    return std::none_of(lags.begin(), lags.end(), [](const auto& lag) { return lag.catching_up; });
  })) << bus.Health();
}

class KafkaBusTest : public ::testing::Test {
 protected:
  void Open(const KafkaOptions& options) {
    bus_ = nullptr;
    auto bus = OpenKafka(options, journals_, clock_);
    ASSERT_TRUE(bus.ok()) << bus.status();
    bus_ = std::move(*bus);
  }
  void Open() { Open(topics_.options()); }

  std::unique_ptr<Publisher> MakePublisher(const journal::Reader& reader) {
    auto publisher =
        bus_->AddProducer(producer_.name(), reader, {{"widget", kWidgets}, {"gadget", kGadgets}});
    EXPECT_TRUE(publisher.ok()) << publisher.status();
    return std::move(*publisher);
  }
  void Join() {
    producer_.Publish(MakePublisher(producer_.reader()), {"widget", "gadget"});
    journals_.Add(kWidgets, producer_, {"widget"});
    journals_.Add(kGadgets, producer_, {"gadget"});
  }
  void AwaitPublished() {
    ASSERT_TRUE(Await([this] { return producer_.Settled(); })) << bus_->Health();
  }
  std::unique_ptr<Subscriber> Subscribe(Consumer& consumer,
                                        std::vector<std::string> topics = {kWidgets},
                                        std::vector<std::string> raw = {}) {
    return bus_->Subscribe({"readers", std::move(topics), std::move(raw)}, consumer.bell.Wake());
  }
  // The first occurrence of every event of a topic: whole and in order, key by key. How many
  // records there were in all.
  int CheckTopic(const std::string& topic, int events) {
    std::map<std::string, int64_t> versions;
    int first = 0;
    const std::vector<PlainRecord> records = topics_.ReadAll(topic);
    for (const PlainRecord& record : records) {
      for (const auto& [name, value] : record.headers) {
        if (name != "ce_sequence") continue;
        const int64_t version = std::stoll(*value);
        int64_t& known = versions[*record.key];
        if (version <= known) continue;
        EXPECT_EQ(version, known + 1) << topic << " " << *record.key;
        known = version;
        ++first;
      }
    }
    EXPECT_EQ(first, events) << topic;
    return static_cast<int>(records.size());
  }
  void TearDown() override { producer_.Publish(nullptr); }

  SystemClock clock_;
  TestTopics topics_;
  Producer producer_{"makers"};
  JournalBook journals_;
  std::unique_ptr<KafkaBus> bus_;
};

// Polls a subscriber that reads a raw topic, with positions as a service would keep them.
class RawConsumer {
 public:
  void Start(std::unique_ptr<Subscriber> subscriber) {
    subscriber_ = std::move(subscriber);
    for (int shard = 0; shard < kDefaultShards; ++shard) {
      std::map<std::string, Position> applied;
      if (next_.count(shard) > 0) applied[kRaw] = next_[shard];
      ASSERT_TRUE(subscriber_->Hold(shard, applied).ok());
    }
  }
  void AwaitTotal(size_t total) {
    while (records.size() < total) {
      const auto some = subscriber_->Poll(100);
      ASSERT_TRUE(some.ok()) << some.status();
      for (const RecordPtr& record : *some) {
        ASSERT_EQ(record->topic, kRaw);
        Position& next = next_[record->shard];
        // What an engine takes for a repeat does not come without need.
        ASSERT_GE(std::pair(record->sequence, record->offset),
                  std::pair(next.sequence, next.next_offset));
        next = {record->sequence, record->offset + 1};
        records.push_back(record);
      }
      if (records.size() >= total) break;
      ASSERT_TRUE(!some->empty() || bell.Wait()) << records.size();
    }
  }
  void Leave() { subscriber_ = nullptr; }
  // As an operator does when the topic is another one.
  void LetOffsetsGo() {
    for (auto& [shard, next] : next_) next.next_offset = -1;
  }

  Bell bell;
  std::vector<RecordPtr> records;

 private:
  std::unique_ptr<Subscriber> subscriber_;
  std::map<int, Position> next_;
};

}  // namespace watchbell::bus
