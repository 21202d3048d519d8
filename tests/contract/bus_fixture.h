// What the bus suites run on: a producer with a real journal, which commits as an engine does, the
// journals as a bus may ask for them, and a reader that waits for what comes.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/mutex.h"
#include "common/base/shard.h"
#include "common/bus/bus.h"
#include "common/bus/journal_source.h"
#include "common/bus/record.h"
#include "common/clock/clock.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "common/journal/journal.h"
#include "common/journal/topic_reader.h"
#include "gtest/gtest.h"
#include "tests/contract/journal_rows.h"
#include "tests/support/temp_folder.h"

namespace watchbell::bus {

inline constexpr char kWidgets[] = "watchbell.widgets.v1";
inline constexpr char kGadgets[] = "watchbell.gadgets.v1";

// Generous: the machine may be busy with other things.
inline constexpr auto kPatience = std::chrono::seconds(60);

// A service's journal and how it gets onto the bus. One thread commits.
class Producer {
 public:
  explicit Producer(std::string name) : name_(std::move(name)) {
    auto database = db::OpenSqlite(folder_.File("service.db"));
    EXPECT_TRUE(database.ok()) << database.status();
    database_ = std::move(*database);
    const absl::Status migrated = db::Migrate(*database_, {engine::EngineSchema()});
    EXPECT_TRUE(migrated.ok()) << migrated;
    reader_ = std::make_unique<journal::Reader>(*database_);
  }

  const std::string& name() const { return name_; }
  db::Database& database() { return *database_; }
  const journal::Reader& reader() const { return *reader_; }
  int64_t head() const { return head_; }
  // From now on what is committed goes there, shards after what was relayed before.
  void Publish(std::unique_ptr<Publisher> publisher, const std::set<std::string>& topics = {}) {
    publisher_ = std::move(publisher);
    topics_ = topics;
    if (publisher_ == nullptr) return;
    for (int shard = 0; shard < kDefaultShards; ++shard) {
      publisher_->Hold(shard, relayed_[shard]);
    }
  }
  Publisher& publisher() { return *publisher_; }
  // How far each shard is relayed, as an engine would store it.
  const std::map<int, int64_t>& Relayed() {
    for (const auto& [shard, sequence] : publisher_->TakeRelayed()) relayed_[shard] = sequence;
    return relayed_;
  }
  // Everything stored is relayed.
  bool Settled() {
    for (const auto& [shard, sequence] : owed_) {
      if (Relayed().count(shard) == 0 || relayed_[shard] < sequence) return false;
    }
    return true;
  }

  // The next event of a stream; not committed yet.
  void Add(const std::string& aggregate, const std::string& stream_id) {
    Add(journal::MakeRow(head_ + 1 + static_cast<int64_t>(rows_.size()), aggregate, stream_id,
                         ++versions_[{aggregate, stream_id}]));
  }
  void Add(journal::JournalRow row) { rows_.push_back(std::move(row)); }
  // The steps of a commit, for those who look in between.
  void Store() {
    std::vector<db::Row> raw;
    for (size_t i = 0; i < rows_.size(); ++i) {
      journal::JournalRow row = rows_[i];
      row.sequence = static_cast<int64_t>(i) + 1;
      raw.push_back(journal::ToDbRow(row));
    }
    auto transaction = database_->Begin();
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    const absl::Status inserted = (*transaction)->Insert(journal::JournalTable(), raw);
    ASSERT_TRUE(inserted.ok()) << inserted;
    ASSERT_TRUE((*transaction)->Commit().ok());
    after_ = (*transaction)->SequenceBase();
    for (size_t i = 0; i < rows_.size(); ++i) {
      rows_[i].sequence = after_ + 1 + static_cast<int64_t>(i);
    }
    head_ = after_ + static_cast<int64_t>(rows_.size());
    for (const journal::JournalRow& row : rows_) {
      if (topics_.count(row.aggregate) > 0) owed_[row.shard] = row.sequence;
    }
  }
  std::vector<journal::JournalRow> TakeRows() { return std::exchange(rows_, {}); }
  void HandOver() {
    const std::vector<journal::JournalRow> rows = TakeRows();
    publisher_->Committed(rows, after_, head_);
  }
  // What was added is not to be: versions and sequences are given anew.
  void Forget() {
    for (const journal::JournalRow& row : TakeRows()) --versions_[{row.aggregate, row.stream_id}];
  }
  // Stored, but its process was killed before it told anybody.
  void StoreSilently() {
    Store();
    TakeRows();
  }

  // As an engine commits.
  void Commit() {
    publisher_->Committing();
    Store();
    HandOver();
  }
  void Commit(const std::string& aggregate, const std::vector<std::string>& stream_ids) {
    for (const std::string& stream_id : stream_ids) Add(aggregate, stream_id);
    Commit();
  }
  // `count` events over `streams` streams, in commits of 250.
  void CommitMany(const std::string& aggregate, int count, int streams) {
    for (int i = 0; i < count; ++i) {
      Add(aggregate, absl::StrCat("s-", i % streams));
      if (i % 250 == 249 || i == count - 1) Commit();
    }
  }

 private:
  test::TempFolder folder_;
  const std::string name_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<journal::Reader> reader_;
  std::unique_ptr<Publisher> publisher_;
  std::vector<journal::JournalRow> rows_;
  int64_t after_ = 0;
  int64_t head_ = 0;
  std::map<int, int64_t> relayed_;
  std::set<std::string> topics_;  // aggregates that have one
  std::map<int, int64_t> owed_;   // last row of each shard that goes to a topic
  std::map<std::pair<std::string, std::string>, int64_t> versions_;
};

// The producers' journals, for a bus whose topics may lack something. Answers on the caller's
// thread.
class JournalBook : public JournalSource {
 public:
  void Add(const std::string& topic, const Producer& producer,
           std::vector<std::string> aggregates) {
    MutexLock lock(mu_);
    sources_.insert_or_assign(topic, Source{producer.name(), &producer.reader(), aggregates});
  }
  void Clear() {
    MutexLock lock(mu_);
    sources_.clear();
  }
  std::atomic<bool> reachable{true};
  std::atomic<bool> blind{false};  // there, but without its storage
  std::atomic<int> asks{0};        // for rows

  void ReadShard(const std::string& topic, int shard, int64_t after_sequence, int limit,
                 Done done) override {
    ++asks;
    Answer<Chunk>(topic, done, [&](const Source& source) {
      return ChunkOf(source, journal::ReadTopicShard(*source.reader, source.aggregates, shard,
                                                     after_sequence, limit));
    });
  }
  void ReadStream(const std::string& topic, const std::string& tenant, const std::string& stream_id,
                  int64_t after_version, int limit, Done done) override {
    ++asks;
    Answer<Chunk>(topic, done, [&](const Source& source) {
      return ChunkOf(source, journal::ReadTopicStream(*source.reader, source.aggregates, tenant,
                                                      stream_id, after_version, limit));
    });
  }

  void ReadHeads(const std::string& topic, const std::vector<int>& shards,
                 HeadsDone done) override {
    Answer<std::vector<int64_t>>(topic, done, [&](const Source& source) {
      return journal::ReadTopicHeads(*source.reader, source.aggregates, shards);
    });
  }

 private:
  struct Source {
    std::string producer;
    const journal::Reader* reader;
    std::vector<std::string> aggregates;
  };
  static absl::StatusOr<Chunk> ChunkOf(const Source& source,
                                       absl::StatusOr<journal::TopicRows> rows) {
    if (!rows.ok()) return rows.status();
    return Chunk{source.producer, std::move(rows->rows), rows->end};
  }
  template <typename Found, typename Read>
  void Answer(const std::string& topic, const std::function<void(absl::StatusOr<Found>)>& done,
              Read read) {
    absl::StatusOr<Found> found = absl::UnavailableError("the producer does not answer");
    if (blind) {
      found = Unavailable("STORAGE_UNAVAILABLE", "storage is away", absl::Seconds(1));
    } else {
      MutexLock lock(mu_);
      auto source = sources_.find(topic);
      if (reachable && source != sources_.end()) {
        found = read(source->second);
        EXPECT_TRUE(found.ok()) << found.status();
      }
    }
    done(std::move(found));
  }

  Mutex mu_;
  std::map<std::string, Source> sources_ ABSL_GUARDED_BY(mu_);
};

// Waits for what nobody rings a bell for. False if it did not come for so long that something is
// wrong.
template <typename Condition>
bool Await(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Mutex mu;
  CondVar never;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    MutexLock lock(mu);
    never.WaitUntil(mu, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
  }
  return true;
}

// Lets a thread wait for a subscriber's wake-up.
class Bell {
 public:
  std::function<void()> Wake() {
    return [this] {
      MutexLock lock(mu_);
      rung_ = true;
      cv_.NotifyAll();
    };
  }
  // False if nothing came for so long that something is wrong.
  bool Wait() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mu_);
    while (!rung_) {
      if (!cv_.WaitUntil(mu_, deadline) && std::chrono::steady_clock::now() >= deadline)
        return false;
    }
    rung_ = false;
    return true;
  }

 private:
  Mutex mu_;
  CondVar cv_;
  bool rung_ ABSL_GUARDED_BY(mu_) = false;
};

// Polls, checks what holds for every record, and keeps positions as a service would.
class Consumer {
 public:
  // `repeats`: records may come again, which changes nothing.
  explicit Consumer(bool repeats = false) : repeats_(repeats) {}

  // What another one knows of these shards, which it has released.
  void TakeOver(const Consumer& other, const std::set<int>& shards) {
    for (const auto& [topic_shard, position] : other.positions_) {
      if (shards.count(topic_shard.second) > 0) positions_[topic_shard] = position;
    }
    for (const auto& [key, version] : other.versions_) {
      if (shards.count(ShardOf(key.second, kDefaultShards)) > 0) versions_[key] = version;
    }
  }
  // Goes on where another one stopped. Before Start.
  void Inherit(const Consumer& other) {
    positions_ = other.positions_;
    versions_ = other.versions_;
    total_ = other.total_;
  }
  void Start(std::unique_ptr<Subscriber> subscriber) {
    std::set<int> shards;
    for (int shard = 0; shard < kDefaultShards; ++shard) shards.insert(shard);
    Start(std::move(subscriber), shards);
  }
  void Start(std::unique_ptr<Subscriber> subscriber, const std::set<int>& shards) {
    subscriber_ = std::move(subscriber);
    for (const int shard : shards) Hold(shard);
  }
  void Hold(int shard) {
    std::map<std::string, Position> applied;
    for (const auto& [topic_shard, position] : positions_) {
      if (topic_shard.second == shard) applied[topic_shard.first] = position;
    }
    const absl::Status held = subscriber_->Hold(shard, applied);
    ASSERT_TRUE(held.ok()) << held;
    held_.insert(shard);
  }
  void Release(int shard) {
    subscriber_->Release(shard);
    held_.erase(shard);
  }
  // One look; how many came.
  size_t PollOnce(size_t max = 100) {
    const auto records = subscriber_->Poll(max);
    EXPECT_TRUE(records.ok()) << records.status();
    if (!records.ok()) return 0;
    EXPECT_LE(records->size(), max);
    for (const RecordPtr& record : *records) Check(*record);
    return records->size();
  }
  // Polls until `total` records have come in all.
  void AwaitTotal(int64_t total) {
    while (total_ < total) {
      if (PollOnce() == 0 && total_ < total) {
        ASSERT_TRUE(bell.Wait()) << total_ << " of " << total;
      }
    }
  }
  // Polls until the end of a shard has been reached, as of now.
  void AwaitEnd(const std::string& topic, int shard) {
    const absl::Time since = clock_.Now();
    while (!subscriber_->AtEnd(topic, shard, since)) {
      if (PollOnce() > 0 || subscriber_->AtEnd(topic, shard, since)) continue;
      ASSERT_TRUE(bell.Wait()) << topic << " " << shard;
    }
  }
  // Nothing new lies on any shard now.
  void ExpectNothing() {
    const int64_t before = total_;
    for (const std::string& topic : subscriber_->topics()) {
      for (const int shard : held_) AwaitEnd(topic, shard);
    }
    PollOnce();
    EXPECT_EQ(total_, before);
  }
  bool AtEnd(const std::string& topic, int shard) {
    return subscriber_->AtEnd(topic, shard, clock_.Now());
  }

  Subscriber& subscriber() { return *subscriber_; }
  Position PositionIn(const std::string& topic, int shard) const {
    auto it = positions_.find({topic, shard});
    return it == positions_.end() ? Position{} : it->second;
  }
  std::map<TopicShard, Position>& positions() { return positions_; }
  int64_t total() const { return total_; }
  int64_t repeated() const { return repeated_; }
  int64_t VersionOf(const std::string& topic, const std::string& key) const {
    auto it = versions_.find({topic, key});
    return it == versions_.end() ? 0 : it->second;
  }
  void Leave() { subscriber_ = nullptr; }

  Bell bell;

 private:
  void Check(const Record& record) {
    const auto envelope = ParseEnvelope(record);
    ASSERT_TRUE(envelope.ok()) << envelope.status();
    ASSERT_EQ(envelope->subject, record.key);
    ASSERT_EQ(record.shard, ShardOf(record.key, kDefaultShards));
    ASSERT_EQ(record.sequence, envelope->journal_sequence);
    ASSERT_EQ(held_.count(record.shard), 1u) << record.shard;
    ASSERT_EQ(record.value, absl::StrCat("payload of ", record.key, " ", envelope->version));
    Position& position = positions_[{record.topic, record.shard}];
    if (record.offset >= 0) position.next_offset = record.offset + 1;
    // In order, nothing left out, nothing twice (unless the bus may repeat).
    int64_t& version = versions_[{record.topic, record.key}];
    if (repeats_ && envelope->version <= version) {
      ++repeated_;
      return;
    }
    ASSERT_EQ(envelope->version, version + 1) << record.topic << " " << record.key;
    version = envelope->version;
    ASSERT_GT(envelope->journal_sequence, position.sequence);
    position.sequence = envelope->journal_sequence;
    ++total_;
  }

  const bool repeats_;
  SystemClock clock_;
  std::unique_ptr<Subscriber> subscriber_;
  std::set<int> held_;
  std::map<TopicShard, Position> positions_;
  std::map<std::pair<std::string, std::string>, int64_t> versions_;
  int64_t total_ = 0;
  int64_t repeated_ = 0;
};

}  // namespace watchbell::bus
