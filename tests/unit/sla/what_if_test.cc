// What a draft would have made of tickets, over lives by hand and lives at random.
#include "services/sla/what_if.h"

#include <iostream>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/random_lives.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tickets::v1::PRIORITY_HIGH;
using tickets::v1::PRIORITY_LOW;

std::string Name(v1::Verdict verdict) {
  return verdict == v1::VERDICT_MET ? "met" : verdict == v1::VERDICT_MISSED ? "missed" : "none";
}

std::vector<std::string> Changes(const v1::WhatIfResponse& answer) {
  std::vector<std::string> lines;
  for (const v1::WhatIfChange& change : answer.changes()) {
    lines.push_back(absl::StrCat(change.clock(), "/", change.cycle(), " ", Name(change.before()),
                                 " -> ", Name(change.after())));
  }
  return lines;
}

std::string Line(const v1::WhatIfCount& count) {
  std::string line = absl::StrCat(count.clock(), " p", count.priority(), ": met ",
                                  count.met_before(), " -> ", count.met_after(), ", missed ",
                                  count.missed_before(), " -> ", count.missed_after());
  if (count.open_breached_before() > 0 || count.open_breached_after() > 0) {
    absl::StrAppend(&line, ", open ", count.open_breached_before(), " -> ",
                    count.open_breached_after());
  }
  if (count.gained() > 0) absl::StrAppend(&line, ", gained ", count.gained());
  if (count.lost() > 0) absl::StrAppend(&line, ", lost ", count.lost());
  return line;
}
std::vector<std::string> Counts(const v1::WhatIfResponse& answer) {
  std::vector<std::string> lines;
  for (const v1::WhatIfCount& count : answer.counts()) lines.push_back(Line(count));
  return lines;
}

state::v1::TicketLife Stored(const state::v1::TicketClocks& ticket) {
  state::v1::TicketLife stored;
  EXPECT_TRUE(stored.ParseFromString(ticket.SerializeAsString()));
  return stored;
}

v1::WhatIfResponse Ask(const Bench& draft, const Life& life, absl::string_view now,
                       Listed listed = Listed::kOtherVerdict) {
  WhatIf what_if(draft.judge(), listed, At(now));
  what_if.Take(Stored(life.ticket));
  return what_if.Answer();
}

Bench Answer(int minutes) {
  return Bench({MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, minutes)});
}

// Bytes of the one are bytes of the other.
TEST(WhatIf, ATicketsLifeHasTheFieldsOfWhatIsStored) {
  using google::protobuf::FieldDescriptor;
  const auto* stored = state::v1::TicketClocks::descriptor();
  const auto* life = state::v1::TicketLife::descriptor();
  ASSERT_EQ(life->field_count(), stored->field_count());
  for (int i = 0; i < stored->field_count(); ++i) {
    const FieldDescriptor* wanted = stored->field(i);
    SCOPED_TRACE(wanted->name());
    const FieldDescriptor* got = life->FindFieldByNumber(wanted->number());
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(got->name(), wanted->name());
    EXPECT_EQ(got->is_repeated(), wanted->is_repeated());
    if (got->type() == FieldDescriptor::TYPE_BYTES) {
      EXPECT_EQ(wanted->type(), FieldDescriptor::TYPE_MESSAGE);
    } else {
      EXPECT_EQ(got->type(), wanted->type());
      EXPECT_EQ(got->message_type(), wanted->message_type());
    }
  }
}

TEST(WhatIf, AStricterDraftLosesAndALooserOneGains) {
  const Bench present = Answer(30);
  Life met(present);
  met.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  met.Do("Mon 09:20", Respond());
  auto answer = Ask(Answer(10), met, "Mon 12:00");
  EXPECT_THAT(Changes(answer), ElementsAre("first-response/1 met -> missed"));
  EXPECT_THAT(Counts(answer), ElementsAre("first-response p2: met 1 -> 0, missed 0 -> 1, lost 1"));
  EXPECT_EQ(Show(Micros(answer.changes(0).started_at())), "Mon 09:00");
  EXPECT_EQ(Show(Micros(answer.changes(0).due_at())), "Mon 09:10");
  EXPECT_EQ(Show(Micros(answer.changes(0).stopped_at())), "Mon 09:20");
  EXPECT_EQ(Minutes(answer.changes(0).elapsed()), 20);

  Life missed(present);
  missed.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  missed.Do("Mon 09:40", Respond());
  answer = Ask(Answer(60), missed, "Mon 12:00");
  EXPECT_THAT(Changes(answer), ElementsAre("first-response/1 missed -> met"));
  EXPECT_THAT(Counts(answer),
              ElementsAre("first-response p2: met 0 -> 1, missed 1 -> 0, gained 1"));
}

TEST(WhatIf, WhatIsListed) {
  const Bench present = Answer(30);
  Life life(present);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:20", Respond());
  EXPECT_THAT(Changes(Ask(Answer(10), life, "Mon 12:00", Listed::kNone)), IsEmpty());
  EXPECT_THAT(Changes(Ask(Answer(25), life, "Mon 12:00")), IsEmpty());
  EXPECT_THAT(Changes(Ask(Answer(25), life, "Mon 12:00", Listed::kAll)),
              ElementsAre("first-response/1 met -> met"));
}

TEST(WhatIf, ANewClockAndOneThatIsGone) {
  const Bench present({MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 30),
                       MakeTarget("solve", v1::METRIC_RESOLUTION, 60, {PRIORITY_HIGH})});
  const Bench draft({MakeTarget("update", v1::METRIC_PERIODIC_UPDATE, 15),
                     MakeTarget("solve", v1::METRIC_RESOLUTION, 60, {PRIORITY_LOW})});
  Life life(present);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:20", Say(events::v1::ACTOR_KIND_AGENT));
  life.Do("Mon 11:00", Resolve());
  const auto answer = Ask(draft, life, "Mon 12:00", Listed::kAll);
  EXPECT_THAT(Changes(answer),
              ElementsAre("first-response/1 met -> none", "periodic-update/1 none -> missed",
                          "periodic-update/2 none -> none", "resolution/1 missed -> none"));
  EXPECT_FALSE(answer.changes(0).has_started_at()) << "the draft has no such clock";
  EXPECT_THAT(Counts(answer), ElementsAre("first-response p2: met 1 -> 0, missed 0 -> 0",
                                          "periodic-update p2: met 0 -> 0, missed 0 -> 1",
                                          "resolution p2: met 0 -> 0, missed 1 -> 0"));
}

TEST(WhatIf, CountsGoByThePriorityOfTheDraftsLeg) {
  const Bench present({MakeTarget("solve", v1::METRIC_RESOLUTION, 60)});
  const Bench draft({MakeTarget("fast", v1::METRIC_RESOLUTION, 60, {PRIORITY_HIGH}),
                     MakeTarget("slow", v1::METRIC_RESOLUTION, 120, {PRIORITY_LOW})});
  Life life(present);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:30", Raise(PRIORITY_LOW));
  life.Do("Mon 10:30", Resolve());
  EXPECT_EQ(life.Clock().priority(), PRIORITY_HIGH);
  EXPECT_THAT(Counts(Ask(draft, life, "Mon 12:00")),
              ElementsAre("resolution p4: met 0 -> 1, missed 1 -> 0, gained 1"));
}

TEST(WhatIf, LiveTicketsAreJudgedUntilNowHistoricOnesAsFarAsTheyWere) {
  const Bench present = Answer(120);
  Life life(present);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  EXPECT_THAT(Counts(Ask(Answer(30), life, "Mon 09:30")),
              ElementsAre("first-response p2: met 0 -> 0, missed 0 -> 0"));
  const std::string breached = "first-response p2: met 0 -> 0, missed 0 -> 0, open 0 -> 1";
  EXPECT_THAT(Counts(Ask(Answer(30), life, "Mon 09:31")), ElementsAre(breached));
  life.ticket.set_historic(true);
  life.ticket.set_decided_before(At("Mon 09:30"));
  EXPECT_THAT(Counts(Ask(Answer(30), life, "Mon 15:00")),
              ElementsAre("first-response p2: met 0 -> 0, missed 0 -> 0"));
  life.ticket.set_decided_before(At("Mon 09:31"));
  EXPECT_THAT(Counts(Ask(Answer(30), life, "Mon 15:00")), ElementsAre(breached));
}

TEST(WhatIf, OpenBreachesAsStored) {
  const Bench present = Answer(30);
  Life life(present);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Until("Mon 09:31");
  EXPECT_THAT(Counts(Ask(Answer(120), life, "Mon 10:00")),
              ElementsAre("first-response p2: met 0 -> 0, missed 0 -> 0, open 1 -> 0"));
}

TEST(WhatIf, MovesBetweenPoliciesAreNoneOfTheDraft) {
  const Bench present = Answer(30);
  Life life(present);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  TicketInput move;
  move.set_at(At("Mon 09:10"));
  move.set_era(1);
  *life.ticket.add_inputs() = move;
  life.Do("Mon 09:20", Respond());
  EXPECT_THAT(Changes(Ask(Answer(10), life, "Mon 12:00")),
              ElementsAre("first-response/1 met -> missed"));
}

TEST(WhatIf, WithoutAPolicyAllClocksAreGone) {
  const Bench present = Answer(30);
  Life life(present);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 09:20", Respond());
  EXPECT_THAT(Changes(Ask(Bench({}), life, "Mon 12:00")),
              ElementsAre("first-response/1 met -> none"));
}

// What became of one life under some policy, by hearing it there.
struct Told {
  Told(const std::vector<v1::Target>& targets, const CalendarSpec& hours,
       const std::vector<TicketInput>& inputs, int64_t now)
      : question(targets) {
    question.Count(hours);
    for (const TicketInput& input : inputs) question.Hear(input);
    Happenings unheard;
    Settle(question.ticket, now, unheard);
  }
  Question question;
};

class AnyLife : public testing::Test {
 protected:
  AnyLife() { std::cerr << "seed " << seed_ << "\n"; }

  void Live() {
    constexpr int64_t kHour = int64_t{3'600'000'000};
    hours_ = random_.Hours();
    const int64_t opened = At("Mon 08:00") + random_.Within(5 * 24 * kHour);
    inputs_ = {Opened(static_cast<tickets::v1::Priority>(1 + random_.Below(4)))};
    inputs_[0].set_at(opened);
    now_ = opened;
    for (int k = random_.Below(14); k > 0; --k) {
      inputs_.push_back(random_.Input());
      inputs_.back().set_at(opened + random_.Within(30 * kHour));
      now_ = std::max(now_, inputs_.back().at());
    }
    now_ += random_.Within(50 * kHour);
  }

  const uint32_t seed_ = std::random_device()();
  RandomLives random_{seed_};
  CalendarSpec hours_;
  std::vector<TicketInput> inputs_;
  int64_t now_ = 0;
};

TEST_F(AnyLife, UnderTheSamePolicyNothingChanges) {
  int clocks = 0;
  for (int i = 0; i < 500 && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("life ", i, " of seed ", seed_));
    Live();
    Told told(random_.Targets(), hours_, inputs_, now_);
    told.question.ticket.set_historic(random_.Below(2) == 0);
    told.question.ticket.set_decided_before(now_);
    WhatIf what_if(told.question.judge, Listed::kAll, now_);
    what_if.Take(Stored(told.question.ticket));
    const v1::WhatIfResponse answer = what_if.Answer();
    EXPECT_EQ(answer.tickets(), 1);
    EXPECT_EQ(answer.changes_size(), told.question.ticket.clocks_size());
    for (const v1::WhatIfChange& change : answer.changes())
      EXPECT_EQ(change.before(), change.after());
    for (const v1::WhatIfCount& count : answer.counts()) {
      EXPECT_EQ(count.met_before(), count.met_after());
      EXPECT_EQ(count.missed_before(), count.missed_after());
      EXPECT_EQ(count.open_breached_before(), count.open_breached_after());
      EXPECT_EQ(count.gained() + count.lost(), 0);
    }
    clocks += answer.changes_size();
  }
  EXPECT_GT(clocks, 500);
}

const state::v1::ClockRecord* Find(const state::v1::TicketClocks& ticket,
                                   const v1::WhatIfChange& change) {
  for (const state::v1::ClockRecord& clock : ticket.clocks()) {
    if (clock.name() == change.clock() && clock.cycle() == change.cycle()) return &clock;
  }
  return nullptr;
}

// The rows tell what was heard under each policy, and the counts are those of the rows.
void ExpectSumsUp(const v1::WhatIfResponse& answer, const state::v1::TicketClocks& before,
                  const state::v1::TicketClocks& after) {
  std::map<std::pair<std::string, int>, v1::WhatIfCount> counted;
  size_t found = 0;
  for (const v1::WhatIfChange& change : answer.changes()) {
    const auto* was = Find(before, change);
    const auto* is = Find(after, change);
    found += (was != nullptr) + (is != nullptr);
    EXPECT_EQ(change.before(), was == nullptr ? v1::VERDICT_UNSPECIFIED : was->verdict());
    EXPECT_EQ(change.after(), is == nullptr ? v1::VERDICT_UNSPECIFIED : is->verdict());
    EXPECT_EQ(change.priority(), (is == nullptr ? was : is)->priority());
    EXPECT_EQ(change.has_started_at(), is != nullptr);
    if (is != nullptr) {
      EXPECT_EQ(Micros(change.started_at()), is->started_at());
      EXPECT_EQ(Micros(change.elapsed()), is->elapsed());
    }
    v1::WhatIfCount& count = counted[{change.clock(), change.priority()}];
    count.set_clock(change.clock());
    count.set_priority(change.priority());
    const auto add = [](int64_t sum, bool one) { return sum + (one ? 1 : 0); };
    const bool met = change.after() == v1::VERDICT_MET;
    const bool missed = change.after() == v1::VERDICT_MISSED;
    const bool was_met = change.before() == v1::VERDICT_MET;
    const bool was_missed = change.before() == v1::VERDICT_MISSED;
    count.set_met_before(add(count.met_before(), was_met));
    count.set_met_after(add(count.met_after(), met));
    count.set_missed_before(add(count.missed_before(), was_missed));
    count.set_missed_after(add(count.missed_after(), missed));
    count.set_gained(add(count.gained(), met && was_missed));
    count.set_lost(add(count.lost(), missed && was_met));
    const auto open = [](const state::v1::ClockRecord* clock) {
      return clock != nullptr && !clock->has_ended_at() &&
             BreachOf(*clock, clock->leg()) != nullptr;
    };
    count.set_open_breached_before(add(count.open_breached_before(), open(was)));
    count.set_open_breached_after(add(count.open_breached_after(), open(is)));
  }
  EXPECT_EQ(found, static_cast<size_t>(before.clocks_size() + after.clocks_size()));
  std::vector<std::string> wanted;
  for (const auto& [key, count] : counted) wanted.push_back(Line(count));
  EXPECT_EQ(Counts(answer), wanted);
}

TEST_F(AnyLife, UnderAnotherPolicyIsAsIfItHadBeenHeardThere) {
  int changed = 0;
  for (int i = 0; i < 500 && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("life ", i, " of seed ", seed_));
    Live();
    const Told before(random_.Targets(), hours_, inputs_, now_);
    const Told after(random_.Targets(), hours_, inputs_, now_);
    WhatIf what_if(after.question.judge, Listed::kAll, now_);
    what_if.Take(Stored(before.question.ticket));
    const v1::WhatIfResponse answer = what_if.Answer();
    ExpectSumsUp(answer, before.question.ticket, after.question.ticket);
    for (const v1::WhatIfCount& count : answer.counts())
      changed += count.gained() + count.lost() > 0;
  }
  EXPECT_GT(changed, 10);
}

}  // namespace
}  // namespace watchbell::sla::test
