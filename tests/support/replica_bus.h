// A broker for several processes of every service, in memory: partitions that keep what was sent,
// publishers that relay the shards they hold by cursor, as after a crash with repeats; readers that
// begin at an offset. One thread.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/bus/bus.h"
#include "common/journal/topic_reader.h"

namespace watchbell::test {

class ReplicaBroker {
 public:
  const std::vector<bus::RecordPtr>& Log(const std::string& topic, int shard) {
    return logs_[{topic, shard}];
  }
  void Send(bus::Record record) {
    std::vector<bus::RecordPtr>& log = logs_[{record.topic, record.shard}];
    record.offset = static_cast<int64_t>(log.size());
    log.push_back(std::make_shared<bus::Record>(std::move(record)));
  }

  // Who is asked for what a topic lacks: the journal that all replicas of a service share.
  struct Producer {
    std::string name;
    journal::Reader reader;
    std::vector<std::string> aggregates;
  };
  std::map<std::string, Producer> producers;  // by topic

 private:
  std::map<bus::TopicShard, std::vector<bus::RecordPtr>> logs_;
};

// One process's connection.
class ReplicaBus : public bus::Bus {
 public:
  explicit ReplicaBus(ReplicaBroker& broker) : broker_(broker) {}

  bool down = false;  // nothing can be sent

  // What its own thread does four times a second: looks for rows of the shards held.
  void Scan() {
    for (Publisher* publisher : publishers_) publisher->Look();
  }

  absl::StatusOr<std::unique_ptr<bus::Publisher>> AddProducer(
      const std::string& producer, const journal::Reader& reader,
      const std::map<std::string, std::string>& topic_of_aggregate) override {
    std::map<std::string, std::vector<std::string>> aggregates;
    for (const auto& [aggregate, topic] : topic_of_aggregate) {
      aggregates[topic].push_back(aggregate);
    }
    auto publisher = std::make_unique<Publisher>(*this, producer, reader, std::move(aggregates));
    publishers_.insert(publisher.get());
    return publisher;
  }
  std::unique_ptr<bus::Subscriber> Subscribe(bus::Subscription subscription,
                                             std::function<void()>) override {
    return std::make_unique<Subscriber>(broker_, std::move(subscription.topics));
  }

 private:
  class Publisher : public bus::Publisher {
   public:
    Publisher(ReplicaBus& owner, std::string producer, const journal::Reader& reader,
              std::map<std::string, std::vector<std::string>> aggregates)
        : owner_(owner),
          producer_(std::move(producer)),
          reader_(reader),
          aggregates_(std::move(aggregates)) {}
    ~Publisher() override { owner_.publishers_.erase(this); }
    void Committing() override {}
    void Abandoned() override {}
    void Committed(absl::Span<const journal::JournalRow>, int64_t, int64_t) override { Look(); }
    void Hold(int shard, int64_t relayed) override {
      held_[shard] = relayed;
      Look();
    }
    void Release(int shard) override {
      held_.erase(shard);
      moved_.erase(shard);
    }
    void Look() override {
      if (owner_.down) return;
      for (auto& [shard, relayed] : held_) {
        int64_t upto = relayed;
        for (const auto& [topic, names] : aggregates_) {
          const auto found = journal::ReadTopicShard(reader_, names, shard, relayed, 1000);
          if (!found.ok()) continue;
          for (const journal::JournalRow& row : found->rows) {
            owner_.broker_.Send(bus::ToRecord(row, producer_, topic));
            upto = std::max(upto, row.sequence);
          }
        }
        if (upto > relayed) moved_[shard] = relayed = upto;
      }
    }
    std::map<int, int64_t> TakeRelayed() override { return std::exchange(moved_, {}); }

   private:
    ReplicaBus& owner_;
    const std::string producer_;
    const journal::Reader& reader_;
    const std::map<std::string, std::vector<std::string>> aggregates_;
    std::map<int, int64_t> held_, moved_;
  };

  class Subscriber : public bus::Subscriber {
   public:
    Subscriber(ReplicaBroker& broker, std::vector<std::string> topics)
        : broker_(broker), topics_(std::move(topics)) {}
    const std::vector<std::string>& topics() const override { return topics_; }
    absl::Status Hold(int shard, const std::map<std::string, bus::Position>& applied) override {
      for (const std::string& topic : topics_) {
        const auto found = applied.find(topic);
        const bool known = found != applied.end() && found->second.next_offset >= 0;
        next_[{topic, shard}] = known ? static_cast<size_t>(found->second.next_offset) : 0;
      }
      return absl::OkStatus();
    }
    void Release(int shard) override {
      std::erase_if(next_, [shard](const auto& place) { return place.first.second == shard; });
    }
    absl::StatusOr<std::vector<bus::RecordPtr>> Poll(size_t max) override {
      std::vector<bus::RecordPtr> records;
      for (auto& [place, next] : next_) {
        const auto& log = broker_.Log(place.first, place.second);
        while (next < log.size() && records.size() < max) records.push_back(log[next++]);
      }
      return records;
    }
    bool AtEnd(const std::string& topic, int shard, absl::Time) override {
      const auto found = next_.find({topic, shard});
      return found != next_.end() && found->second == broker_.Log(topic, shard).size();
    }
    absl::StatusOr<std::optional<std::vector<bus::RecordPtr>>> ReadStream(
        const std::string& topic, const std::string& tenant, const std::string& stream_id,
        int64_t after_version, int limit) override {
      const auto producer = broker_.producers.find(topic);
      if (producer == broker_.producers.end()) return absl::UnavailableError("no such producer");
      const auto& [name, reader, aggregates] = producer->second;
      ASSIGN_OR_RETURN(const auto found, journal::ReadTopicStream(reader, aggregates, tenant,
                                                                  stream_id, after_version, limit));
      std::vector<bus::RecordPtr> records;
      for (const journal::JournalRow& row : found.rows) {
        records.push_back(std::make_shared<bus::Record>(bus::ToRecord(row, name, topic)));
      }
      return std::make_optional(std::move(records));
    }

   private:
    ReplicaBroker& broker_;
    const std::vector<std::string> topics_;
    std::map<bus::TopicShard, size_t> next_;
  };

  ReplicaBroker& broker_;
  std::set<Publisher*> publishers_;
};

}  // namespace watchbell::test
