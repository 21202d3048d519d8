// A clock is there as soon as the course of its target has begun, although the machine does not
// walk through the whole history at each input to see it.
#include "services/sla/clocks/course.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "services/sla/clocks/ticket_inputs.h"
#include "services/sla/policies/condition.h"
#include "tests/unit/sla/desk.h"
#include "tests/unit/sla/random_lives.h"

namespace watchbell::sla::test {
namespace {

// What the random targets lack: starts that wait, and ends by facts and by events.
void GiveConditions(RandomLives& random, v1::Target& target) {
  const std::vector<v1::Condition> conditions = {
      Is("group", {"net"}), Is("event", {"commented"}), Is("state", {"STATE_ON_HOLD"}),
      Is("state", {"STATE_RESOLVED"}), Is("responded", {"true"})};
  const auto any = [&] { return conditions[static_cast<size_t>(random.Below(5))]; };
  if (random.Below(2) == 0) *target.mutable_start() = any();
  if (random.Below(2) == 0) *target.mutable_stop() = any();
  if (random.Below(2) == 0) *target.mutable_cancel() = any();
}

TEST(Course, AClockIsThereAsSoonAsItHasBegun) {
  int without = 0;
  for (uint32_t seed = 1; seed <= 1500 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomLives random(seed);
    std::vector<v1::Target> targets = random.Targets();
    for (v1::Target& target : targets) GiveConditions(random, target);
    Bench bench(targets);
    const Judge& judge = bench.judge();
    state::v1::TicketClocks ticket;
    int64_t at = At("Mon 08:00");
    ticket.set_opened_at(at);
    for (int64_t sequence = 1; sequence <= 12; ++sequence) {
      TicketInput input = sequence == 1
                              ? Opened(static_cast<tickets::v1::Priority>(1 + random.Below(4)))
                              : random.Input();
      at += int64_t{60'000'000} * random.Below(200);
      input.set_at(at);
      input.set_sequence(sequence);
      Happenings told;
      ApplyInput(judge, ticket, input, told);
      for (const ClockSlot& slot : judge.era(0).compiled->slots) {
        const bool there =
            std::any_of(ticket.clocks().begin(), ticket.clocks().end(),
                        [&](const auto& clock) { return clock.name() == slot.name; });
        const int match = MatchTarget(judge, 0, slot, MomentOf(ticket.facts(), input));
        if (there || match < 0) continue;
        ++without;
        EXPECT_FALSE(HasBegun(
            CourseOf(judge.rules(match), judge.target(match).on_reopen(), ticket.inputs())))
            << slot.name << " at input " << sequence;
      }
    }
  }
  EXPECT_GT(without, 1000);
}

}  // namespace
}  // namespace watchbell::sla::test
