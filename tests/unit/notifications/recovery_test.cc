// Over a real database: what a dead process had in flight is found and sent again, once.
#include "services/notifications/recovery.h"

#include "common/bus/embedded/embedded_bus.h"
#include "common/db/sqlite/sqlite_db.h"
#include "services/notifications/notifications_store.h"
#include "services/notifications/spec.h"
#include "tests/support/fake_sender.h"
#include "tests/unit/notifications/decider_fixture.h"

namespace watchbell::notifications {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RecoveryTest : public DeciderTest {
 protected:
  void SetUp() override {
    database_ = *db::OpenSqliteInMemory();
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
    core_ = *runtime::ServiceCore::Make(TestSpec(), {*database_, clock_, ids_, *bus_, &sender});
    ASSERT_TRUE(core_->Open().ok());
    sender.Connect(
        [this](engine::Input input) { return core_->engine().Submit(std::move(input)); });
  }
  void Feed(std::shared_ptr<const google::protobuf::Message> message) {
    engine::Input input;
    input.kind = engine::Input::Kind::kOutcome;
    input.identity.tenant = "default";
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
  std::unique_ptr<db::Database> database_;
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
  ASSERT_TRUE(RecoverInFlight(*core_).ok());
  SettleAll();
  ASSERT_EQ(sender.attempts().size(), 3u);
  const v1::Delivery again = sender.attempts()[2].delivery;
  EXPECT_EQ(again.delivery_id(), kMail);
  EXPECT_EQ(again.attempts(), 2);
  EXPECT_TRUE(again.possible_repeat());
  EXPECT_THAT(*TicketsInFlight(*database_), IsEmpty());

  // Nothing is left for the next start.
  Boot();
  ASSERT_TRUE(RecoverInFlight(*core_).ok());
  SettleAll();
  EXPECT_EQ(sender.attempts().size(), 3u);
}

}  // namespace
}  // namespace watchbell::notifications
