// A toy service and one that follows it, over an embedded bus that can lag, lose and stray.
#ifndef WATCHBELL_TESTS_UNIT_COMMON_ENGINE_FIXTURE_H_
#define WATCHBELL_TESTS_UNIT_COMMON_ENGINE_FIXTURE_H_

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/bus/embedded/embedded_bus.h"
#include "common/clock/clock.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "common/runtime/service_core.h"
#include "gtest/gtest.h"
#include "tests/support/faulty_db.h"
#include "tests/support/forwarding_subscriber.h"
#include "tests/support/toy_service.h"

namespace watchbell::test {

// Holds back what it is told to, to make a follower lag.
class LaggingSubscriber : public ForwardingSubscriber {
 public:
  LaggingSubscriber(std::unique_ptr<bus::Subscriber> real, const bool& lag, const bool& drop)
      : ForwardingSubscriber(std::move(real)), lag_(lag), drop_(drop) {}
  absl::StatusOr<std::vector<bus::RecordPtr>> Poll(size_t max) override {
    if (lag_) return std::vector<bus::RecordPtr>();
    auto records = ForwardingSubscriber::Poll(max);
    if (drop_ && records.ok()) records->clear();
    if (records.ok()) records->insert(records->end(), strays.begin(), strays.end());
    strays.clear();
    return records;
  }
  bool AtEnd(const std::string& topic, int shard, absl::Time since) override {
    return !lag_ && since <= end_known_at && ForwardingSubscriber::AtEnd(topic, shard, since);
  }
  absl::StatusOr<std::optional<std::vector<bus::RecordPtr>>> ReadStream(const std::string& topic,
                                                                        const std::string& tenant,
                                                                        const std::string& id,
                                                                        int64_t after,
                                                                        int limit) override {
    if (unreachable) return absl::UnavailableError("the producer does not answer");
    if (pending) return std::optional<std::vector<bus::RecordPtr>>();
    return ForwardingSubscriber::ReadStream(topic, tenant, id, after, std::min(limit, chunk));
  }
  absl::Time end_known_at = absl::InfiniteFuture();
  bool unreachable = false;
  bool pending = false;                // a producer that is being asked
  int chunk = 1'000'000;               // rows it answers with at most, whatever was asked for
  std::vector<bus::RecordPtr> strays;  // come with the next Poll: anybody may write to a topic

 private:
  const bool& lag_;
  const bool& drop_;
};

class EngineTest : public testing::Test {
 protected:
  static inline const absl::Time kStart = absl::FromUnixSeconds(1'767'225'600);

  void SetUp() override {
    toy_file_ = *db::OpenSqliteInMemory();
    follower_file_ = *db::OpenSqliteInMemory();
    toy_db_ = std::make_unique<FaultyDatabase>(*toy_file_);
    follower_db_ = std::make_unique<FaultyDatabase>(*follower_file_);
    ASSERT_TRUE(db::Migrate(*toy_db_, {engine::EngineSchema()}).ok());
    ASSERT_TRUE(db::Migrate(*follower_db_, {engine::EngineSchema()}).ok());
    Boot();
  }

  // Starts both services over what is stored; called again it is a restart after a kill.
  void Boot() {
    follower_.reset();
    toy_.reset();
    bus_ = std::make_unique<bus::EmbeddedBus>(kDefaultShards);
    toy_ = *runtime::ServiceCore::Make({"toy", {}, std::make_shared<ToyDecider>(), {}},
                                       {*toy_db_, clock_, ids_, *bus_});
    follower_decider_ = std::make_shared<FollowerDecider>();
    runtime::ServiceCore::Parts parts{*follower_db_, clock_, ids_, *bus_};
    parts.wrap_subscriber = [this](std::unique_ptr<bus::Subscriber> real) {
      auto lagging = std::make_unique<LaggingSubscriber>(std::move(real), lag_, drop_);
      subscriber_ = lagging.get();
      return lagging;
    };
    parts.patience = patience_;
    follower_ = *runtime::ServiceCore::Make(
        {"follower", {}, follower_decider_, {kToyTopic}, {}, all_patient_}, parts);
    ASSERT_TRUE(toy_->Open().ok());
    ASSERT_TRUE(follower_->Open().ok());
  }

  void Settle() {
    for (int i = 0; i < 1000; ++i) {
      const bool toy = toy_->engine().RunOnce().more;
      const bool follower = follower_->engine().RunOnce().more;
      if (!toy && !follower) return;
    }
    FAIL() << "never at rest";
  }

  static engine::Input Bump(const std::string& thing, const std::string& what = "",
                            const std::string& request_id = "") {
    StartWorkRequest request;
    request.set_name(thing);
    request.set_etag(what);
    engine::Input input;
    input.identity = {"default", "ana", {}};
    input.message = std::make_shared<StartWorkRequest>(request);
    input.request_id = request_id;
    return input;
  }

  // Submits; the answer appears in answers_[index] once the engine has run.
  absl::Status Submit(runtime::ServiceCore& core, engine::Input input) {
    auto place = std::make_shared<std::optional<absl::StatusOr<engine::Reply>>>();
    answers_.push_back(place);
    input.done = [place](absl::StatusOr<engine::Reply> reply) { *place = std::move(reply); };
    return core.engine().Submit(std::move(input));
  }
  const absl::StatusOr<engine::Reply>& answer(size_t i) {
    EXPECT_TRUE(answers_[i]->has_value()) << "no answer " << i;
    return **answers_[i];
  }
  bool answered(size_t i) { return answers_[i]->has_value(); }
  int CountIn(size_t i) {
    Ticket thing;
    EXPECT_TRUE(answer(i).ok()) << answer(i).status();
    if (!answer(i).ok()) return -1;
    EXPECT_TRUE(thing.ParseFromString(answer(i)->bytes));
    return thing.reopen_count();
  }
  Ticket State(runtime::ServiceCore& core, const std::string& id) {
    auto state = runtime::ReadEntity<Ticket>(core.database(), 1, "default", id);
    EXPECT_TRUE(state.ok());
    return *state == nullptr ? Ticket() : **state;
  }

  FakeClock clock_{kStart};
  SeededIdSource ids_{1};
  std::unique_ptr<db::Database> toy_file_, follower_file_;
  std::unique_ptr<FaultyDatabase> toy_db_, follower_db_;
  std::unique_ptr<bus::EmbeddedBus> bus_;
  std::shared_ptr<FollowerDecider> follower_decider_;
  std::unique_ptr<runtime::ServiceCore> toy_, follower_;
  LaggingSubscriber* subscriber_ = nullptr;
  bool lag_ = false;
  bool drop_ = false;
  absl::Duration patience_;  // of the follower
  bool all_patient_ = false;
  std::vector<std::shared_ptr<std::optional<absl::StatusOr<engine::Reply>>>> answers_;
};

}  // namespace watchbell::test

#endif  // WATCHBELL_TESTS_UNIT_COMMON_ENGINE_FIXTURE_H_
