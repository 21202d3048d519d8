#include "services/watchbell/replay_verdicts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"

namespace watchbell::cli {
namespace {

constexpr char kHeader[] =
    "external_id,clock,priority,started_at,due_at,stopped_at,elapsed_s,verdict\n";

// Opened at 2016-03-01T08:00:00Z, ended `elapsed` later.
sla::v1::ImportClock Stopped(const std::string& external_id, const std::string& name,
                             absl::Duration elapsed, int cycle = 1) {
  const absl::Time start = absl::FromUnixSeconds(1'456'819'200);
  sla::v1::ImportClock clock;
  clock.set_external_id(external_id);
  sla::v1::Clock& own = *clock.mutable_clock();
  own.set_clock(name);
  own.set_cycle(cycle);
  own.set_priority(tickets::v1::PRIORITY_MODERATE);
  own.set_state(sla::v1::CLOCK_STATE_STOPPED);
  *own.mutable_started_at() = ToProto(start);
  *own.mutable_due_at() = ToProto(start + absl::Hours(2));
  *own.mutable_stopped_at() = ToProto(start + elapsed);
  *own.mutable_elapsed() = ToProto(elapsed);
  own.set_verdict(elapsed <= absl::Hours(2) ? sla::v1::VERDICT_MET : sla::v1::VERDICT_MISSED);
  return clock;
}

TEST(VerdictsCsvTest, OneRowForEachVerdictInOrder) {
  std::vector<sla::v1::ImportClock> clocks = {
      Stopped("INC2", "resolution", absl::Hours(1)),
      Stopped("INC1", "resolution", absl::Hours(3), 2),
      Stopped("INC1", "resolution", absl::Hours(2), 1),
      Stopped("INC1", "first-response", absl::Milliseconds(90'500)),
  };
  const std::string wanted =
      absl::StrCat(kHeader,
                   "INC1,first-response,3 - Moderate,2016-03-01T08:00:00Z,"
                   "2016-03-01T10:00:00Z,2016-03-01T08:01:30.500000Z,90,met\n"
                   "INC1,resolution,3 - Moderate,2016-03-01T08:00:00Z,"
                   "2016-03-01T10:00:00Z,2016-03-01T10:00:00Z,7200,met\n"
                   "INC1,resolution,3 - Moderate,2016-03-01T08:00:00Z,"
                   "2016-03-01T10:00:00Z,2016-03-01T11:00:00Z,10800,missed\n"
                   "INC2,resolution,3 - Moderate,2016-03-01T08:00:00Z,"
                   "2016-03-01T10:00:00Z,2016-03-01T09:00:00Z,3600,met\n");
  EXPECT_EQ(VerdictsCsv(clocks), wanted);
  std::reverse(clocks.begin(), clocks.end());
  EXPECT_EQ(VerdictsCsv(clocks), wanted);
}

TEST(VerdictsCsvTest, OpenAndCancelledClocksHaveNone) {
  sla::v1::ImportClock running = Stopped("a", "resolution", absl::Hours(1));
  running.mutable_clock()->set_state(sla::v1::CLOCK_STATE_RUNNING);
  running.mutable_clock()->set_verdict(sla::v1::VERDICT_UNSPECIFIED);
  sla::v1::ImportClock cancelled = running;
  cancelled.mutable_clock()->set_state(sla::v1::CLOCK_STATE_CANCELLED);
  EXPECT_EQ(VerdictsCsv({running, cancelled}), kHeader);
}

TEST(VerdictsCsvTest, WhatNeedsQuotesGetsThem) {
  sla::v1::ImportClock clock = Stopped("a,\"b\"\n", "resolution", absl::Hours(1));
  clock.mutable_clock()->clear_due_at();
  EXPECT_EQ(VerdictsCsv({clock}),
            absl::StrCat(kHeader,
                         "\"a,\"\"b\"\"\n\",resolution,3 - Moderate,"
                         "2016-03-01T08:00:00Z,,2016-03-01T09:00:00Z,3600,met\n"));
}

}  // namespace
}  // namespace watchbell::cli
