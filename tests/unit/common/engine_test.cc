// The engine with a toy service: what every service relies on.
#include "common/engine/engine.h"

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/clock/clock.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/dead_letters.h"
#include "common/runtime/service_core.h"
#include "gtest/gtest.h"
#include "tests/support/faulty_db.h"
#include "tests/support/faulty_subscriber.h"
#include "tests/support/forwarding_subscriber.h"
#include "tests/support/toy_service.h"

namespace watchbell {
namespace {

using engine::Input;
using test::CommitFault;
using test::StartWorkRequest;
using test::Thing;
using test::Ticket;

const absl::Time kStart = absl::FromUnixSeconds(1'767'225'600);

// Holds back what it is told to, to make a follower lag.
class LaggingSubscriber : public test::ForwardingSubscriber {
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
    return !lag_ && ForwardingSubscriber::AtEnd(topic, shard, since);
  }
  absl::StatusOr<std::optional<std::vector<bus::RecordPtr>>> ReadStream(const std::string& topic,
                                                                        const std::string& tenant,
                                                                        const std::string& id,
                                                                        int64_t after,
                                                                        int limit) override {
    if (unreachable) return absl::UnavailableError("the producer does not answer");
    return ForwardingSubscriber::ReadStream(topic, tenant, id, after, limit);
  }
  bool unreachable = false;
  std::vector<bus::RecordPtr> strays;  // come with the next Poll: anybody may write to a topic

 private:
  const bool& lag_;
  const bool& drop_;
};

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    toy_file_ = *db::OpenSqliteInMemory();
    follower_file_ = *db::OpenSqliteInMemory();
    toy_db_ = std::make_unique<test::FaultyDatabase>(*toy_file_);
    follower_db_ = std::make_unique<test::FaultyDatabase>(*follower_file_);
    ASSERT_TRUE(db::Migrate(*toy_db_, {engine::EngineSchema()}).ok());
    ASSERT_TRUE(db::Migrate(*follower_db_, {engine::EngineSchema()}).ok());
    Boot();
  }

  // Starts both services over what is stored; called again it is a restart after a kill.
  void Boot() {
    follower_.reset();
    toy_.reset();
    bus_ = std::make_unique<bus::EmbeddedBus>(kDefaultShards);
    toy_ = *runtime::ServiceCore::Make({"toy", {}, std::make_shared<test::ToyDecider>(), {}},
                                       {*toy_db_, clock_, ids_, *bus_});
    follower_decider_ = std::make_shared<test::FollowerDecider>();
    runtime::ServiceCore::Parts parts{*follower_db_, clock_, ids_, *bus_};
    parts.wrap_subscriber = [this](std::unique_ptr<bus::Subscriber> real) {
      auto lagging = std::make_unique<LaggingSubscriber>(std::move(real), lag_, drop_);
      subscriber_ = lagging.get();
      return lagging;
    };
    follower_ =
        *runtime::ServiceCore::Make({"follower", {}, follower_decider_, {test::kToyTopic}}, parts);
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

  static Input Bump(const std::string& thing, const std::string& what = "",
                    const std::string& request_id = "") {
    StartWorkRequest request;
    request.set_name(thing);
    request.set_etag(what);
    Input input;
    input.identity = {"default", "ana", {}};
    input.message = std::make_shared<StartWorkRequest>(request);
    input.request_id = request_id;
    return input;
  }

  // Submits; the answer appears in answers_[index] once the engine has run.
  absl::Status Submit(runtime::ServiceCore& core, Input input) {
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
  std::unique_ptr<test::FaultyDatabase> toy_db_, follower_db_;
  std::unique_ptr<bus::EmbeddedBus> bus_;
  std::shared_ptr<test::FollowerDecider> follower_decider_;
  std::unique_ptr<runtime::ServiceCore> toy_, follower_;
  LaggingSubscriber* subscriber_ = nullptr;
  bool lag_ = false;
  bool drop_ = false;
  std::vector<std::shared_ptr<std::optional<absl::StatusOr<engine::Reply>>>> answers_;
};

TEST_F(EngineTest, DecidesWhatWaitsInOneBatchInOrder) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  EXPECT_EQ(toy_->engine().RunOnce().applied, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(CountIn(static_cast<size_t>(i)), i + 1);
  const auto rows = toy_->journal().Stream("thing", "default", "a", 0, 10);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*rows)[static_cast<size_t>(i)].version, i + 1);
}

TEST_F(EngineTest, RemembersAnAnswerByRequestId) {
  const std::string id = "11111111-1111-7111-8111-111111111111";
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());  // in the same batch
  Settle();
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Boot();  // and over a restart
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("b", "", id)).ok());  // another payload
  Settle();
  for (size_t i : {0u, 1u, 3u}) EXPECT_EQ(CountIn(i), 1) << i;
  EXPECT_TRUE(answer(1)->remembered);
  EXPECT_TRUE(answer(3)->remembered);
  EXPECT_EQ(ErrorReason(answer(4).status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(State(*toy_, "a").reopen_count(), 1);
}

TEST_F(EngineTest, ForgetsAnswersAfterSevenDays) {
  const std::string id = "11111111-1111-7111-8111-111111111111";
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Settle();
  clock_.Advance(absl::Hours(24 * 7 + 1));
  Settle();
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Settle();
  EXPECT_EQ(CountIn(1), 2);
}

TEST_F(EngineTest, ARefusedCommandStoresNothingAndIsNotRemembered) {
  const std::string id = "11111111-1111-7111-8111-111111111111";
  ASSERT_TRUE(Submit(*toy_, Bump("a", "refuse", id)).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("b")).ok());
  Settle();
  EXPECT_EQ(answer(0).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CountIn(1), 1);
  EXPECT_EQ(*toy_->journal().Head(), 1);
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Settle();
  EXPECT_EQ(CountIn(2), 1);
}

TEST_F(EngineTest, LoadsMoreWhenTheDeciderAsks) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "more:b")).ok());
  Settle();
  EXPECT_EQ(CountIn(0), 1);
}

TEST_F(EngineTest, DoesNothingAfterTheDeadline) {
  Input late = Bump("a");
  late.deadline = kStart - absl::Seconds(1);
  ASSERT_TRUE(Submit(*toy_, std::move(late)).ok());
  Settle();
  EXPECT_EQ(answer(0).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(*toy_->journal().Head(), 0);
}

TEST_F(EngineTest, RefusesCommandsWhenTheQueueIsFull) {
  absl::Status status;
  for (int i = 0; i < 5000 && status.ok(); ++i) status = Submit(*toy_, Bump("a"));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  Settle();
  EXPECT_TRUE(Submit(*toy_, Bump("a")).ok());
}

TEST_F(EngineTest, ATimerFiresOnceTheMicrosecondAfterItsDueTime) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:60")).ok());
  Settle();
  clock_.Set(kStart + absl::Seconds(60));
  Settle();
  EXPECT_EQ(State(*toy_, "a").title(), "") << "at due exactly it must not fire";
  EXPECT_EQ(toy_->engine().RunOnce().next, kStart + absl::Seconds(60) + absl::Microseconds(1));
  clock_.Advance(absl::Microseconds(1));
  Settle();
  EXPECT_EQ(State(*toy_, "a").title(), "fired");
  EXPECT_EQ(toy_->engine().TimerCount(), 0u);
  const auto rows = toy_->journal().Stream("thing", "default", "a", 1, 10);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0].occurred_at, kStart + absl::Seconds(60));
}

TEST_F(EngineTest, TimersSurviveARestartAndFireOnceLate) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:60")).ok());
  Settle();
  clock_.Advance(absl::Minutes(10));
  Boot();
  EXPECT_EQ(toy_->engine().TimerCount(), 1u);
  Settle();
  Boot();
  Settle();
  EXPECT_EQ(toy_->journal().After("", 0, 10)->size(), 2u);
}

TEST_F(EngineTest, ArmingAgainMovesTheTimer) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:60")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:120")).ok());
  Settle();
  clock_.Set(kStart + absl::Seconds(61));
  Settle();
  EXPECT_EQ(State(*toy_, "a").title(), "");
  clock_.Set(kStart + absl::Seconds(121));
  Settle();
  EXPECT_EQ(State(*toy_, "a").title(), "fired");
}

TEST_F(EngineTest, AFollowerAppliesEveryEventOnceOverRestarts) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Submit(*toy_, Bump(absl::StrCat("t", i % 5))).ok());
  toy_->engine().RunOnce();
  follower_->engine().RunOnce();
  Boot();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Submit(*toy_, Bump(absl::StrCat("t", i % 5))).ok());
  Settle();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(State(*follower_, absl::StrCat("t", i)).reopen_count(), 8);
}

TEST_F(EngineTest, FillsAHoleFromTheJournal) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "one")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("a", "two")).ok());
  drop_ = true;  // the topic loses these two
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 0);
  drop_ = false;
  ASSERT_TRUE(Submit(*toy_, Bump("a", "three")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("b", "other key")).ok());
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 3);
  EXPECT_EQ(State(*follower_, "a").title(), "three");
  EXPECT_EQ(State(*follower_, "b").reopen_count(), 1);
}

TEST_F(EngineTest, WhatTheProducerKnowsNothingOfHarmsNoKey) {
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  const journal::JournalRow real = (*toy_->journal().After("", 0, 1))[0];
  int64_t offset = 0;
  const auto stray = [&](const std::string& key, int64_t version, const std::string& type) {
    journal::JournalRow row = real;
    row.stream_id = key;
    row.shard = ShardOf(key, kDefaultShards);
    row.version = version;
    if (!type.empty()) row.type = type;
    bus::Record record = bus::ToRecord(row, "toy", test::kToyTopic);
    record.offset = offset++;
    return std::make_shared<const bus::Record>(std::move(record));
  };
  subscriber_->strays = {stray("a", 2, "io.example.unknown.v1"),  // of a type nobody knows
                         stray("nobody", 1, "io.example.unknown.v1"),
                         stray("a", 99, ""),  // far ahead, and well-formed
                         stray("a", 1, "io.example.unknown.v1")};
  Settle();
  auto letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_TRUE(letters.ok());
  std::multiset<std::string> reasons;
  for (const auto& letter : *letters) {
    reasons.insert(letter.reason());
    EXPECT_FALSE(letter.parked()) << letter.ShortDebugString();
  }
  EXPECT_EQ(reasons, (std::multiset<std::string>{"NOT_IN_JOURNAL", "UNKNOWN_TYPE", "UNKNOWN_TYPE",
                                                 "UNKNOWN_TYPE"}));
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 2);
}

TEST_F(EngineTest, ARefusedEventParksItsKeyAndNoOther) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "poison")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("a", "behind")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("b")).ok());
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 0);
  EXPECT_EQ(State(*follower_, "b").reopen_count(), 1);
  auto letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1u);
  EXPECT_EQ((*letters)[0].reason(), "POISON");
  EXPECT_TRUE((*letters)[0].parked());
  EXPECT_EQ((*letters)[0].version(), 1);

  // Tried again it fails again, as the same dead letter.
  const std::string id = (*letters)[0].dead_letter_id();
  absl::StatusOr<engine::Reply> released = absl::UnknownError("not answered");
  const auto take = [&released](absl::StatusOr<engine::Reply> r) { released = std::move(r); };
  ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(id, false, take).ok());
  Settle();
  EXPECT_TRUE(released.ok());
  letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_EQ(letters->size(), 1u);
  EXPECT_EQ((*letters)[0].attempts(), 2);

  // Once the fault is mended, a retry applies it and what waits behind it.
  follower_decider_->refuse_poison = false;
  ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(id, false, take).ok());
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 2);
  EXPECT_TRUE(engine::ListDeadLetters(*follower_db_, "", false)->empty());
}

TEST_F(EngineTest, AKillRightAfterTheReleaseOfADeadLetterLosesNothing) {
  for (const bool skip : {true, false}) {
    SCOPED_TRACE(skip);
    const std::string thing = skip ? "a" : "b";
    follower_decider_->refuse_poison = true;
    ASSERT_TRUE(Submit(*toy_, Bump(thing, "poison")).ok());
    ASSERT_TRUE(Submit(*toy_, Bump(thing, "behind")).ok());
    Settle();
    const auto letters = engine::ListDeadLetters(*follower_db_, "", false);
    ASSERT_EQ(letters->size(), 1u);
    const std::string id = (*letters)[0].dead_letter_id();
    bool released = false;
    const auto take = [&released](const absl::StatusOr<engine::Reply>& r) { released = r.ok(); };
    ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(id, skip, take).ok());
    while (!released) follower_->engine().RunOnce();
    Boot();  // its decider refuses no poison unless told to
    follower_decider_->refuse_poison = false;
    Settle();
    EXPECT_EQ(State(*follower_, thing).title(), "behind");
    EXPECT_EQ(State(*follower_, thing).reopen_count(), skip ? 1 : 2);
  }
}

TEST_F(EngineTest, AClockThatGoesBackPutsOffNoRetry) {
  CommitFault fault = CommitFault::kRefused;
  toy_db_->plan = [&fault] { return fault; };
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  toy_->engine().RunOnce();
  EXPECT_FALSE(toy_->engine().Health().ok());
  fault = CommitFault::kNone;
  clock_.Advance(-absl::Hours(1));
  Settle();
  EXPECT_TRUE(toy_->engine().Health().ok());
}

TEST_F(EngineTest, ASkippedDeadLetterLetsTheKeyGoOn) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "poison")).ok());
  ASSERT_TRUE(Submit(*toy_, Bump("a", "behind")).ok());
  Settle();
  const auto letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_EQ(letters->size(), 1u);
  absl::StatusOr<engine::Reply> released = absl::UnknownError("not answered");
  const auto take = [&released](absl::StatusOr<engine::Reply> r) { released = std::move(r); };
  const std::string id = (*letters)[0].dead_letter_id();
  ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(id, true, take).ok());
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 1);
  EXPECT_EQ(State(*follower_, "a").title(), "behind");
  ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(id, true, take).ok());
  Settle();
  EXPECT_EQ(ErrorReason(released.status()), "DEAD_LETTER_NOT_OPEN");
  ASSERT_TRUE(follower_->engine().ReleaseDeadLetter("dl-none", true, take).ok());
  Settle();
  EXPECT_TRUE(absl::IsNotFound(released.status()));
}

TEST_F(EngineTest, ATimerWaitsForTheEventsThatPrecedeIt) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  lag_ = true;
  clock_.Set(kStart + absl::Seconds(59));
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  clock_.Set(kStart + absl::Seconds(60) + absl::Milliseconds(100));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "") << "fired before its inputs";
  lag_ = false;
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "1");
}

TEST_F(EngineTest, ALaggingTimerAsksTheProducerAfterAQuarterSecond) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  lag_ = true;
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  clock_.Set(kStart + absl::Seconds(60) + absl::Milliseconds(250));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "1");
  lag_ = false;
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 1) << "the topic's copy is a repeat";
}

TEST_F(EngineTest, ATimerFiresAfterThirtySecondsWhateverTheCause) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  lag_ = true;
  subscriber_->unreachable = true;
  clock_.Set(kStart + absl::Seconds(61));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  EXPECT_FALSE(follower_->engine().Health().ok());
  ASSERT_TRUE(Submit(*follower_, Bump("b")).ok()) << "commands go on meanwhile";
  clock_.Set(kStart + absl::Seconds(89));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  clock_.Set(kStart + absl::Seconds(91));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "0 ungated");
}

TEST_F(EngineTest, ARefusedCommitIsNobodysFault) {
  CommitFault fault = CommitFault::kRefused;
  toy_db_->plan = [&fault] { return fault; };
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  toy_->engine().RunOnce();
  EXPECT_EQ(ErrorReason(answer(0).status()), "STORAGE_UNAVAILABLE");
  EXPECT_FALSE(toy_->engine().Health().ok());
  EXPECT_EQ(ErrorReason(Submit(*toy_, Bump("a"))), "STORAGE_UNAVAILABLE");
  fault = CommitFault::kNone;
  clock_.Advance(absl::Seconds(5));
  Settle();
  EXPECT_TRUE(toy_->engine().Health().ok()) << "the next look finds it well";
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  EXPECT_EQ(CountIn(2), 1);
}

TEST_F(EngineTest, AnEventThatCannotBeStoredParksItsKeyAlthoughStorageFailsMeanwhile) {
  // Together they fail, the first fails alone, and storage goes away while it is set aside.
  std::vector<CommitFault> faults = {CommitFault::kBroken, CommitFault::kBroken,
                                     CommitFault::kRefused};
  follower_db_->plan = [&faults] {
    if (faults.empty()) return CommitFault::kNone;
    const CommitFault next = faults.front();
    faults.erase(faults.begin());
    return next;
  };
  for (const char* thing : {"a", "b", "c"}) ASSERT_TRUE(Submit(*toy_, Bump(thing)).ok());
  Settle();
  clock_.Advance(absl::Seconds(5));
  Settle();
  const auto letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1u);
  EXPECT_EQ((*letters)[0].reason(), "STORE_FAILED");
  int applied = 0;
  for (const char* thing : {"a", "b", "c"}) applied += State(*follower_, thing).reopen_count();
  EXPECT_EQ(applied, 2) << "it hurts nobody else";
}

TEST_F(EngineTest, AFollowerKeepsItsEventsWhileItsStorageIsDown) {
  CommitFault fault = CommitFault::kRefused;
  follower_db_->plan = [&fault] { return fault; };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  fault = CommitFault::kNone;
  clock_.Advance(absl::Seconds(5));
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 3);
  EXPECT_TRUE(engine::ListDeadLetters(*follower_db_, "", true)->empty());
}

TEST_F(EngineTest, AnUnknownCommitIsLookedUpBeforeItIsTriedAgain) {
  for (const CommitFault unknown : {CommitFault::kUnknownDone, CommitFault::kUnknownNotDone}) {
    const size_t i = answers_.size();
    const int before = State(*toy_, "a").reopen_count();
    CommitFault fault = unknown;
    toy_db_->plan = [&fault] { return std::exchange(fault, CommitFault::kNone); };
    ASSERT_TRUE(Submit(*toy_, Bump("a", "arm:3600")).ok());
    toy_->engine().RunOnce();
    EXPECT_FALSE(answered(i)) << "nobody may be answered before the outcome is known";
    clock_.Advance(absl::Seconds(5));
    Settle();
    EXPECT_EQ(CountIn(i), before + 1);
    EXPECT_EQ(answer(i)->remembered, unknown == CommitFault::kUnknownDone);
    EXPECT_EQ(State(*toy_, "a").reopen_count(), before + 1);
    EXPECT_EQ(State(*follower_, "a").reopen_count(), before + 1) << "and its event is published";
    EXPECT_EQ(toy_->engine().TimerCount(), 1u);
  }
}

TEST_F(EngineTest, AnOutcomeThatStaysUnknownIsToldAndResendingStoresOnce) {
  const std::string id = "11111111-1111-7111-8111-111111111111";
  toy_db_->plan = [] { return CommitFault::kUnknownNotDone; };
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  toy_->engine().RunOnce();
  EXPECT_FALSE(answered(0));
  clock_.Advance(absl::Seconds(1));
  toy_->engine().RunOnce();
  EXPECT_EQ(ErrorReason(answer(0).status()), "OUTCOME_UNKNOWN");
  toy_db_->plan = [] { return CommitFault::kNone; };
  clock_.Advance(absl::Seconds(5));
  Settle();
  ASSERT_TRUE(Submit(*toy_, Bump("a", "", id)).ok());
  Settle();
  EXPECT_EQ(CountIn(1), 1);
}

TEST_F(EngineTest, AnUnknownCommitOfEventsAppliesThemOnce) {
  for (const CommitFault unknown : {CommitFault::kUnknownDone, CommitFault::kUnknownNotDone}) {
    const int before = State(*follower_, "a").reopen_count();
    CommitFault fault = unknown;
    follower_db_->plan = [&fault] { return std::exchange(fault, CommitFault::kNone); };
    ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
    toy_->engine().RunOnce();
    follower_->engine().RunOnce();
    clock_.Advance(absl::Seconds(5));
    Settle();
    EXPECT_EQ(State(*follower_, "a").reopen_count(), before + 1);
  }
}

TEST_F(EngineTest, RunsOnItsThreadWhileManyCallersSubmit) {
  SystemClock system_clock;
  bus::EmbeddedBus bus(kDefaultShards);
  auto file = *db::OpenSqliteInMemory();
  ASSERT_TRUE(db::Migrate(*file, {engine::EngineSchema()}).ok());
  auto core = *runtime::ServiceCore::Make({"toy", {}, std::make_shared<test::ToyDecider>(), {}},
                                          {*file, system_clock, ids_, bus});
  ASSERT_TRUE(core->Open().ok());
  core->engine().Start();
  std::atomic<int> done{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&core, &done, c] {
      for (int i = 0; i < 50; ++i) {
        Input input = Bump(absl::StrCat("t", c));
        input.done = [&done](absl::StatusOr<engine::Reply> reply) {
          if (reply.ok()) ++done;
        };
        EXPECT_TRUE(core->engine().Submit(std::move(input)).ok());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  // Stop answers everybody: what was decided with its answer, the rest with UNAVAILABLE.
  core->engine().Stop();
  EXPECT_EQ(*core->journal().Head(), done.load());
}

}  // namespace
}  // namespace watchbell
