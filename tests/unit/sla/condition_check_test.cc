// Faults of conditions by path, and which conditions no ticket can satisfy.
#include "services/sla/policies/condition_check.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/policies/condition.h"
#include "services/sla/policies/condition_words.h"
#include "tests/unit/sla/moments.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Faults(const v1::Condition& condition, bool events_allowed = true) {
  std::vector<std::string> lines;
  for (const FieldViolation& fault : ConditionFaults(condition, "when", events_allowed)) {
    lines.push_back(absl::StrCat(fault.field, ": ", fault.description));
  }
  return lines;
}

TEST(ConditionFaults, AllAtOnceByPath) {
  const auto condition = Parsed<v1::Condition>(R"(
    all {
      of { compare { field: "priority" operator: OPERATOR_IS values: "PRIORITY_LOW" } }
      of { any { of { none { of { compare { field: "prio" values: "x" } } } } of { all {} } } }
      of {}
      of { compare { field: "state" operator: OPERATOR_IS values: "STATE_NEW" values: "NEW"
                     values: "STATE_UNSPECIFIED" values: "STATE_NEW" } }
      of { compare { field: "vip" operator: OPERATOR_IS_SET } }
      of { compare { operator: 17 } }
    })");
  EXPECT_THAT(
      Faults(condition),
      ElementsAre("when.all.of[1].any.of[0].none.of[0].compare.field: there is no field \"prio\"",
                  "when.all.of[1].any.of[0].none.of[0].compare.operator: is required",
                  "when.all.of[1].any.of[1].all.of: needs at least one condition",
                  "when.all.of[2]: needs one of compare, all, any and none",
                  "when.all.of[3].compare.values[1]: must be one of STATE_NEW, STATE_IN_PROGRESS, "
                  "STATE_ON_HOLD, STATE_RESOLVED, STATE_CLOSED",
                  "when.all.of[3].compare.values[2]: must be one of STATE_NEW, STATE_IN_PROGRESS, "
                  "STATE_ON_HOLD, STATE_RESOLVED, STATE_CLOSED",
                  "when.all.of[3].compare.values[3]: \"STATE_NEW\" is given twice",
                  "when.all.of[4].compare.operator: IS_SET does not fit \"vip\", only IS, IS_NOT",
                  "when.all.of[5].compare.field: is required",
                  "when.all.of[5].compare.operator: must be a known operator"));
}

TEST(ConditionFaults, OperatorsThatFitEachKindOfField) {
  const std::vector<std::string> all = {"IS",     "IS_NOT",     "HAS_ALL",
                                        "IS_SET", "IS_NOT_SET", "STARTS_WITH"};
  const struct {
    const char* field;
    const char* value;
    std::vector<std::string> fitting;
  } rows[] = {
      {"priority", "PRIORITY_LOW", {"IS", "IS_NOT", "IS_SET", "IS_NOT_SET"}},
      {"event", "commented", {"IS", "IS_NOT", "IS_SET", "IS_NOT_SET"}},
      {"vip", "true", {"IS", "IS_NOT"}},
      {"due_at", "", {"IS_SET", "IS_NOT_SET"}},
      {"site", "berlin", {"IS", "IS_NOT", "IS_SET", "IS_NOT_SET", "STARTS_WITH"}},
      {"tags", "red", {"IS", "IS_NOT", "HAS_ALL", "IS_SET", "IS_NOT_SET"}},
  };
  for (const auto& row : rows) {
    for (const std::string& op : all) {
      const bool bare = op == "IS_SET" || op == "IS_NOT_SET";
      const auto faults =
          Faults(bare ? Comparing(row.field, op) : Comparing(row.field, op, {row.value}));
      if (std::find(row.fitting.begin(), row.fitting.end(), op) != row.fitting.end()) {
        EXPECT_THAT(faults, IsEmpty()) << row.field << " " << op;
      } else {
        EXPECT_THAT(faults, ElementsAre(HasSubstr(absl::StrCat(
                                ".operator: ", op, " does not fit \"", row.field, "\""))));
      }
    }
  }
}

TEST(ConditionFaults, Values) {
  const std::vector<std::string> many(101, "x");
  const struct {
    v1::Condition condition;
    const char* fault;
  } rows[] = {
      {Comparing("site", "IS"), "when.compare.values: needs at least one value"},
      {Comparing("site", "IS", many), "when.compare.values: has 101 items, at most 100"},
      {Comparing("site", "IS_SET", {"x"}), "when.compare.values: must be empty with IS_SET"},
      {Comparing("vip", "IS", {"true", "false"}),
       "when.compare.values: must be one value, true or false"},
      {Comparing("vip", "IS", {"yes"}), "when.compare.values[0]: must be true or false"},
      {Comparing("site", "STARTS_WITH", {""}),
       "when.compare.values[0]: must not be empty: compare with IS_SET or IS_NOT_SET"},
      {Comparing("tags", "IS", {"a\nb"}), "when.compare.values[0]: must be one line, as a tag is"},
      {Comparing("event", "IS", {"Commented"}), "when.compare.values[0]: must be one of created"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(Faults(row.condition), ElementsAre(testing::StartsWith(row.fault)));
  }
}

TEST(ConditionFaults, EventsOnlyWhereTheyAreAllowed) {
  for (const v1::Condition& condition :
       {Is("event", {"commented"}), Is("event_actor", {"ACTOR_KIND_AGENT"}),
        Is("event_public", {"true"})}) {
    EXPECT_THAT(Faults(condition, true), IsEmpty());
    EXPECT_THAT(Faults(condition, false),
                ElementsAre(testing::StartsWith("when.compare.field: \"event")));
  }
  EXPECT_THAT(Faults(Is("site", {"a"}), false), IsEmpty());
}

TEST(ConditionFaults, NestingAndLength) {
  v1::Condition nested = Is("site", {"a"});
  for (int depth = 2; depth <= 8; ++depth) nested = All({nested});
  EXPECT_THAT(Faults(nested), IsEmpty());
  EXPECT_THAT(Faults(None({nested})),
              ElementsAre("when.none.of[0].all.of[0].all.of[0].all.of[0].all.of[0].all.of[0]"
                          ".all.of[0].all.of[0]: is nested more than 8 deep"));
  EXPECT_THAT(Faults(Any(std::vector<v1::Condition>(100, Is("site", {"a"})))), IsEmpty());
  EXPECT_THAT(Faults(Any(std::vector<v1::Condition>(101, Is("site", {"a"})))),
              ElementsAre("when.any.of: has 101 items, at most 100"));
}

bool Can(const v1::Condition& condition) {
  SearchBudget budget;
  return CanHold(condition, budget);
}

TEST(CanHold, Table) {
  const v1::Condition new_state = Is("state", {"STATE_NEW"});
  const v1::Condition on_hold = Is("state", {"STATE_ON_HOLD"});
  const v1::Condition for_vendor = Is("hold_reason", {"HOLD_REASON_VENDOR"});
  const v1::Condition a = Is("site", {"a"});
  const struct {
    v1::Condition condition;
    bool can;
  } rows[] = {
      {Always(), true},
      {Never(), false},
      {a, true},
      {All({a, Is("site", {"b"})}), false},
      {All({a, Is("service", {"b"})}), true},
      {All({Is("site", {"a", "b"}), Is("site", {"b", "c"})}), true},
      {All({Is("site", {"a", "b"}), IsNot("site", {"b", "a"})}), false},
      {All({a, None({a})}), false},
      {All({a, Comparing("site", "IS_NOT_SET")}), false},
      {All({IsSet("site"), Comparing("site", "IS_NOT_SET")}), false},
      {All({IsSet("site"), IsNot("site", {"a", "b"})}), true},
      {All({Is("site", {"berlin"}), Comparing("site", "STARTS_WITH", {"ber"})}), true},
      {All({Is("site", {"bonn"}), Comparing("site", "STARTS_WITH", {"ber"})}), false},
      {All({Comparing("site", "STARTS_WITH", {"a"}), Comparing("site", "STARTS_WITH", {"b"})}),
       false},
      {All({Comparing("site", "STARTS_WITH", {"a", "b"}),
            Comparing("site", "STARTS_WITH", {"bc"})}),
       true},
      {All({Comparing("site", "STARTS_WITH", {"ab"}),
            None({Comparing("site", "STARTS_WITH", {"a"})})}),
       false},
      {All({Comparing("site", "STARTS_WITH", {"a"}),
            None({Comparing("site", "STARTS_WITH", {"ab"})})}),
       true},
      {All({new_state, on_hold}), false},
      {All({new_state, Any({on_hold, a})}), true},
      {All({new_state, for_vendor}), false},
      {All({on_hold, for_vendor}), true},
      {All({IsSet("hold_reason"), None({on_hold})}), false},
      {Comparing("state", "IS_NOT_SET"), false},
      {Comparing("priority", "IS_NOT_SET"), true},
      {IsNot("state",
             {"STATE_NEW", "STATE_IN_PROGRESS", "STATE_ON_HOLD", "STATE_RESOLVED", "STATE_CLOSED"}),
       false},
      {All({Is("vip", {"true"}), Is("vip", {"false"})}), false},
      {All({IsNot("vip", {"true"}), IsNot("vip", {"false"})}), false},
      {All({IsSet("due_at"), None({IsSet("due_at")})}), false},
      {All({Comparing("tags", "HAS_ALL", {"x", "y"}), IsNot("tags", {"y"})}), false},
      {All({Is("tags", {"x", "y"}), IsNot("tags", {"y"})}), true},
      {All({Is("tags", {"x", "y"}), IsNot("tags", {"y", "x"})}), false},
      {All({Is("tags", {"x"}), Is("tags", {"y"})}), true},
      {All({Is("tags", {"x"}), Comparing("tags", "IS_NOT_SET")}), false},
      {All({Is("tags", {"x"}), None({Comparing("tags", "HAS_ALL", {"x", "y"})})}), true},
      {All({Is("tags", {"x"}), None({Comparing("tags", "HAS_ALL", {"x"})})}), false},
      {All({Any({All({a, new_state}), All({a, on_hold})}), None({new_state}),
            Any({None({on_hold}), IsNot("site", {"a"})})}),
       false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Can(row.condition), row.can) << row.condition.ShortDebugString();
  }
}

// What is too much to look through is taken to be able to hold, soon.
TEST(CanHold, GivesUpWithoutABudget) {
  const v1::Condition hopeless =
      Any({All({Is("site", {"a"}), Is("site", {"b"})}), None({Always()})});
  std::vector<v1::Condition> parts = {hopeless};
  const auto tagged = [](int i) { return Is("tags", {absl::StrCat("t", i)}); };
  for (int i = 0; i < 20; ++i) parts.push_back(Any({tagged(i), tagged(i + 100)}));
  SearchBudget budget;
  EXPECT_FALSE(CanHold(All(parts), budget));
  const size_t left = budget.left;
  EXPECT_GT(left, 0u);
  EXPECT_FALSE(CanHold(All(parts), budget));
  EXPECT_LT(budget.left, left) << "searches share it";
  std::reverse(parts.begin(), parts.end());  // what is hopeless shows last, a million times
  EXPECT_TRUE(CanHold(All(parts), budget));
  EXPECT_EQ(budget.left, 0u);
  EXPECT_TRUE(CanHold(hopeless, budget));
}

// Conditions over a few fields and values.
class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}

  v1::Condition Make(int depth) {
    if (depth == 0 || Pick(3) == 0) return Compare();
    std::vector<v1::Condition> parts;
    for (int i = 1 + Pick(4); i > 0; --i) parts.push_back(Make(depth - 1));
    const int kind = Pick(5);
    return kind < 3 ? All(parts) : kind == 3 ? Any(parts) : None(parts);
  }

  int Pick(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }

 private:
  v1::Condition Compare() {
    const bool is = Pick(2) == 0;
    switch (Pick(5)) {
      case 0:
        return Choice("state", Some({"STATE_NEW", "STATE_IN_PROGRESS", "STATE_ON_HOLD",
                                     "STATE_RESOLVED", "STATE_CLOSED"}));
      case 1:
        return Choice("hold_reason", Some({"HOLD_REASON_USER", "HOLD_REASON_VENDOR"}));
      case 2:
        return Comparing("vip", is ? "IS" : "IS_NOT", {Pick(2) == 0 ? "true" : "false"});
      case 3:
        if (Pick(3) == 0) return Comparing("tags", "HAS_ALL", Some({"x", "y"}));
        return Choice("tags", Some({"x", "y"}));
      default:
        if (Pick(2) == 0) return Comparing("site", "STARTS_WITH", Some({"a", "b", "ab", "ba"}));
        return Choice("site", Some({"a", "ab", "aba", "b"}));
    }
  }

  v1::Condition Choice(const std::string& field, std::vector<std::string> values) {
    static const char* const kOperators[] = {"IS", "IS_NOT", "IS_SET", "IS_NOT_SET"};
    const int op = Pick(6) % 4;
    return op < 2 ? Comparing(field, kOperators[op], std::move(values))
                  : Comparing(field, kOperators[op]);
  }

  std::vector<std::string> Some(const std::vector<std::string>& values) {
    std::vector<std::string> some;
    for (const std::string& value : values) {
      if (Pick(2) == 0) some.push_back(value);
    }
    if (some.empty()) some.push_back(values.front());
    return some;
  }

  std::mt19937 random_;
};

// Every ticket these conditions can tell apart: "z" stands for texts and tags they do not name.
std::vector<Happened> AllTickets() {
  std::vector<std::string> sites = {""};
  for (size_t from = 0, length = 1; length <= 4; ++length) {
    const size_t to = sites.size();
    for (; from < to; ++from) {
      for (const char c : {'a', 'b', 'z'}) sites.push_back(sites[from] + c);
    }
  }
  std::vector<Happened> tickets;
  for (const auto& [state, reason] : std::vector<std::pair<int, int>>{
           {1, 0}, {2, 0}, {3, 0}, {3, 1}, {3, 2}, {3, 3}, {4, 0}, {5, 0}}) {
    Happened ticket;
    ticket.facts.set_state(static_cast<tickets::v1::State>(state));
    ticket.facts.set_hold_reason(static_cast<tickets::v1::HoldReason>(reason));
    for (const char* tags : {"", "x", "y", "z", "x\ny", "x\nz", "y\nz", "x\ny\nz"}) {
      ticket.facts.set_tags(tags);
      for (const bool vip : {false, true}) {
        ticket.facts.set_vip(vip);
        for (const std::string& site : sites) {
          ticket.facts.set_site(site);
          tickets.push_back(ticket);
        }
      }
    }
  }
  return tickets;
}

TEST(CanHold, AgreesWithTryingEveryTicket) {
  const std::vector<Happened> tickets = AllTickets();
  int impossible = 0;
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    Maker maker(seed);
    const v1::Condition condition = All({maker.Make(3), maker.Make(2), maker.Make(1)});
    ASSERT_THAT(Faults(condition), IsEmpty());
    const CompiledCondition compiled = Compile(condition);
    const bool can = std::any_of(tickets.begin(), tickets.end(), [&](const Happened& ticket) {
      return compiled.Holds(ticket.Now());
    });
    ASSERT_EQ(Can(condition), can) << "seed " << seed << " " << condition.ShortDebugString();
    impossible += !can;
    const Happened& ticket =
        tickets[static_cast<size_t>(maker.Pick(static_cast<int>(tickets.size())))];
    ASSERT_EQ(WhyNot(condition, ticket.Now()).empty(), compiled.Holds(ticket.Now()))
        << "seed " << seed << " " << condition.ShortDebugString();
  }
  EXPECT_GT(impossible, 300);
  EXPECT_LT(impossible, 1700);
}

}  // namespace
}  // namespace watchbell::sla::test
