// Every clock of any life can be taken apart into stretches that add up.
#include <algorithm>
#include <iostream>

#include "gtest/gtest.h"
#include "tests/unit/sla/question.h"
#include "tests/unit/sla/random_lives.h"

namespace watchbell::sla::test {
namespace {

using namespace watchbell::tickets::v1;  // NOLINT: priorities and hold reasons by their names

int64_t Sum(const google::protobuf::RepeatedPtrField<v1::TimeBurned>& burned) {
  int64_t sum = 0;
  for (const v1::TimeBurned& one : burned) sum += Micros(one.counted());
  return sum;
}

// What holds of every explanation, whatever happened.
void ExpectAddsUp(const state::v1::ClockRecord& clock, const v1::ClockExplanation& told) {
  int64_t reached = clock.started_at();
  int64_t elapsed = 0;
  int64_t until_due = 0;
  const v1::ClockSegment* before = nullptr;
  const bool has_due = told.clock().has_due_at();
  const int64_t due = Micros(told.clock().due_at());
  for (const v1::ClockSegment& segment : told.segments()) {
    EXPECT_EQ(Micros(segment.from()), reached) << "a gap or an overlap";
    reached = Micros(segment.to());
    EXPECT_LT(Micros(segment.from()), reached);
    const bool counted = segment.kind() == v1::CLOCK_SEGMENT_KIND_COUNTED;
    EXPECT_EQ(Micros(segment.counted()), counted ? reached - Micros(segment.from()) : 0);
    EXPECT_GE(segment.leg(), 1);
    const bool paused = segment.kind() == v1::CLOCK_SEGMENT_KIND_PAUSED;
    EXPECT_EQ(segment.has_cause(), paused || segment.kind() == v1::CLOCK_SEGMENT_KIND_NOT_RUNNING);
    if (paused) {
      EXPECT_NE(segment.hold_reason(), HOLD_REASON_UNSPECIFIED);
    }
    if (segment.has_cause()) {
      EXPECT_NE(segment.cause().event(), "");
      const bool goes_on = before != nullptr && before->kind() == segment.kind() &&
                           before->cause().sequence() == segment.cause().sequence();
      EXPECT_TRUE(goes_on || Micros(segment.cause().at()) == Micros(segment.from()))
          << Line(segment);
    }
    before = &segment;
    if (segment.set_aside()) continue;
    if (!segment.expected()) elapsed += Micros(segment.counted());
    if (has_due && reached <= due) until_due += Micros(segment.counted());
  }
  const bool open = !clock.has_ended_at();
  const int64_t as_of = Micros(told.as_of());
  EXPECT_EQ(reached, !open ? clock.ended_at() : has_due ? std::max(as_of, due) : as_of);
  if (has_due && due <= reached) {
    EXPECT_EQ(until_due, clock.allowed());
  }
  EXPECT_EQ(Micros(told.counted().elapsed()), elapsed);
  if (clock.state() != v1::CLOCK_STATE_RUNNING) {
    EXPECT_EQ(elapsed, clock.counted());
  }
  EXPECT_EQ(Micros(told.counted().remaining()), clock.allowed() - elapsed);
  const int64_t allowed = clock.allowed();
  EXPECT_EQ(told.counted().percent(), allowed == 0 ? 100 : elapsed * 100 / allowed);
  // Nothing of what the clock counts is left at a miss, nor is it over where it is met.
  const int64_t left = Micros(told.clock().remaining());
  if (clock.verdict() == v1::VERDICT_MISSED) {
    EXPECT_LE(left, 0);
  }
  if (clock.verdict() == v1::VERDICT_MET) {
    EXPECT_GE(left, 0);
  }
  EXPECT_EQ(Sum(told.by_group()), elapsed);
  EXPECT_EQ(Sum(told.by_assignee()), elapsed);
  EXPECT_EQ(Sum(told.by_hold_reason()), elapsed);
  if (!told.segments().empty() && open) {
    EXPECT_EQ(told.segments().rbegin()->leg(), clock.leg());
  }
  for (const v1::TargetReason& reason : told.targets()) {
    EXPECT_NE(reason.applies(), !reason.why_not().empty());
    if (!clock.unmatched()) {
      EXPECT_EQ(reason.applies(), reason.target_id() == clock.target_id());
    }
  }
}

TEST(Explain, AnyLifeAddsUpToTheMicrosecond) {
  const uint32_t seed = std::random_device()();
  std::cerr << "seed " << seed << "\n";
  RandomLives random(seed);
  constexpr int64_t kHour = int64_t{3'600'000'000};
  int clocks = 0;
  for (int i = 0; i < 1500 && !testing::Test::HasFailure(); ++i) {
    Question ask(random.Targets());
    ask.Count(random.Hours());
    const int64_t opened = At("Mon 08:00") + random.Within(5 * 24 * kHour);
    TicketInput first = Opened(static_cast<Priority>(1 + random.Below(4)));
    first.set_at(opened);
    ask.Hear(first);
    int64_t last = opened;
    for (int k = random.Below(14); k > 0; --k) {
      TicketInput input = random.Input();
      input.set_at(random.Below(10) == 0 ? last : opened + random.Within(30 * kHour));
      last = std::max(last, input.at());
      ask.Hear(input);
    }
    const int64_t now = last + random.Within(50 * kHour);
    state::v1::TicketClocks settled = ask.ticket;
    Happenings unheard;
    Settle(settled, now, unheard);
    for (const state::v1::ClockRecord& clock : settled.clocks()) {
      SCOPED_TRACE(absl::StrCat("life ", i, " of seed ", seed, ": ", clock.ShortDebugString()));
      const auto told = Explain(ask.judge, ask.ticket, {"inc-1", clock.name(), clock.cycle()}, now);
      ASSERT_TRUE(told.ok());
      ExpectAddsUp(clock, *told);
      ++clocks;
    }
  }
  EXPECT_GT(clocks, 1500);
}

}  // namespace
}  // namespace watchbell::sla::test
