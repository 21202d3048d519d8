// The conformance vectors themselves, and the program that runs them for others.
#include "tests/vectors/vector_check.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_folder.h"

namespace watchbell::vectors {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(BusinessCalendar, ConformanceVectors) {
  const std::string path =
      absl::StrCat(WATCHBELL_SOURCE_DIR, "/../shared/vectors/business_time.jsonl");
  if (!std::ifstream(path)) {
    std::cerr << "*** CONFORMANCE VECTORS NOT RUN: there is no " << path << " ***\n";
    if (std::getenv("CI") != nullptr) FAIL() << "CI must have the vectors";
    GTEST_SKIP() << "NOT TESTED: the conformance vectors are absent";
  }
  Tally tally;
  const absl::Status status = RunBusinessTime(path, tally);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(tally.failures(), IsEmpty());
  EXPECT_GE(tally.passed(), 531);
}

std::string Case(const std::string& id, const std::string& rest) {
  return absl::StrCat(
      "{\"id\":\"", id,
      "\",\"calendar\":{\"time_zone\":\"UTC\",\"hours\":{\"mon\":[[\"09:00\",\"17:00\"]]},"
      "\"holidays\":[]},\"start\":\"2026-01-05T10:00:00Z\",",
      rest, "}\n");
}

const char kAdd[] = "\"op\":\"add\",\"amount_s\":3600,\"expect\":\"2026-01-05T11:00:00Z\"";
const char kElapsed[] = "\"op\":\"elapsed\",\"end\":\"2026-01-06T10:00:00Z\",\"expect\":25200";
const char kWrong[] = "\"op\":\"elapsed\",\"end\":\"2026-01-06T10:00:00Z\",\"expect\":25201";

class VectorCheckTest : public testing::Test {
 protected:
  int Run(const std::vector<std::string>& arguments) {
    out.str("");
    err.str("");
    return VectorCheck(arguments, out, err);
  }
  std::string File(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(folder.path(), "/", name);
    std::ofstream(path) << text;
    return path;
  }

  test::TempFolder folder;
  std::ostringstream out;
  std::ostringstream err;
};

TEST_F(VectorCheckTest, AllPassed) {
  EXPECT_EQ(Run({"business_time", File("a.jsonl", Case("1", kAdd) + Case("2", kElapsed))}), 0);
  EXPECT_EQ(out.str(), "2 passed, 0 failed\n");
  EXPECT_THAT(err.str(), IsEmpty());
}

TEST_F(VectorCheckTest, AFailureIsPrintedAndIsExitStatusOne) {
  EXPECT_EQ(Run({"business_time", File("a.jsonl", Case("1", kAdd) + Case("off-by-one", kWrong))}),
            1);
  EXPECT_EQ(out.str(),
            "FAILED off-by-one: expected 25201.000000, got 25200.000000\n1 passed, 1 failed\n");
}

TEST_F(VectorCheckTest, AFolderIsAllItsFiles) {
  File("a.jsonl", Case("1", kAdd));
  File("b.jsonl", Case("2", kElapsed));
  File("c.md", "no case");
  EXPECT_EQ(Run({"business_time", std::string(folder.path())}), 0);
  EXPECT_EQ(out.str(), "2 passed, 0 failed\n");
}

TEST_F(VectorCheckTest, WhatCannotRunIsExitStatusTwo) {
  const std::string good = File("good.jsonl", Case("1", kAdd));
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"business_time"}), 2);
  EXPECT_EQ(Run({"business_time", good, good}), 2);
  EXPECT_EQ(Run({"weather", good}), 2);
  EXPECT_THAT(err.str(), HasSubstr("business_time"));
  EXPECT_EQ(Run({"business_time", absl::StrCat(folder.path(), "/none.jsonl")}), 2);
  EXPECT_EQ(Run({"business_time", File("empty", "")}), 2);
  EXPECT_EQ(Run({"business_time", File("text", Case("1", kAdd) + "hello\n")}), 2);
  EXPECT_THAT(err.str(), HasSubstr("text:2: "));
  for (const char* rest :
       {"\"op\":\"add\"", "\"op\":\"sub\"", "\"op\":\"elapsed\",\"end\":\"noon\""}) {
    EXPECT_EQ(Run({"business_time", File("bad", Case("1", rest))}), 2) << rest;
    EXPECT_THAT(out.str(), IsEmpty());
    EXPECT_THAT(err.str(), EndsWith("is no case of business time\n"));
  }
}

}  // namespace
}  // namespace watchbell::vectors
