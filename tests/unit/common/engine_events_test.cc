// The engine with a toy service and its follower: events, dead letters, timers that wait for them.
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/bus/event_registry.h"
#include "common/engine/dead_letters.h"
#include "gtest/gtest.h"
#include "tests/unit/common/engine_fixture.h"

namespace watchbell {
namespace {

using test::CommitFault;
using test::EngineTest;

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

TEST_F(EngineTest, ATypeThatTheNextVersionKnowsIsTakenAgainByItself) {
  // As a program leaves it that is older than its producer.
  const std::string known = bus::EventTypeOf(*events::v1::TicketTouched::descriptor());
  const std::string unknown = "io.example.of-the-next-version.v1";
  toy_db_->tamper = [&](const db::Table& table, std::vector<db::Row>& rows) {
    if (table.name != "journal") return;
    for (db::Row& row : rows) {
      for (db::Value& value : row) {
        if (value == db::Value(known)) value = unknown;
      }
    }
  };
  for (const char* thing : {"a", "b"}) ASSERT_TRUE(Submit(*toy_, Bump(thing)).ok());
  Settle();
  Boot();  // not the next version yet
  toy_db_->tamper = nullptr;
  for (const char* thing : {"a", "b"}) ASSERT_TRUE(Submit(*toy_, Bump(thing, "behind")).ok());
  Settle();
  auto letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_EQ(letters->size(), 2u);
  EXPECT_EQ((*letters)[0].reason(), "UNKNOWN_TYPE");
  EXPECT_TRUE((*letters)[0].parked());
  EXPECT_EQ((*letters)[0].attempts(), 1) << "what it still does not know is not tried";
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 0);

  // The next version knows the type.
  auto transaction = *toy_db_->Begin();
  ASSERT_TRUE(
      transaction->Execute("UPDATE journal SET type = $1 WHERE type = $2", {known, unknown}).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  transaction = *follower_db_->Begin();
  const auto rows = *transaction->Query("SELECT id, body FROM entities WHERE class = $1",
                                        {int64_t{engine::DeadLetterClass().cls}});
  for (const db::Row& row : rows) {
    admin::v1::DeadLetter letter;
    ASSERT_TRUE(letter.ParseFromString(db::AsBytes(row[1])));
    letter.set_type(known);
    ASSERT_TRUE(transaction
                    ->Execute("UPDATE entities SET body = $1 WHERE id = $2",
                              {db::Bytes{letter.SerializeAsString()}, row[0]})
                    .ok());
  }
  ASSERT_TRUE(transaction->Execute("UPDATE dead_letters SET type = $1", {known}).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  transaction = nullptr;
  // Also if storage fails just then.
  CommitFault fault = CommitFault::kRefused;
  follower_db_->plan = [&fault] { return std::exchange(fault, CommitFault::kNone); };
  Boot();
  Settle();
  clock_.Advance(absl::Seconds(5));
  Settle();
  for (const char* thing : {"a", "b"}) {
    EXPECT_EQ(State(*follower_, thing).reopen_count(), 2) << thing;
    EXPECT_EQ(State(*follower_, thing).title(), "behind");
  }
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

TEST_F(EngineTest, AKillRightAfterARetryLosesNotEvenTheLastOfAKey) {
  ASSERT_TRUE(Submit(*toy_, Bump("a", "poison")).ok());
  Settle();
  const std::string id = (*engine::ListDeadLetters(*follower_db_, "", false))[0].dead_letter_id();
  bool released = false;
  const auto take = [&released](const absl::StatusOr<engine::Reply>& r) { released = r.ok(); };
  ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(id, false, take).ok());
  while (!released) follower_->engine().RunOnce();
  Boot();
  follower_decider_->refuse_poison = false;
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 1);
}

TEST_F(EngineTest, AStartReadsNoDeadLetterThatWaitsOrIsSettled) {
  for (const char* thing : {"skipped", "retried", "open"}) {
    ASSERT_TRUE(Submit(*toy_, Bump(thing, "poison")).ok());
    ASSERT_TRUE(Submit(*toy_, Bump(thing, "behind")).ok());
  }
  Settle();
  const auto letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_EQ(letters->size(), 3u);
  follower_decider_->refuse_poison = false;
  for (const auto& letter : *letters) {
    if (letter.key() == "open") continue;
    const bool skip = letter.key() == "skipped";
    const auto take = [](const absl::StatusOr<engine::Reply>& r) { EXPECT_TRUE(r.ok()); };
    ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(letter.dead_letter_id(), skip, take).ok());
  }
  Settle();
  for (const char* thing : {"skipped", "retried"}) {
    EXPECT_EQ(State(*follower_, thing).title(), "behind");
  }
  follower_db_->bytes_read = 0;
  Boot();
  EXPECT_EQ(follower_db_->bytes_read, 0u);
  // What followed a release was applied: no producer is asked for it again.
  subscriber_->unreachable = true;
  Settle();
  EXPECT_TRUE(follower_->engine().ProducersHealth().ok());
  EXPECT_EQ(engine::ListDeadLetters(*follower_db_, "", true)->size(), 3u);
}

TEST_F(EngineTest, ADeadLetterThatWasTakenAgainIsNotTakenAtEveryStart) {
  ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  journal::JournalRow row = (*toy_->journal().After("", 0, 1))[0];
  row.version = 3;
  bus::Record early = bus::ToRecord(row, "toy", test::kToyTopic);
  early.offset = 0;
  subscriber_->strays = {std::make_shared<const bus::Record>(std::move(early))};
  Settle();
  const auto letters = engine::ListDeadLetters(*follower_db_, "", false);
  ASSERT_EQ(letters->size(), 1u);
  ASSERT_FALSE((*letters)[0].parked());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Submit(*toy_, Bump("a")).ok());
  Settle();
  const auto take = [](const absl::StatusOr<engine::Reply>& r) { EXPECT_TRUE(r.ok()); };
  ASSERT_TRUE(
      follower_->engine().ReleaseDeadLetter((*letters)[0].dead_letter_id(), false, take).ok());
  Settle();
  EXPECT_EQ(State(*follower_, "a").reopen_count(), 3);
  follower_db_->bytes_read = 0;
  Boot();
  EXPECT_EQ(follower_db_->bytes_read, 0u);
  EXPECT_EQ(engine::ListDeadLetters(*follower_db_, "", true)->at(0).state(),
            admin::v1::DEAD_LETTER_STATE_APPLIED);
}

TEST_F(EngineTest, DeadLettersAreListedOldestFirstOfATenantWithoutTheirValues) {
  for (const char* thing : {"b", "a"}) {
    ASSERT_TRUE(Submit(*toy_, Bump(thing, "poison")).ok());
    Settle();
    clock_.Advance(absl::Seconds(1));
  }
  const auto keys = [this](const std::string& tenant, bool all) {
    std::string found;
    const auto letters = engine::ListDeadLetters(*follower_db_, tenant, all);
    EXPECT_TRUE(letters.ok()) << letters.status();
    for (const auto& letter : *letters) {
      EXPECT_FALSE(letter.has_value());
      absl::StrAppend(&found, letter.key(), " ");
    }
    return found;
  };
  EXPECT_EQ(keys("", false), "b a ");
  EXPECT_EQ(keys("default", false), "b a ");
  EXPECT_EQ(keys("another", false), "");
  const auto take = [](const absl::StatusOr<engine::Reply>& r) { EXPECT_TRUE(r.ok()); };
  const std::string first =
      (*engine::ListDeadLetters(*follower_db_, "", false))[0].dead_letter_id();
  ASSERT_TRUE(follower_->engine().ReleaseDeadLetter(first, true, take).ok());
  Settle();
  EXPECT_EQ(keys("default", false), "a ");
  EXPECT_EQ(keys("default", true), "b a ");
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

TEST_F(EngineTest, AProducerThatWasSilentIsSilentUntilItAnswers) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  lag_ = true;
  subscriber_->unreachable = true;
  clock_.Set(kStart + absl::Seconds(61));
  testing::internal::CaptureStderr();
  Settle();
  EXPECT_FALSE(follower_->engine().ProducersHealth().ok());
  // Asked again and again, it has not answered yet; or it is not asked for a while.
  for (int i = 0; i < 8; ++i) {
    subscriber_->unreachable = i % 2 == 0;
    subscriber_->pending = i % 2 == 1;
    clock_.Set(clock_.Now() + absl::Milliseconds(i % 4 == 0 ? 10 : 300));
    Settle();
    EXPECT_FALSE(follower_->engine().ProducersHealth().ok()) << i;
  }
  subscriber_->unreachable = subscriber_->pending = false;
  clock_.Set(clock_.Now() + absl::Milliseconds(300));
  Settle();
  EXPECT_TRUE(follower_->engine().ProducersHealth().ok()) << "it has answered";
  const std::string log = testing::internal::GetCapturedStderr();
  const auto times = [&log](const std::string& what) {
    int count = 0;
    for (size_t at = log.find(what); at != std::string::npos; at = log.find(what, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(times("a producer cannot be read"), 1) << log;
  EXPECT_EQ(times("producers can be read again"), 1) << log;
}

TEST_F(EngineTest, ATimerFiresAfterThirtySecondsWhateverTheCause) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  lag_ = true;
  subscriber_->unreachable = true;
  clock_.Set(kStart + absl::Seconds(61));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  EXPECT_FALSE(follower_->engine().ProducersHealth().ok());
  EXPECT_TRUE(follower_->engine().Health().ok());
  ASSERT_TRUE(Submit(*follower_, Bump("b")).ok()) << "commands go on meanwhile";
  clock_.Set(kStart + absl::Seconds(89));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  clock_.Set(kStart + absl::Seconds(91));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "0 ungated");
}

TEST_F(EngineTest, WhatWasKnownBeforeATimerWasFoundDueProvesNothing) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  subscriber_->end_known_at = kStart + absl::Seconds(80);  // a producer was silent then
  subscriber_->unreachable = true;
  clock_.Set(kStart + absl::Seconds(90));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  subscriber_->end_known_at = kStart + absl::Seconds(90);
  clock_.Set(kStart + absl::Seconds(91));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "0");
}

TEST_F(EngineTest, ATimerThatWaitedWithoutStorageHasNotWaited) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  subscriber_->end_known_at = kStart + absl::Seconds(80);
  subscriber_->unreachable = true;
  clock_.Set(kStart + absl::Seconds(61));
  follower_db_->plan = [] { return CommitFault::kRefused; };
  ASSERT_TRUE(Submit(*follower_, Bump("b")).ok());
  for (int second = 62; second < 95; ++second) {
    clock_.Set(kStart + absl::Seconds(second));
    follower_->engine().RunOnce();
  }
  follower_db_->plan = [] { return CommitFault::kNone; };
  clock_.Set(kStart + absl::Seconds(97));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "") << "thirty seconds, but nobody could answer";
  subscriber_->end_known_at = kStart + absl::Seconds(97);
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "0");
}

TEST_F(EngineTest, WhatWasHeardWhileStorageHungProvesNothing) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  subscriber_->end_known_at = kStart + absl::Seconds(60);
  subscriber_->pending = true;
  clock_.Set(kStart + absl::Seconds(61));
  follower_db_->plan = [this] {
    clock_.Advance(absl::Seconds(5));
    return CommitFault::kNone;
  };
  ASSERT_TRUE(Submit(*follower_, Bump("b")).ok());
  follower_->engine().RunOnce();
  follower_db_->plan = [] { return CommitFault::kNone; };
  subscriber_->end_known_at = kStart + absl::Seconds(62);  // a producer was silent then
  clock_.Set(kStart + absl::Seconds(67));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  subscriber_->end_known_at = kStart + absl::Seconds(67);
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "0");
}

TEST_F(EngineTest, ATimerLongDueWhenItIsFirstSeenWaitsAsLongAsAnyOther) {
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  lag_ = true;
  subscriber_->unreachable = true;
  clock_.Set(kStart + absl::Hours(1));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "") << "what precedes it may be on its way";
  clock_.Set(kStart + absl::Hours(1) + absl::Seconds(29));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "");
  clock_.Set(kStart + absl::Hours(1) + absl::Seconds(31));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "0 ungated");
}

}  // namespace
}  // namespace watchbell
