// Raw topics, whose records count once by their offsets, and the places on topics that are stored.
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/bus/event_registry.h"
#include "common/clock/clock.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/dead_letters.h"
#include "common/runtime/service_core.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/faulty_db.h"
#include "tests/support/toy_service.h"

namespace watchbell {
namespace {

using test::CommitFault;
using ::testing::ElementsAre;

constexpr char kRawTopic[] = "toy.raw.v1";
constexpr int kShard = 3;

// Notes the values of raw records, in order, in the title of one thing; beside it the follower.
class RawDecider : public test::FollowerDecider {
 public:
  absl::StatusOr<engine::RawInput> ReadRaw(const bus::Record& record) const override {
    auto message = std::make_shared<test::StartWorkRequest>();
    message->set_etag(record.value);
    return engine::RawInput{{"default", "raw", {}}, "", std::move(message), absl::OkStatus()};
  }
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override {
    return input.topic == kRawTopic ? std::vector<engine::EntityKey>{test::Thing("raw")}
                                    : FollowerDecider::Needs(input);
  }
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
    if (input.topic != kRawTopic) return FollowerDecider::Decide(view, input);
    const auto* before = view.Get<test::Ticket>(test::Thing("raw"));
    test::Ticket state = before == nullptr ? test::Ticket() : *before;
    absl::StrAppend(state.mutable_title(), input.As<test::StartWorkRequest>()->etag(), " ");
    engine::Decision decision;
    decision.Put(test::Thing("raw"), state);
    return decision;
  }
};

// Gives out what it is told to.
class ScriptedSubscriber : public bus::Subscriber {
 public:
  using Positions = std::map<bus::TopicShard, bus::Position>;
  ScriptedSubscriber(std::deque<bus::RecordPtr>& records, Positions& held, Positions& reached)
      : records_(records), held_(held), reached_(reached) {}
  const std::vector<std::string>& topics() const override { return topics_; }
  absl::Status Hold(int shard, const std::map<std::string, bus::Position>& applied) override {
    for (const auto& [topic, position] : applied) held_[{topic, shard}] = position;
    return absl::OkStatus();
  }
  void Release(int) override {}
  absl::StatusOr<std::vector<bus::RecordPtr>> Poll(size_t max) override {
    std::vector<bus::RecordPtr> some;
    for (; some.size() < max && !records_.empty(); records_.pop_front()) {
      some.push_back(records_.front());
    }
    return some;
  }
  bool AtEnd(const std::string&, int, absl::Time) override { return true; }
  absl::StatusOr<std::optional<std::vector<bus::RecordPtr>>> ReadStream(const std::string&,
                                                                        const std::string&,
                                                                        const std::string&, int64_t,
                                                                        int) override {
    return std::optional<std::vector<bus::RecordPtr>>();  // being asked, for ever
  }
  Positions Reached() const override { return reached_; }
  void Stored(const Positions& positions) override {
    for (const auto& [topic_shard, position] : positions) reached_.erase(topic_shard);
  }

 private:
  std::deque<bus::RecordPtr>& records_;
  Positions& held_;
  Positions& reached_;
  const std::vector<std::string> topics_ = {test::kToyTopic};
};

class EngineRawTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = *db::OpenSqliteInMemory();
    database_ = std::make_unique<test::FaultyDatabase>(*file_);
    ASSERT_TRUE(db::Migrate(*database_, {engine::EngineSchema()}).ok());
    Boot();
  }
  // Called again it is a restart after a kill.
  void Boot() {
    core_.reset();
    held_.clear();
    reached_.clear();
    records_.clear();
    runtime::ServiceCore::Parts parts{*database_, clock_, ids_, bus_};
    parts.wrap_subscriber = [this](std::unique_ptr<bus::Subscriber>) {
      return std::make_unique<ScriptedSubscriber>(records_, held_, reached_);
    };
    runtime::ServiceSpec spec{
        "reader", {}, std::make_shared<RawDecider>(), {test::kToyTopic}, {kRawTopic}};
    core_ = *runtime::ServiceCore::Make(spec, parts);
    ASSERT_TRUE(core_->Open().ok());
  }
  void Settle() {
    for (int i = 0; core_->engine().RunOnce().more; ++i) ASSERT_LT(i, 1000) << "never at rest";
  }
  // `begun_anew`: as the reader counts.
  void Raw(int64_t begun_anew, int64_t offset, const std::string& value) {
    bus::Record record;
    record.topic = kRawTopic;
    record.shard = kShard;
    record.sequence = begun_anew;
    record.offset = offset;
    record.value = value;
    records_.push_back(std::make_shared<const bus::Record>(std::move(record)));
  }
  // An event of stream "a" or one of the same shard; offset -1: from the producer's journal.
  void Event(const std::string& stream, int64_t version, int64_t sequence, int64_t offset) {
    journal::JournalRow row;
    row.sequence = sequence;
    row.event_id = absl::StrCat("e-", sequence);
    row.aggregate = "thing";
    row.tenant = "default";
    row.stream_id = stream;
    row.version = version;
    row.shard = ShardOf(stream, kDefaultShards);
    row.type = bus::EventTypeOf(*events::v1::TicketTouched::descriptor());
    row.occurred_at = row.recorded_at = clock_.Now();
    row.actor = "ana";
    bus::Record record = bus::ToRecord(row, "toy", test::kToyTopic);
    record.offset = offset;
    records_.push_back(std::make_shared<const bus::Record>(std::move(record)));
  }
  std::string Applied() {
    auto state = runtime::ReadEntity<test::Ticket>(*database_, 1, "default", "raw");
    EXPECT_TRUE(state.ok());
    return *state == nullptr ? "" : (*state)->title();
  }
  // As stored: sequence and next offset.
  std::vector<int64_t> Place(const std::string& topic, int shard) {
    const auto rows = file_->Read(
        "SELECT sequence, next_offset FROM topic_positions WHERE topic = $1 AND "
        "shard = $2",
        {topic, int64_t{shard}});
    EXPECT_TRUE(rows.ok());
    if (rows->empty()) return {};
    return {db::AsInt((*rows)[0][0]), db::AsInt((*rows)[0][1])};
  }
  void Plan(std::deque<CommitFault> faults) {
    faults_ = std::move(faults);
    database_->plan = [this] {
      if (faults_.empty()) return CommitFault::kNone;
      const CommitFault next = faults_.front();
      faults_.pop_front();
      return next;
    };
  }
  void Recover() {
    Settle();
    clock_.Advance(absl::Seconds(5));
    Settle();
  }

  FakeClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  SeededIdSource ids_{1};
  bus::EmbeddedBus bus_{kDefaultShards};
  std::unique_ptr<db::Database> file_;
  std::unique_ptr<test::FaultyDatabase> database_;
  std::deque<bus::RecordPtr> records_;
  ScriptedSubscriber::Positions held_;
  ScriptedSubscriber::Positions reached_;
  std::deque<CommitFault> faults_;
  std::unique_ptr<runtime::ServiceCore> core_;
};

TEST_F(EngineRawTest, ATopicMadeAnewLosesNothing) {
  for (int i = 0; i < 3; ++i) Raw(0, i, absl::StrCat("old", i));
  Settle();
  EXPECT_THAT(Place(kRawTopic, kShard), ElementsAre(0, 3));
  Raw(1, 0, "new0");
  Raw(1, 1, "new1");
  Settle();
  EXPECT_EQ(Applied(), "old0 old1 old2 new0 new1 ");
  EXPECT_THAT(Place(kRawTopic, kShard), ElementsAre(1, 2));
  // And over a restart: the count goes on.
  Boot();
  EXPECT_EQ((held_[{kRawTopic, kShard}]), (bus::Position{1, 2}));
  Raw(1, 2, "new2");
  Settle();
  EXPECT_EQ(Applied(), "old0 old1 old2 new0 new1 new2 ");
}

TEST_F(EngineRawTest, WhatExpiredUnreadIsPassedOver) {
  for (int i = 0; i < 3; ++i) Raw(0, i, absl::StrCat(i));
  Settle();
  Raw(1, 100, "100");  // the position was lost, and the topic begins there
  Settle();
  EXPECT_EQ(Applied(), "0 1 2 100 ");
  EXPECT_THAT(Place(kRawTopic, kShard), ElementsAre(1, 101));
}

TEST_F(EngineRawTest, AnUnknownCommitAppliesARecordOnce) {
  std::string wanted;
  int64_t offset = 0;
  for (const CommitFault unknown : {CommitFault::kUnknownDone, CommitFault::kUnknownNotDone}) {
    Plan({unknown});
    for (int i = 0; i < 2; ++i) {
      absl::StrAppend(&wanted, offset, " ");
      Raw(0, offset, absl::StrCat(offset));
      ++offset;
    }
    Recover();
    EXPECT_EQ(Applied(), wanted);
  }
}

TEST_F(EngineRawTest, AnUnknownCommitWhileATopicIsMadeAnewAppliesARecordOnce) {
  std::string wanted;
  int64_t anew = 0;
  for (const CommitFault unknown : {CommitFault::kUnknownDone, CommitFault::kUnknownNotDone}) {
    // After it the place on the new topic has the same number as the one on the old.
    Raw(anew, 0, "x");
    Settle();
    Plan({unknown});
    Raw(anew, 1, "y");
    Raw(++anew, 0, "z");
    Recover();
    absl::StrAppend(&wanted, "x y z ");
    EXPECT_EQ(Applied(), wanted);
    EXPECT_THAT(Place(kRawTopic, kShard), ElementsAre(anew, 1));
    ++anew;
  }
}

TEST_F(EngineRawTest, NothingPassesARecordThatOthersWereInTheWayOf) {
  // Four times together, four times the first alone.
  Plan(std::deque<CommitFault>(8, CommitFault::kAborted));
  for (int i = 0; i < 3; ++i) Raw(0, i, absl::StrCat(i));
  Settle();
  EXPECT_EQ(Applied(), "0 1 2 ");
}

TEST_F(EngineRawTest, NothingPassesARecordThatWaitsToBeSetAside) {
  // Together they fail, the first fails alone, and storage goes away while it is set aside.
  Plan({CommitFault::kBroken, CommitFault::kBroken, CommitFault::kRefused});
  for (int i = 0; i < 3; ++i) Raw(0, i, absl::StrCat(i));
  Recover();
  EXPECT_EQ(Applied(), "1 2 ");
  const auto letters = engine::ListDeadLetters(*database_, "", false);
  ASSERT_EQ(letters->size(), 1u);
  EXPECT_EQ((*letters)[0].offset(), 0);
  EXPECT_EQ((*letters)[0].reason(), "STORE_FAILED");
}

TEST_F(EngineRawTest, DeadLettersOfATopicMadeAnewAreOthers) {
  for (const int64_t anew : {0, 1}) {
    Plan({CommitFault::kBroken});
    Raw(anew, 0, "x");
    Settle();
  }
  EXPECT_EQ(engine::ListDeadLetters(*database_, "", false)->size(), 2u);
}

TEST_F(EngineRawTest, WhileAJournalIsReadThePlaceOnItsTopicIsUnknown) {
  const int shard = ShardOf("a", kDefaultShards);
  Event("a", 1, 1, 41);
  Settle();
  EXPECT_THAT(Place(test::kToyTopic, shard), ElementsAre(1, 42));
  // The topic was made anew: what it lacks comes from the journal.
  Event("a", 2, 2, -1);
  Settle();
  EXPECT_THAT(Place(test::kToyTopic, shard), ElementsAre(2, -1));
  Boot();
  EXPECT_EQ((held_[{test::kToyTopic, shard}]), (bus::Position{2, -1})) << "not at 42 of another";
  Event("a", 3, 3, -1);
  Event("a", 4, 4, 0);
  Settle();
  EXPECT_THAT(Place(test::kToyTopic, shard), ElementsAre(4, 1));
}

TEST_F(EngineRawTest, AShardsPlaceIsStoredWhenItIsKnownAgain) {
  const int shard = ShardOf("a", kDefaultShards);
  Event("a", 1, 1, -1);
  Settle();
  EXPECT_THAT(Place(test::kToyTopic, shard), ElementsAre(1, -1));
  // The topic is read from there; nothing new lies on it. Or all that does was known.
  for (const bus::Position now : {bus::Position{1, 7}, bus::Position{5, 9}}) {
    reached_[{test::kToyTopic, shard}] = now;
    clock_.Advance(absl::Seconds(1));
    Settle();
    EXPECT_THAT(Place(test::kToyTopic, shard), ElementsAre(now.sequence, now.next_offset));
    EXPECT_TRUE(reached_.empty()) << "it is told";
  }
}

TEST_F(EngineRawTest, NoPlaceIsStoredThatPassesWhatWaits) {
  const int shard = ShardOf("a", kDefaultShards);
  Event("a", 1, 1, 41);
  Settle();
  Event("a", 3, 3, 43);  // its producer is being asked for version 2
  reached_[{test::kToyTopic, shard}] = {3, 44};
  clock_.Advance(absl::Seconds(1));
  for (int i = 0; i < 3; ++i) core_->engine().RunOnce();
  EXPECT_THAT(Place(test::kToyTopic, shard), ElementsAre(1, 42));
  EXPECT_FALSE(reached_.empty());
}

TEST_F(EngineRawTest, WhileWhatAJournalGaveIsHeldBackThePlaceOnItsTopicIsUnknown) {
  const int shard = ShardOf("a", kDefaultShards);
  Event("a", 1, 1, 41);
  Settle();
  Event("a", 3, 3, -1);  // its producer is being asked for version 2
  core_->engine().RunOnce();
  EXPECT_THAT(Place(test::kToyTopic, shard), ElementsAre(1, -1));
  Event("a", 4, 4, 7);
  core_->engine().RunOnce();
  EXPECT_THAT(Place(test::kToyTopic, shard), ElementsAre(1, -1));
}

}  // namespace
}  // namespace watchbell
