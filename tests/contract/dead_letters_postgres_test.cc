// Dead letters on a real PostgreSQL: what is found without what they hold.
#include "common/engine/dead_letters.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "common/bus/event_registry.h"
#include "common/db/migrations.h"
#include "common/engine/engine.h"
#include "common/engine/tables.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/postgres_backend.h"
#include "watchbell/events/v1/dead_letters.pb.h"

namespace watchbell::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DeadLettersPostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status migrated = db::Migrate(*database_, {EngineSchema()});
    ASSERT_TRUE(migrated.ok()) << migrated;
  }

  // The next one, in this shard.
  admin::v1::DeadLetter Letter(int shard, admin::v1::DeadLetterState state) {
    admin::v1::DeadLetter letter;
    ++made_;
    letter.set_dead_letter_id(absl::StrCat("dl-", made_));
    letter.set_partition(shard);
    letter.set_state(state);
    letter.set_sequence(made_);
    letter.set_value("what it holds");
    *letter.mutable_first_seen_at() = ToProto(absl::FromUnixSeconds(1'767'225'600 - made_));
    return letter;
  }
  void Store(const admin::v1::DeadLetter& letter) {
    struct Rows : IndexWriter {
      void Upsert(const db::Table& table, db::Row row) override {
        EXPECT_TRUE(transaction->Upsert(table, {row}).ok());
      }
      void Delete(const db::Table&, db::Row) override { FAIL() << "they stay"; }
      db::Transaction* transaction;
    } rows;
    auto transaction = *database_->Begin();
    rows.transaction = transaction.get();
    IndexDeadLetter(letter, rows);
    const db::Row entity = {int64_t{DeadLetterClass().cls}, "", letter.dead_letter_id(), int64_t{1},
                            db::Bytes{letter.SerializeAsString()}};
    EXPECT_TRUE(transaction->Upsert(EntityTable(), {entity}).ok());
    const absl::Status committed = transaction->Commit();
    EXPECT_TRUE(committed.ok()) << committed;
  }
  static std::vector<std::string> IdsOf(
      const absl::StatusOr<std::vector<admin::v1::DeadLetter>>& letters) {
    EXPECT_TRUE(letters.ok()) << letters.status();
    std::vector<std::string> ids;
    for (const auto& letter : *letters) ids.push_back(letter.dead_letter_id());
    return ids;
  }

  db::PostgresSchema schema_;
  std::unique_ptr<db::Database> database_ = schema_.Open();
  int64_t made_ = 0;
};

TEST_F(DeadLettersPostgresTest, AreListedOldestFirst) {
  admin::v1::DeadLetter letter = Letter(1, admin::v1::DEAD_LETTER_STATE_OPEN);
  letter.set_tenant("theirs");
  Store(letter);
  Store(Letter(2, admin::v1::DEAD_LETTER_STATE_OPEN));
  Store(Letter(3, admin::v1::DEAD_LETTER_STATE_SKIPPED));
  EXPECT_THAT(IdsOf(ListDeadLetters(*database_, "", true)), ElementsAre("dl-3", "dl-2", "dl-1"));
  EXPECT_THAT(IdsOf(ListDeadLetters(*database_, "theirs", false)), ElementsAre("dl-2", "dl-1"));
  EXPECT_THAT(IdsOf(ListDeadLetters(*database_, "ours", false)), ElementsAre("dl-2"));
  EXPECT_FALSE(ListDeadLetters(*database_, "", true)->at(0).has_value());
}

TEST_F(DeadLettersPostgresTest, ThoseToBeTriedAgainAreFoundByTheirShard) {
  for (const int shard : {1, 2}) {
    Store(Letter(shard, admin::v1::DEAD_LETTER_STATE_RETRIED));
    Store(Letter(shard, admin::v1::DEAD_LETTER_STATE_APPLIED));
    admin::v1::DeadLetter parked = Letter(shard, admin::v1::DEAD_LETTER_STATE_RETRIED);
    parked.set_parked(true);
    Store(parked);
  }
  const auto letters = RetriedDeadLetters(*database_, {2, 3});
  EXPECT_THAT(IdsOf(letters), ElementsAre("dl-4"));
  EXPECT_EQ(letters->at(0).value(), "what it holds");
  EXPECT_THAT(IdsOf(RetriedDeadLetters(*database_, {1, 2})), ElementsAre("dl-4", "dl-1"));
  EXPECT_THAT(IdsOf(RetriedDeadLetters(*database_, {})), IsEmpty());
}

TEST_F(DeadLettersPostgresTest, ThoseOfATypeThatIsKnownByNowAreFound) {
  const auto of_type = [this](const std::string& type, const std::string& reason) {
    admin::v1::DeadLetter letter = Letter(1, admin::v1::DEAD_LETTER_STATE_OPEN);
    letter.set_parked(true);
    letter.set_type(type);
    letter.set_reason(reason);
    Store(letter);
  };
  const std::string known = bus::EventTypeOf(*events::v1::DeadLettered::descriptor());
  of_type(known, "UNKNOWN_TYPE");
  of_type("io.example.unknown.v1", "UNKNOWN_TYPE");
  of_type(known, "POISON");
  EXPECT_THAT(*ReadableDeadLetters(*database_, {0, 1}), ElementsAre("dl-1"));
  EXPECT_THAT(*ReadableDeadLetters(*database_, {2}), IsEmpty());
}

}  // namespace
}  // namespace watchbell::engine
