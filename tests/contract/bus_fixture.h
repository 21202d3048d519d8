// What the bus suites run on: a producer with a real journal, which commits as an engine does, and
// a reader that waits for what comes.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/shard.h"
#include "common/bus/bus.h"
#include "common/bus/record.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "common/journal/journal.h"
#include "gtest/gtest.h"
#include "tests/contract/journal_rows.h"
#include "tests/support/temp_folder.h"

namespace watchbell::bus {

inline constexpr char kWidgets[] = "watchbell.widgets.v1";
inline constexpr char kGadgets[] = "watchbell.gadgets.v1";

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
  void Publish(std::unique_ptr<Publisher> publisher) { publisher_ = std::move(publisher); }
  Publisher& publisher() { return *publisher_; }

  // The next event of a stream; not committed yet.
  void Add(const std::string& aggregate, const std::string& stream_id) {
    rows_.push_back(journal::MakeRow(head_ + 1 + static_cast<int64_t>(rows_.size()), aggregate,
                                     stream_id, ++versions_[{aggregate, stream_id}]));
  }
  // The steps of a commit, for those who look in between.
  void Store() {
    std::vector<db::Row> raw;
    for (const journal::JournalRow& row : rows_) raw.push_back(journal::ToDbRow(row));
    auto transaction = database_->Begin();
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    ASSERT_TRUE((*transaction)->Insert(journal::JournalTable(), raw).ok());
    ASSERT_TRUE((*transaction)->Commit().ok());
    head_ += static_cast<int64_t>(rows_.size());
  }
  int64_t NextHead() const { return head_ + static_cast<int64_t>(rows_.size()); }
  std::vector<journal::JournalRow> TakeRows() { return std::exchange(rows_, {}); }
  // What was added is not to be: versions and sequences are given anew.
  void Forget() {
    for (const journal::JournalRow& row : TakeRows()) --versions_[{row.aggregate, row.stream_id}];
  }

  // As an engine commits.
  void Commit() {
    publisher_->Committing(NextHead());
    Store();
    publisher_->Committed(TakeRows());
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
  int64_t head_ = 0;
  std::map<std::pair<std::string, std::string>, int64_t> versions_;
};

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
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
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
  // Goes on where another one stopped. Before Start.
  void Inherit(const Consumer& other) {
    positions_ = other.positions_;
    versions_ = other.versions_;
    total_ = other.total_;
  }
  void Start(std::unique_ptr<Subscriber> subscriber) {
    subscriber_ = std::move(subscriber);
    const absl::Status started = subscriber_->Start(positions_);
    ASSERT_TRUE(started.ok()) << started;
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
  // Nothing more comes now.
  void ExpectNothing() { EXPECT_EQ(PollOnce(), 0u); }

  Subscriber& subscriber() { return *subscriber_; }
  int64_t PositionIn(const std::string& topic, int shard) const {
    auto it = positions_.find({topic, shard});
    return it == positions_.end() ? 0 : it->second;
  }
  int64_t total() const { return total_; }
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
    ASSERT_EQ(record.value, absl::StrCat("payload of ", record.key, " ", envelope->version));
    // In order, nothing left out, nothing twice.
    int64_t& version = versions_[{record.topic, record.key}];
    ASSERT_EQ(envelope->version, version + 1) << record.topic << " " << record.key;
    version = envelope->version;
    int64_t& position = positions_[{record.topic, record.shard}];
    ASSERT_GT(envelope->journal_sequence, position);
    position = envelope->journal_sequence;
    ++total_;
  }

  std::unique_ptr<Subscriber> subscriber_;
  std::map<TopicShard, int64_t> positions_;
  std::map<std::pair<std::string, std::string>, int64_t> versions_;
  int64_t total_ = 0;
};

}  // namespace watchbell::bus
