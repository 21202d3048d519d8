#include "common/telemetry/trace.h"

#include <gtest/gtest.h>

namespace watchbell::telemetry {
namespace {

constexpr char kGood[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceTest, AcceptsTheStandardsExample) {
  EXPECT_TRUE(IsTraceparent(kGood));
  EXPECT_EQ(TraceIdOf(kGood), "0af7651916cd43dd8448eb211c80319c");
}

TEST(TraceTest, RefusesWhatTheStandardRefuses) {
  for (const char* bad : {
           "",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",       // no flags
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",  // too long
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",    // version
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",    // upper case
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",    // no trace
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",    // no span
           "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",    // separator
           "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",    // not hex
       }) {
    EXPECT_FALSE(IsTraceparent(bad)) << bad;
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
}

TEST(TraceTest, OnlyWhatIsMarkedIsSampled) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";
  for (const char* flags : {"01", "03", "ff", "0b"}) EXPECT_TRUE(IsSampled(trace + flags)) << flags;
  for (const char* flags : {"00", "02", "10", "fe"})
    EXPECT_FALSE(IsSampled(trace + flags)) << flags;
  EXPECT_FALSE(IsSampled("")) << "no trace";
  EXPECT_FALSE(IsSampled("1"));
}

TEST(TraceTest, NewOnesAreValidAndDifferAndAreNotSampled) {
  SeededIdSource ids(7);
  const std::string first = NewTraceparent(ids);
  EXPECT_TRUE(IsTraceparent(first)) << first;
  EXPECT_FALSE(IsSampled(first));
  EXPECT_NE(NewTraceparent(ids), first);
}

}  // namespace
}  // namespace watchbell::telemetry
