#include "common/bus/kafka/stream_answers.h"

#include "gtest/gtest.h"

namespace watchbell::bus::kafka {
namespace {

TEST(StreamAnswersTest, AnAnswerIsAskedForOnceAndGivenOnce) {
  StreamAnswers answers;
  const StreamAnswers::Key key{"t", "default", "s", 4};
  bool ask = false;
  EXPECT_FALSE(answers.Take(key, absl::Seconds(1), &ask));
  EXPECT_TRUE(ask);
  EXPECT_FALSE(answers.Take(key, absl::Seconds(2), &ask));
  EXPECT_FALSE(ask);
  answers.Put(key, std::vector<RecordPtr>{std::make_shared<const Record>()}, absl::Seconds(3));
  auto answer = answers.Take(key, absl::Seconds(4), &ask);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)->size(), 1u);
  // From the beginning.
  EXPECT_FALSE(answers.Take(key, absl::Seconds(5), &ask));
  EXPECT_TRUE(ask);
  answers.Put(key, absl::UnavailableError("no"), absl::Seconds(6));
  answer = answers.Take(key, absl::Seconds(7), &ask);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status().code(), absl::StatusCode::kUnavailable);
}

TEST(StreamAnswersTest, WhatNobodyComesForIsDropped) {
  StreamAnswers answers;
  const StreamAnswers::Key key{"t", "default", "s", 4};
  bool ask = false;
  answers.Take(key, absl::Seconds(1), &ask);
  answers.Put(key, std::vector<RecordPtr>(), absl::Seconds(20));
  answers.Expire(absl::Seconds(49));
  EXPECT_EQ(answers.size(), 1u);
  answers.Expire(absl::Seconds(50));
  EXPECT_EQ(answers.size(), 0u);
  // An answer that comes too late is nobody's.
  answers.Put(key, std::vector<RecordPtr>(), absl::Seconds(60));
  EXPECT_EQ(answers.size(), 0u);
  // A question that is never answered can be asked again.
  answers.Take(key, absl::Seconds(70), &ask);
  answers.Expire(absl::Seconds(100));
  answers.Take(key, absl::Seconds(100), &ask);
  EXPECT_TRUE(ask);
}

TEST(StreamAnswersTest, WhatIsForgottenIsAskedForAnew) {
  StreamAnswers answers;
  const StreamAnswers::Key mine{"t", "default", "mine", 4};
  const StreamAnswers::Key other{"t", "default", "other", 4};
  const auto forget = [&] {
    answers.Forget([](const StreamAnswers::Key& key) { return std::get<2>(key) == "mine"; });
  };
  const std::vector<RecordPtr> old;
  const std::vector<RecordPtr> news{std::make_shared<const Record>()};
  bool ask = false;
  for (const auto& key : {mine, other}) {
    answers.Take(key, absl::Seconds(1), &ask);
    answers.Put(key, old, absl::Seconds(2));
  }
  forget();
  EXPECT_FALSE(answers.Take(mine, absl::Seconds(3), &ask));
  EXPECT_TRUE(ask);
  EXPECT_TRUE(answers.Take(other, absl::Seconds(3), &ask));
  // What is under way is an answer to the question of before.
  forget();
  EXPECT_FALSE(answers.Take(mine, absl::Seconds(4), &ask));
  EXPECT_FALSE(ask);
  answers.Put(mine, old, absl::Seconds(5));
  EXPECT_FALSE(answers.Take(mine, absl::Seconds(6), &ask));
  EXPECT_TRUE(ask);
  answers.Put(mine, news, absl::Seconds(7));
  const auto answer = answers.Take(mine, absl::Seconds(8), &ask);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)->size(), 1u);
}

}  // namespace
}  // namespace watchbell::bus::kafka
