#include "common/telemetry/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"

namespace watchbell::telemetry {
namespace {

template <typename Body>
std::vector<std::string> LinesOf(Body body) {
  ::testing::internal::CaptureStderr();
  body();
  const std::string text = ::testing::internal::GetCapturedStderr();
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

TEST(LogTest, OneJsonObjectALine) {
  const auto lines = LinesOf([] {
    Log(Level::kWarning, "two\nlines \"quoted\"",
        {{"ticket_id", "inc-1"},
         {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  });
  ASSERT_EQ(lines.size(), 1u);
  const auto line = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["message"], "two\nlines \"quoted\"");
  EXPECT_EQ(line["ticket_id"], "inc-1");
  EXPECT_EQ(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_FALSE(line.contains("traceparent"));
  EXPECT_EQ(line["time"].get<std::string>().size(),
            std::string("2026-01-02T03:04:05.678901Z").size());
}

TEST(LogTest, InvalidUtf8IsReplaced) {
  const auto lines = LinesOf([] { Log(Level::kError, "bad \xff byte", {{"field", "\xc3("}}); });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(lines[0])["message"], "bad \xEF\xBF\xBD byte");
}

TEST(LogTest, BelowTheLevelNothing) {
  EXPECT_TRUE(LinesOf([] { Log(Level::kDebug, "quiet"); }).empty());
  SetLogLevel(Level::kError);
  EXPECT_TRUE(LinesOf([] { Log(Level::kWarning, "quiet"); }).empty());
  SetLogLevel(Level::kDebug);
  EXPECT_EQ(LinesOf([] { Log(Level::kDebug, "loud"); }).size(), 1u);
  SetLogLevel(Level::kInfo);
}

TEST(LogTest, ThreadsDoNotMixTheirLines) {
  const auto lines = LinesOf([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 50; ++i) Log(Level::kInfo, std::string(5000, 'x'));
      });
    }
    for (auto& thread : threads) thread.join();
  });
  ASSERT_EQ(lines.size(), 200u);
  for (const std::string& line : lines) EXPECT_TRUE(nlohmann::json::accept(line));
}

TEST(LogTest, LevelsByName) {
  Level level = Level::kInfo;
  EXPECT_TRUE(ParseLogLevel("error", &level));
  EXPECT_EQ(level, Level::kError);
  EXPECT_FALSE(ParseLogLevel("loud", &level));
}

}  // namespace
}  // namespace watchbell::telemetry
