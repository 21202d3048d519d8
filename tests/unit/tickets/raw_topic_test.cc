// The raw topic through the whole engine: each record counts once by its offset, and none is lost
// without a trace.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <set>
#include <utility>

#include "common/bus/dead_letter_record.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/dead_letters.h"
#include "common/runtime/service_core.h"
#include "services/tickets/spec.h"
#include "services/tickets/tickets_store.h"
#include "tests/support/forwarding_subscriber.h"
#include "tests/unit/tickets/raw_records.h"

namespace watchbell::tickets {
namespace {

// What a broker holds, offered from the beginning each time a subscriber is made.
class RawFeed : public test::ForwardingSubscriber {
 public:
  RawFeed(std::unique_ptr<bus::Subscriber> real, std::deque<bus::RecordPtr> records)
      : ForwardingSubscriber(std::move(real)), records_(std::move(records)) {}

  absl::StatusOr<std::vector<bus::RecordPtr>> Poll(size_t max) override {
    std::vector<bus::RecordPtr> polled;
    while (!records_.empty() && polled.size() < max) {
      polled.push_back(std::move(records_.front()));
      records_.pop_front();
    }
    return polled;
  }

 private:
  std::deque<bus::RecordPtr> records_;
};

class RawTopicTest : public testing::Test {
 protected:
  RawTopicTest() { EXPECT_TRUE(db::Migrate(*database_, runtime::AllMigrations(Alone())).ok()); }
  static runtime::ServiceSpec Alone() {
    runtime::ServiceSpec spec = Spec("acme");
    spec.consumes = {};
    return spec;
  }
  void Write(const std::string& value, Headers headers = {}) {
    bus::Record record = Record(value, std::move(headers));
    record.shard = 3;
    record.offset = static_cast<int64_t>(records_.size());
    record.key = "\xff any \x01";
    records_.push_back(std::make_shared<bus::Record>(std::move(record)));
  }
  // A process that starts, does all there is to do, and ends.
  void RunOnce() {
    Boot();
    Step();
  }
  void Boot() {
    core_.reset();
    bus_ = std::make_unique<bus::EmbeddedBus>(kDefaultShards);
    runtime::ServiceCore::Parts parts{*database_, clock_, ids_, *bus_};
    parts.wrap_subscriber = [this](std::unique_ptr<bus::Subscriber> real) {
      return std::make_unique<RawFeed>(std::move(real), records_);
    };
    auto core = runtime::ServiceCore::Make(Alone(), std::move(parts));
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
    ASSERT_TRUE(core_->Open().ok());
  }
  void Step() {
    while (core_->engine().RunOnce().more) {
    }
  }
  std::vector<v1::Ticket> Tickets() {
    const auto list = ListTickets(*database_, "acme", {});
    EXPECT_TRUE(list.ok()) << list.status();
    return {list->tickets().begin(), list->tickets().end()};
  }
  std::vector<admin::v1::DeadLetter> Letters() {
    const auto letters = engine::ListDeadLetters(*database_, "", /*all=*/true);
    EXPECT_TRUE(letters.ok()) << letters.status();
    return *letters;
  }
  int64_t JournalRows() {
    return db::AsInt((*database_->Read("SELECT COUNT(*) FROM journal", {}))[0][0]);
  }

  FakeClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  SeededIdSource ids_{1};
  std::unique_ptr<db::Database> database_ = *db::OpenSqliteInMemory();
  std::deque<bus::RecordPtr> records_;
  std::unique_ptr<bus::EmbeddedBus> bus_;
  std::unique_ptr<runtime::ServiceCore> core_;
};

TEST_F(RawTopicTest, ARecordCountsOnce) {
  Write(Webhook(), {{"traceparent", kTrace}});
  RunOnce();
  ASSERT_EQ(Tickets().size(), 1u);
  EXPECT_TRUE(Letters().empty());
  const auto traces = database_->Read("SELECT DISTINCT traceparent FROM journal", {});
  ASSERT_TRUE(traces.ok());
  ASSERT_EQ(traces->size(), 1u);
  EXPECT_EQ(db::AsText((*traces)[0][0]), kTrace);
  // Offered again, it changes nothing, not even a history.
  const int64_t rows = JournalRows();
  RunOnce();
  EXPECT_EQ(JournalRows(), rows);
  Write(R"([{"labels":{"alertname":"Mail"}}])");
  RunOnce();
  EXPECT_EQ(Tickets().size(), 2u);
}

TEST_F(RawTopicTest, WhatIsNoAlertIsADeadLetterAndTheNextOneIsTaken) {
  Write("CRITICAL db-9 down", {{"x", "\xff"}, {"x", "2"}});
  Write("\xff\xfe");
  Write(Webhook(), {{"content-type", "application/protobuf"}});
  Write(Webhook());
  RunOnce();
  EXPECT_EQ(Tickets().size(), 1u);
  const auto letters = Letters();
  ASSERT_EQ(letters.size(), 3u);
  std::multiset<std::string> reasons;
  for (const admin::v1::DeadLetter& letter : letters) {
    reasons.insert(letter.reason());
    EXPECT_FALSE(letter.parked());
    EXPECT_EQ(letter.state(), admin::v1::DEAD_LETTER_STATE_OPEN);
  }
  EXPECT_EQ(reasons, (std::multiset<std::string>{"MALFORMED_JSON", "MALFORMED_JSON",
                                                 "UNSUPPORTED_CONTENT_TYPE"}));
  const int64_t rows = JournalRows();
  RunOnce();
  EXPECT_EQ(JournalRows(), rows) << "a dead letter is made once";
}

// Its dead letter must fit on a topic that takes little more than the record itself.
TEST_F(RawTopicTest, ARecordThatIsOneGiantNameMakesALetterHardlyLarger) {
  const std::string giant(1'040'000, 'X');
  Write(Structured(Data(Webhook()), absl::StrCat(",\"", giant, "\":\"\"")), kStructured);
  RunOnce();
  const auto rows = database_->Read(
      "SELECT payload FROM journal WHERE type = 'io.watchbell.bus.dead_lettered.v1'", {});
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  journal::JournalRow row;
  row.payload = db::AsBytes((*rows)[0][0]);
  EXPECT_LT(row.payload.size(), records_[0]->value.size() + 2048);
  const auto record = bus::ToDeadLetterRecord(row, "1.0.0");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->value, records_[0]->value);
  size_t headers = 0;
  for (const auto& [name, value] : record->headers) headers += name.size() + value.size();
  EXPECT_LT(headers, 1024u);
  const auto header = [&record](absl::string_view wanted) {
    for (const auto& [name, value] : record->headers) {
      if (name == wanted) return value;
    }
    return std::string("none");
  };
  EXPECT_EQ(header("dlq_reason"), "INVALID_ATTRIBUTE_NAME");
  EXPECT_EQ(header("dlq_path"), "") << "the whole rather than elsewhere";
  // A short one is pointed at, whatever it holds.
  Write(Structured(Data(Webhook()), R"(,"a\nb":"")"), kStructured);
  RunOnce();
  ASSERT_EQ(Letters().size(), 2u);
  EXPECT_EQ(Letters()[0].path() + Letters()[1].path(), "/a\nb");
}

TEST_F(RawTopicTest, TheBadPartOfARecordIsADeadLetterTheRestATicket) {
  Write(Webhook(absl::StrCat(kAlert, R"(,{"status":"fring"},7)")));
  RunOnce();
  EXPECT_EQ(Tickets().size(), 1u);
  ASSERT_EQ(Letters().size(), 1u);
  const admin::v1::DeadLetter letter = Letters()[0];
  EXPECT_EQ(letter.reason(), "UNKNOWN_ENUM");
  EXPECT_EQ(letter.message(),
            "2 of 3 alerts bad: /alerts/1/status is neither firing nor resolved; "
            "WRONG_TYPE: /alerts/2 is no object");
  EXPECT_EQ(letter.path(), "/alerts/1/status");
  // Tried again, the good one is known, and the bad ones are as bad as before.
  bool answered = false;
  ASSERT_TRUE(core_->engine()
                  .ReleaseDeadLetter(letter.dead_letter_id(), /*skip=*/false,
                                     [&](absl::StatusOr<engine::Reply> reply) {
                                       EXPECT_TRUE(reply.ok()) << reply.status();
                                       answered = true;
                                     })
                  .ok());
  Step();
  EXPECT_TRUE(answered);
  EXPECT_EQ(Tickets().size(), 1u);
  ASSERT_EQ(Letters().size(), 1u);
  EXPECT_EQ(Letters()[0].state(), admin::v1::DEAD_LETTER_STATE_OPEN);
  EXPECT_EQ(Letters()[0].attempts(), 2);
}

}  // namespace
}  // namespace watchbell::tickets
