#include "common/bus/embedded/embedded_bus.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/bus/embedded/topic.h"

namespace watchbell::bus {
namespace {

using Topic = EmbeddedBus::Topic;

class EmbeddedPublisher : public Publisher {
 public:
  ~EmbeddedPublisher() override {
    for (const Share& share : shares_) share.topic->Detach(share.id);
  }

  absl::Status Attach(Topic* topic, const std::string& producer, const journal::Reader& reader,
                      const std::vector<std::string>& aggregates, int64_t head) {
    ASSIGN_OR_RETURN(const int64_t id, topic->Attach(producer, reader, aggregates, head));
    for (const std::string& aggregate : aggregates) share_of_[aggregate] = shares_.size();
    shares_.push_back({topic, id, {}});
    return absl::OkStatus();
  }

  void Committed(absl::Span<const journal::JournalRow> rows, int64_t, int64_t) override {
    if (rows.empty()) return;
    for (const journal::JournalRow& row : rows) {
      if (auto it = share_of_.find(row.aggregate); it != share_of_.end()) {
        shares_[it->second].rows.push_back(&row);
      }
    }
    for (Share& share : shares_) {
      share.topic->Committed(share.id, share.rows);
      share.rows.clear();
    }
  }
  void Committing() override {
    for (const Share& share : shares_) share.topic->Committing(share.id);
  }
  void Abandoned() override {
    for (const Share& share : shares_) share.topic->Abandoned(share.id);
  }

 private:
  // One topic's part of what is published.
  struct Share {
    Topic* topic;
    int64_t id;
    std::vector<const journal::JournalRow*> rows;  // of the commit being handed over
  };
  std::vector<Share> shares_;
  absl::flat_hash_map<std::string, size_t> share_of_;  // by aggregate
};

class EmbeddedSubscriber : public Subscriber {
 public:
  EmbeddedSubscriber(std::vector<std::string> names, const std::vector<Topic*>& topics, int shards,
                     const std::function<void()>& wake)
      : names_(std::move(names)), shards_(shards) {
    for (Topic* topic : topics) {
      reading_.push_back({topic, topic->AddListener(wake), std::vector<Topic::Cursor>(shards)});
    }
  }
  ~EmbeddedSubscriber() override {
    for (const Reading& reading : reading_) reading.topic->RemoveListener(reading.listener);
  }

  const std::vector<std::string>& topics() const override { return names_; }

  absl::Status Hold(int shard, const std::map<std::string, Position>& applied) override {
    if (shard < 0 || shard >= shards_) {
      return absl::FailedPreconditionError(
          absl::StrCat("shard ", shard, " is not one of the ", shards_,
                       " shards: their number is fixed at installation"));
    }
    for (Reading& reading : reading_) {
      auto position = applied.find(reading.topic->name());
      Topic::Cursor& cursor = reading.cursors[shard];
      cursor = Topic::Cursor();
      cursor.held = true;
      if (position != applied.end()) cursor.read = position->second.sequence;
    }
    return absl::OkStatus();
  }

  void Release(int shard) override {
    for (Reading& reading : reading_) reading.cursors[shard] = Topic::Cursor();
  }

  absl::StatusOr<std::vector<RecordPtr>> Poll(size_t max) override {
    std::vector<RecordPtr> records;
    absl::Status trouble;
    const size_t count = reading_.size();
    // First every topic gets its share, beginning with another one each time; then what is left is
    // given away.
    for (int round = 0; round < 2; ++round) {
      if (round == 1 && records.empty()) break;
      for (size_t i = 0; i < count && records.size() < max; ++i) {
        Reading& reading = reading_[(turn_ + i) % count];
        const size_t left = max - records.size();
        const size_t share = round == 0 ? std::min(left, (max + count - 1) / count) : left;
        trouble.Update(reading.topic->Take(reading.cursors, share, &records));
      }
    }
    ++turn_;
    // What could be read is given out; the trouble shows again when there is nothing else.
    if (records.empty() && !trouble.ok()) return trouble;
    return records;
  }

  bool AtEnd(const std::string& topic, int shard, absl::Time) override {
    const Reading* reading = Find(topic);
    return reading != nullptr && shard >= 0 && shard < shards_ && reading->cursors[shard].held &&
           reading->topic->AtEnd(shard, reading->cursors[shard]);
  }

  absl::StatusOr<std::optional<std::vector<RecordPtr>>> ReadStream(const std::string& topic,
                                                                   const std::string& tenant,
                                                                   const std::string& stream_id,
                                                                   int64_t after_version,
                                                                   int limit) override {
    const Reading* reading = Find(topic);
    if (reading == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("topic ", topic, " is not subscribed to"));
    }
    ASSIGN_OR_RETURN(std::vector<RecordPtr> records,
                     reading->topic->ReadStream(tenant, stream_id, after_version, limit));
    return std::optional<std::vector<RecordPtr>>(std::move(records));
  }

 private:
  struct Reading {
    Topic* topic;
    int64_t listener;
    std::vector<Topic::Cursor> cursors;  // by shard
  };

  const Reading* Find(const std::string& topic) const {
    for (const Reading& reading : reading_) {
      if (reading.topic->name() == topic) return &reading;
    }
    return nullptr;
  }

  const std::vector<std::string> names_;
  const int shards_;
  std::vector<Reading> reading_;
  size_t turn_ = 0;
};

}  // namespace

struct EmbeddedBus::Impl {
  Topic* Get(const std::string& name, int shards) {
    MutexLock lock(mu);
    std::unique_ptr<Topic>& topic = topics[name];
    if (topic == nullptr) topic = std::make_unique<Topic>(name, shards);
    return topic.get();
  }

  Mutex mu;
  std::map<std::string, std::unique_ptr<Topic>> topics ABSL_GUARDED_BY(mu);  // never erased
};

EmbeddedBus::EmbeddedBus(int shards) : shards_(shards), impl_(std::make_unique<Impl>()) {}
EmbeddedBus::~EmbeddedBus() = default;

absl::StatusOr<std::unique_ptr<Publisher>> EmbeddedBus::AddProducer(
    const std::string& producer, const journal::Reader& reader,
    const std::map<std::string, std::string>& topic_of_aggregate) {
  ASSIGN_OR_RETURN(const int64_t head, reader.Head());
  std::map<std::string, std::vector<std::string>> aggregates;
  for (const auto& [aggregate, topic] : topic_of_aggregate) aggregates[topic].push_back(aggregate);
  auto publisher = std::make_unique<EmbeddedPublisher>();
  for (const auto& [topic, names] : aggregates) {
    RETURN_IF_ERROR(publisher->Attach(impl_->Get(topic, shards_), producer, reader, names, head));
  }
  return publisher;
}

std::unique_ptr<Subscriber> EmbeddedBus::Subscribe(Subscription subscription,
                                                   std::function<void()> wake) {
  std::vector<Topic*> found;
  for (const std::string& name : subscription.topics) found.push_back(impl_->Get(name, shards_));
  return std::make_unique<EmbeddedSubscriber>(std::move(subscription.topics), found, shards_, wake);
}

}  // namespace watchbell::bus
