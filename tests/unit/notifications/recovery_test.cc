// Over a real database: what a dead process had in flight is found and sent again, once.
#include "services/notifications/recovery.h"

#include "common/base/shard.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/db/sqlite/sqlite_db.h"
#include "services/notifications/notifications_store.h"
#include "services/notifications/spec.h"
#include "tests/support/fake_sender.h"
#include "tests/support/faulty_db.h"
#include "tests/unit/notifications/decider_fixture.h"

namespace watchbell::notifications {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RecoveryTest : public DeciderTest {
 protected:
  void SetUp() override {
    core_.reset();
    real_ = *db::OpenSqliteInMemory();
    database_ = std::make_unique<test::FaultyDatabase>(*real_);
    ASSERT_TRUE(db::Migrate(*database_, runtime::AllMigrations(TestSpec())).ok());
    Boot();
  }
  // The service alone: pages are fed to it as if escalation's topic had brought them.
  static runtime::ServiceSpec TestSpec() {
    runtime::ServiceSpec spec = Spec();
    spec.consumes.clear();
    return spec;
  }
  void Boot() {
    sender.Connect(nullptr);
    core_.reset();
    bus_ = std::make_unique<bus::EmbeddedBus>(kDefaultShards);
    // Opening the shards recovers what the last process left: its outcomes come as they did.
    runtime::ServiceCore::Parts parts{*database_, clock_, ids_, *bus_, &sender};
    parts.recover = RecoverInFlight;
    core_ = *runtime::ServiceCore::Make(TestSpec(), std::move(parts));
    ASSERT_TRUE(core_->Open().ok());
    sender.Connect(
        [this](engine::Input input) { return core_->engine().Submit(std::move(input)); });
  }
  void Feed(std::shared_ptr<const google::protobuf::Message> message) {
    engine::Input input;
    input.kind = engine::Input::Kind::kOutcome;
    input.identity.tenant = "default";
    input.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    input.message = std::move(message);
    ASSERT_TRUE(core_->engine().Submit(std::move(input)).ok());
  }
  void Settle() {
    clock_.Advance(absl::Microseconds(2));
    while (core_->engine().RunOnce().more) {
    }
  }
  // Steps until nothing is left to do or to fire just now.
  void SettleAll() {
    for (int i = 0; i < 4; ++i) Settle();
  }

  FakeClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  SeededIdSource ids_{1};
  test::FakeSender sender;
  std::unique_ptr<db::Database> real_;
  std::unique_ptr<test::FaultyDatabase> database_;
  std::unique_ptr<bus::EmbeddedBus> bus_;
  std::unique_ptr<runtime::ServiceCore> core_;
};

TEST_F(RecoveryTest, OnlyWhatWasInFlightIsSentAgain) {
  sender.Decide([](const v1::Delivery& delivery) {
    const bool lost = delivery.medium() == v1::MEDIUM_EMAIL && delivery.attempts() == 1;
    return lost ? test::FakeSender::Answer::kNone : test::FakeSender::Answer::kTaken;
  });
  Feed(std::make_shared<v1::PutContactRequest>(Ana(2)));
  Feed(std::make_shared<events::v1::PageRequested>(PageFor("ana")));
  SettleAll();
  ASSERT_EQ(sender.attempts().size(), 2u);
  EXPECT_THAT(*TicketsInFlight(*database_), ElementsAre(TicketKey("default", "inc-7")));

  Boot();
  SettleAll();
  ASSERT_EQ(sender.attempts().size(), 3u);
  const v1::Delivery again = sender.attempts()[2].delivery;
  EXPECT_EQ(again.delivery_id(), kMail);
  EXPECT_EQ(again.attempts(), 2);
  EXPECT_TRUE(again.possible_repeat());
  EXPECT_THAT(*TicketsInFlight(*database_), IsEmpty());

  // Nothing is left for the next start.
  Boot();
  SettleAll();
  EXPECT_EQ(sender.attempts().size(), 3u);
}

// Whichever commit it is, and whether or not it is one.
TEST_F(RecoveryTest, AConnectionCutInACommitDelaysNoPage) {
  using test::CommitFault;
  int commits = 0;
  const auto page = [&](CommitFault fault, int cut) {
    SCOPED_TRACE(testing::Message() << "commit " << cut);
    SetUp();
    Feed(std::make_shared<v1::PutContactRequest>(Ana(2)));
    SettleAll();
    const size_t before = sender.attempts().size();
    commits = 0;
    database_->plan = [&] { return ++commits == cut ? fault : CommitFault::kNone; };
    Feed(std::make_shared<events::v1::PageRequested>(PageFor("ana")));
    for (int i = 0; i < 20; ++i) {
      SettleAll();
      clock_.Advance(absl::Milliseconds(100));
    }
    ASSERT_EQ(sender.attempts().size(), before + 2);
    for (size_t i = before; i < sender.attempts().size(); ++i) {
      EXPECT_EQ(sender.attempts()[i].delivery.attempts(), 1);
      EXPECT_FALSE(sender.attempts()[i].delivery.possible_repeat());
    }
    EXPECT_THAT(*TicketsInFlight(*database_), IsEmpty());
  };
  page(CommitFault::kNone, 0);
  const int all = commits;
  EXPECT_GT(all, 1);
  for (const CommitFault fault : {CommitFault::kUnknownDone, CommitFault::kUnknownNotDone}) {
    for (int cut = 1; cut <= all; ++cut) page(fault, cut);
  }
}

// A page on a ticket of each of two shards; the first attempts' outcomes are lost.
class TakeoverTest : public RecoveryTest {
 protected:
  static constexpr char kOther[] = "inc-9";

  void SetUp() override {
    RecoveryTest::SetUp();
    ASSERT_NE(Shard("inc-7"), Shard(kOther));
    sender.Decide([](const v1::Delivery& delivery) {
      return delivery.attempts() == 1 ? test::FakeSender::Answer::kNone
                                      : test::FakeSender::Answer::kTaken;
    });
    Feed(std::make_shared<v1::PutContactRequest>(Ana(1)));
    Feed(std::make_shared<events::v1::PageRequested>(PageFor("ana")));
    events::v1::PageRequested other = PageFor("ana", "inc-9/run/1");
    other.mutable_page()->set_ticket_id(kOther);
    Feed(std::make_shared<events::v1::PageRequested>(other));
    SettleAll();
    ASSERT_EQ(sender.attempts().size(), 2u);
  }
  static int Shard(const std::string& ticket) { return ShardOf(ticket, kDefaultShards); }
  // As if this replica had claimed the delivery of inc-7.
  void ClaimedBy(const std::string& replica) {
    const engine::EntityKey key = TicketKey("default", "inc-7");
    int64_t version = 0;
    state::v1::TicketDeliveries state;
    ASSERT_TRUE(state.ParseFromString(
        *runtime::ReadEntityBytes(*database_, key.cls, key.tenant, key.id, &version)));
    state.mutable_deliveries(0)->set_claimed_by(replica);
    Store("UPDATE entities SET body = $1 WHERE class = $2 AND tenant = $3 AND id = $4",
          {db::Bytes{state.SerializeAsString()}, int64_t{key.cls}, key.tenant, key.id});
  }
  void Store(const std::string& sql, const std::vector<db::Value>& params) {
    auto transaction = database_->Begin();
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    const auto changed = (*transaction)->Execute(sql, params);
    ASSERT_TRUE(changed.ok()) << changed.status();
    ASSERT_EQ(*changed, 1);
    ASSERT_TRUE((*transaction)->Commit().ok());
  }
  void Beats(const std::string& replica) {
    Store("INSERT INTO replicas (id, address, beat, sessions) VALUES ($1, '', 1, '')", {replica});
  }
  // Ids of the deliveries that were sent a second time.
  std::vector<std::string> SentAgain() {
    std::vector<std::string> ids;
    for (const test::FakeSender::Attempt& attempt : sender.attempts()) {
      if (attempt.delivery.attempts() > 1) ids.push_back(attempt.delivery.delivery_id());
    }
    return ids;
  }
};

TEST_F(TakeoverTest, OnlyTheShardThatWasTakenOver) {
  ASSERT_TRUE(RecoverInFlight(*core_, Shard("inc-7")).ok());
  SettleAll();
  EXPECT_THAT(SentAgain(), ElementsAre(kMail));
  EXPECT_THAT(*TicketsInFlight(*database_), ElementsAre(TicketKey("default", kOther)));
  EXPECT_TRUE(sender.attempts().back().delivery.possible_repeat());
  // Once: a second time finds nothing.
  ASSERT_TRUE(RecoverInFlight(*core_, Shard("inc-7")).ok());
  SettleAll();
  EXPECT_EQ(sender.attempts().size(), 3u);
}

TEST_F(TakeoverTest, WhatALivingReplicaHasInFlightIsLeftToIt) {
  ClaimedBy("replica-a");
  Beats("replica-a");
  Boot();
  SettleAll();
  EXPECT_THAT(SentAgain(), ElementsAre("inc-9/run/1/1/1/ana/email1")) << "its claimant is gone";
  // It dies after all: its claim runs out.
  clock_.Advance(kClaimTime);
  SettleAll();
  EXPECT_EQ(SentAgain().back(), kMail);
}

TEST_F(TakeoverTest, WhatADeadReplicaHadInFlightIsSentAtOnce) {
  ClaimedBy("replica-a");
  Beats("replica-b");
  Boot();
  SettleAll();
  EXPECT_THAT(SentAgain(), testing::UnorderedElementsAre(kMail, "inc-9/run/1/1/1/ana/email1"));
}

TEST_F(TakeoverTest, ARecoveryKeepsTheTrace) {
  const std::string trace = sender.attempts()[0].delivery.traceparent();
  Boot();
  SettleAll();
  for (const test::FakeSender::Attempt& attempt : sender.attempts()) {
    EXPECT_EQ(attempt.delivery.traceparent(), trace);
  }
  const auto rows = database_->Read("SELECT type, traceparent FROM journal", {});
  ASSERT_TRUE(rows.ok());
  int retried = 0;
  for (const db::Row& row : *rows) {
    if (db::AsText(row[0]) != "io.watchbell.notification.retried.v1") continue;
    ++retried;
    EXPECT_EQ(db::AsText(row[1]), trace);
  }
  EXPECT_EQ(retried, 2);
}

}  // namespace
}  // namespace watchbell::notifications
