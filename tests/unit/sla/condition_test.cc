// Fields and operators of conditions, and their words.
#include "services/sla/policies/condition.h"

#include <set>

#include "gtest/gtest.h"
#include "services/sla/policies/condition_words.h"
#include "tests/unit/sla/moments.h"

namespace watchbell::sla::test {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

bool Holds(const v1::Condition& condition, const Happened& happened) {
  const bool holds = Compile(condition).Holds(happened.Now());
  EXPECT_EQ(holds, WhyNot(condition, happened.Now()).empty()) << condition.ShortDebugString();
  return holds;
}

// Gives the field of Facts a value, and says how a condition names it.
std::string Fill(const FieldDescriptor& field, state::v1::Facts& facts) {
  const Reflection& reflection = *facts.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection.SetEnum(&facts, &field, field.enum_type()->value(1));
      return field.enum_type()->value(1)->name();
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection.SetBool(&facts, &field, true);
      return "true";
    case FieldDescriptor::CPPTYPE_INT64:
      reflection.SetInt64(&facts, &field, 1);
      return "";
    default:
      reflection.SetString(&facts, &field, "value of " + field.name());
      return "value of " + field.name();
  }
}

TEST(Condition, EveryFactHasItsFieldAndOnlyThatFieldSeesIt) {
  for (int i = 0; i < state::v1::Facts::descriptor()->field_count(); ++i) {
    const FieldDescriptor& fact = *state::v1::Facts::descriptor()->field(i);
    if (fact.name() == "requester_time_zone") continue;  // is not asked for
    Happened happened;
    const std::string value = Fill(fact, happened.facts);
    ASSERT_NE(FindConditionField(fact.name()), nullptr) << fact.name();
    for (const ConditionField& field : ConditionFields()) {
      const std::string name(field.name);
      const bool same = name == fact.name();
      if (field.kind != FieldKind::kBool) {
        EXPECT_EQ(Holds(Comparing(name, "IS_SET"), happened), same) << name << " " << fact.name();
        EXPECT_EQ(Holds(Comparing(name, "IS_NOT_SET"), happened), !same) << name;
      }
      if (!same || field.kind == FieldKind::kDate) continue;
      EXPECT_TRUE(Holds(Comparing(name, "IS", {value}), happened)) << name;
      EXPECT_FALSE(Holds(Comparing(name, "IS_NOT", {value}), happened)) << name;
      EXPECT_FALSE(Holds(Comparing(name, "IS", {value}), Happened())) << name;
      EXPECT_TRUE(Holds(Comparing(name, "IS_NOT", {value}), Happened())) << name;
    }
  }
}

TEST(Condition, FieldsAreThoseOfTheEventAndOfTheFacts) {
  std::set<std::string> names;
  for (const ConditionField& field : ConditionFields()) {
    EXPECT_TRUE(names.insert(std::string(field.name)).second) << field.name;
    const bool of_facts =
        state::v1::Facts::descriptor()->FindFieldByName(std::string(field.name)) != nullptr;
    EXPECT_NE(field.of_event, of_facts) << field.name;
    EXPECT_NE(field.number == nullptr, field.text == nullptr) << field.name;
    if (field.values == nullptr) continue;
    for (int i = 0; i < field.values->value_count(); ++i) {
      EXPECT_LT(field.values->value(i)->number(), 63) << "NumberBit: " << field.name;
    }
  }
}

TEST(Condition, EventsAreNamedByTheirLastPart) {
  Happened event;
  event.event = state::v1::TICKET_EVENT_KIND_HOLD_REASON_CHANGED;
  event.actor = events::v1::ACTOR_KIND_AUTOMATION;
  event.is_public = true;
  EXPECT_TRUE(Holds(Comparing("event", "IS", {"resumed", "hold_reason_changed"}), event));
  EXPECT_FALSE(Holds(Comparing("event", "IS", {"resumed"}), event));
  EXPECT_TRUE(Holds(Comparing("event_actor", "IS", {"ACTOR_KIND_AUTOMATION"}), event));
  EXPECT_FALSE(Holds(Comparing("event_actor", "IS", {"ACTOR_KIND_AGENT"}), event));
  EXPECT_TRUE(Holds(Comparing("event_public", "IS", {"true"}), event));
  EXPECT_FALSE(Holds(Comparing("event_public", "IS", {"false"}), event));
  EXPECT_TRUE(Holds(Comparing("event_public", "IS", {"false"}), Happened()));
}

TEST(Condition, Operators) {
  const Happened ticket =
      Facts("priority: PRIORITY_HIGH category: 'network' vip: true tags: 'blue\\nred\\nred hot'");
  const struct {
    const char* field;
    const char* op;
    std::vector<std::string> values;
    bool holds;
  } rows[] = {
      {"priority", "IS", {"PRIORITY_HIGH"}, true},
      {"priority", "IS", {"PRIORITY_LOW", "PRIORITY_HIGH"}, true},
      {"priority", "IS", {"PRIORITY_LOW"}, false},
      {"priority", "IS_NOT", {"PRIORITY_LOW", "PRIORITY_HIGH"}, false},
      {"priority", "IS_NOT", {"PRIORITY_LOW"}, true},
      {"impact", "IS_NOT", {"IMPACT_LOW"}, true},  // it is not set
      {"vip", "IS", {"true"}, true},
      {"vip", "IS", {"false"}, false},
      {"vip", "IS_NOT", {"true"}, false},
      {"vip", "IS_NOT", {"false"}, true},
      {"responded", "IS", {"false"}, true},
      {"category", "IS", {"email", "network"}, true},
      {"category", "IS", {"net", "networks", "Network"}, false},
      {"category", "IS_NOT", {"net"}, true},
      {"category", "IS_NOT", {"net", "network"}, false},
      {"site", "IS_NOT", {"berlin"}, true},
      {"category", "STARTS_WITH", {"email", "net"}, true},
      {"category", "STARTS_WITH", {"network"}, true},
      {"category", "STARTS_WITH", {"etwork", "networks"}, false},
      {"site", "STARTS_WITH", {"b"}, false},
      {"tags", "IS", {"green", "red"}, true},
      {"tags", "IS", {"hot", "re", "red h", "lue", "green"}, false},
      {"tags", "IS_NOT", {"green", "hot"}, true},
      {"tags", "IS_NOT", {"green", "blue"}, false},
      {"tags", "HAS_ALL", {"red hot", "blue"}, true},
      {"tags", "HAS_ALL", {"blue", "green"}, false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Holds(Comparing(row.field, row.op, row.values), ticket), row.holds)
        << row.field << " " << row.op << " " << testing::PrintToString(row.values);
  }
}

TEST(Condition, AllAnyNone) {
  const Happened ticket = Facts("priority: PRIORITY_HIGH site: 'a'");
  const v1::Condition yes = Is("site", {"a"});
  const v1::Condition no = Is("site", {"b"});
  EXPECT_TRUE(Holds(All({yes, yes}), ticket));
  EXPECT_FALSE(Holds(All({yes, no}), ticket));
  EXPECT_TRUE(Holds(Any({no, yes}), ticket));
  EXPECT_FALSE(Holds(Any({no, no}), ticket));
  EXPECT_TRUE(Holds(None({no, no}), ticket));
  EXPECT_FALSE(Holds(None({no, yes}), ticket));
  // A whole is left at its end: what follows is another part.
  EXPECT_FALSE(Holds(All({Any({yes, no, no}), None({no, Any({no, no})}), no}), ticket));
  EXPECT_TRUE(Holds(All({Any({no, All({yes, no}), yes}), None({All({yes, no})}), yes}), ticket));
}

TEST(Condition, WhatIsAbsentNeverHolds) {
  EXPECT_FALSE(CompiledCondition().Holds(Happened().Now()));
  EXPECT_FALSE(Holds(Never(), Happened()));
  EXPECT_FALSE(Holds(v1::Target().stop(), Happened()));
  EXPECT_TRUE(Holds(Always(), Happened()));
}

TEST(Condition, SaysWhetherItAsksForAnEvent) {
  EXPECT_FALSE(Compile(All({Is("state", {"STATE_NEW"}), IsSet("site")})).AsksForEvent());
  EXPECT_TRUE(Compile(None({IsSet("site"), Is("event", {"commented"})})).AsksForEvent());
  EXPECT_TRUE(Compile(Is("event_actor", {"ACTOR_KIND_AGENT"})).AsksForEvent());
  EXPECT_TRUE(Compile(Is("event_public", {"true"})).AsksForEvent());
}

TEST(Condition, ValuesOfNewerProgramsAreNoneOfOurs) {
  Happened ticket;
  ticket.facts.set_priority(static_cast<tickets::v1::Priority>(77));
  EXPECT_FALSE(Holds(Comparing("priority", "IS", {"PRIORITY_HIGH"}), ticket));
  EXPECT_TRUE(Holds(Comparing("priority", "IS_NOT", {"PRIORITY_HIGH"}), ticket));
  EXPECT_TRUE(Holds(Comparing("priority", "IS_SET"), ticket));
}

TEST(WhyNot, NamesTheFirstPartThatDoesNotHold) {
  const Happened ticket =
      Facts("priority: PRIORITY_LOW category: 'network' tags: 'blue\\nred' vip: true due_at: 5");
  const v1::Condition high = Is("priority", {"PRIORITY_HIGH", "PRIORITY_CRITICAL"});
  const v1::Condition email = Is("category", {"email"});
  const v1::Condition network = Is("category", {"network"});
  const struct {
    v1::Condition condition;
    const char* why;
  } rows[] = {
      {high, "priority is PRIORITY_LOW, not one of PRIORITY_HIGH, PRIORITY_CRITICAL"},
      {email, "category is \"network\", not \"email\""},
      {Is("site", {"berlin"}), "site is not set, not \"berlin\""},
      {IsSet("site"), "site is not set"},
      {Comparing("category", "IS_NOT_SET"), "category is \"network\" but must not be set"},
      {Comparing("due_at", "IS_NOT_SET"), "due_at is set but must not be set"},
      {Is("vip", {"false"}), "vip is true, not false"},
      {IsNot("category", {"network"}), "category is \"network\", but must not be \"network\""},
      {Comparing("category", "STARTS_WITH", {"e", "f"}),
       "category is \"network\", not beginning with one of \"e\", \"f\""},
      {Is("tags", {"green"}), "tags are \"blue\", \"red\", not \"green\""},
      {Comparing("tags", "HAS_ALL", {"red", "green"}),
       "tags are \"blue\", \"red\", not all of \"red\", \"green\""},
      {Is("event", {"commented"}), "event is not set, not commented"},
      {All({network, email, high}), "category is \"network\", not \"email\""},
      {None({email, network}), "category is \"network\", but must not be \"network\""},
      {None({IsNot("category", {"email"})}), "category is \"network\", not \"email\""},
      {None({IsSet("tags")}), "tags are \"blue\", \"red\" but must not be set"},
      {Any({email, Is("vip", {"false"})}),
       "category is \"network\", not \"email\"; and vip is true, not false"},
      {None({All({network, IsSet("due_at")})}),
       "category is \"network\", but must not be \"network\"; and due_at is set but must not be "
       "set"},
      {Any({email, email, email, email, email}),
       "category is \"network\", not \"email\"; and category is \"network\", not \"email\"; and "
       "category is \"network\", not \"email\"; and 2 more"},
      {network, ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(WhyNot(row.condition, ticket.Now()), row.why) << row.condition.ShortDebugString();
  }
}

TEST(ConditionFields, AnUnknownFieldIsAnsweredWithTheNearest) {
  EXPECT_EQ(UnknownFieldText("priorty"),
            "there is no field \"priorty\", did you mean \"priority\"?");
  EXPECT_EQ(UnknownFieldText("Hold-Reason"),
            "there is no field \"Hold-Reason\", did you mean \"hold_reason\"?");
  EXPECT_EQ(UnknownFieldText("colour of the sky"), "there is no field \"colour of the sky\"");
}

}  // namespace
}  // namespace watchbell::sla::test
