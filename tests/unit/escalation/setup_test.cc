#include "gmock/gmock.h"
#include "services/escalation/setup_check.h"
#include "tests/unit/escalation/fixture.h"

namespace watchbell::escalation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

std::vector<std::string> Paths(const std::vector<FieldViolation>& faults) {
  std::vector<std::string> paths;
  for (const FieldViolation& fault : faults) {
    EXPECT_FALSE(fault.description.empty());
    paths.push_back(fault.field);
  }
  return paths;
}

class Setup : public EscalationTest {};

TEST_F(Setup, AGoodOneIsTaken) {
  EXPECT_THAT(CheckSetup(Desk()), IsEmpty());
  EXPECT_THAT(CheckSetup(v1::EscalationSetup()), IsEmpty());
  const absl::StatusOr<v1::EscalationSetup> put = Put(Desk());
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(put->version(), 1);
  EXPECT_EQ(put->policies_size(), 3);
}

TEST_F(Setup, NamesEveryFaultByPath) {
  v1::EscalationSetup setup = Desk();
  *setup.add_rotas() = MakeRota("days", "Mars/Base", "2026-02-30T00:00", 0, {});
  *setup.add_rotas() = MakeRota("", "UTC", "2026-01-01T00:00", 367, {"ana", "", "ana"});
  AddTeam(&setup, "network", "no-rota", "no-policy");
  v1::EscalationPolicy* policy = AddPolicy(&setup, "on-open", v1::TRIGGER_UNSPECIFIED);
  AddStep(policy, {}, {}, absl::Seconds(1));
  AddStep(policy, {"days", "no-rota"}, {"ana", "ana", ""}, absl::Milliseconds(999));
  AddStep(policy, {"days"}, {}, absl::Hours(7 * 24) + absl::Microseconds(1));
  policy->set_repeats(21);
  policy->add_catch_all("");
  policy->add_priorities(tickets::v1::PRIORITY_UNSPECIFIED);
  AddPolicy(&setup, "bare", v1::TRIGGER_BREACH)->set_repeats(-1);
  v1::RoutingRule* rule = setup.add_routing();
  rule->set_rule_id("first");
  rule->set_team_id("no-team");
  rule = setup.add_routing();
  rule->set_rule_id("first");
  rule->set_team_id("desk");
  rule->add_priorities(static_cast<tickets::v1::Priority>(77));
  const std::vector<std::string> expected = {
      "setup.rotas[1].rota_id",
      "setup.rotas[1].time_zone",
      "setup.rotas[1].anchor",
      "setup.rotas[1].turn_days",
      "setup.rotas[1].people",
      "setup.rotas[2].rota_id",
      "setup.rotas[2].turn_days",
      "setup.rotas[2].people[1]",
      "setup.teams[4].team_id",
      "setup.teams[4].rota_id",
      "setup.teams[4].escalation_policy_id",
      "setup.policies[3].escalation_policy_id",
      "setup.policies[3].trigger",
      "setup.policies[3].steps[0]",
      "setup.policies[3].steps[1].rotas[1]",
      "setup.policies[3].steps[1].people[1]",
      "setup.policies[3].steps[1].people[2]",
      "setup.policies[3].steps[1].delay",
      "setup.policies[3].steps[2].delay",
      "setup.policies[3].repeats",
      "setup.policies[3].catch_all[0]",
      "setup.policies[3].priorities[0]",
      "setup.policies[4].steps",
      "setup.policies[4].repeats",
      "setup.routing[0].team_id",
      "setup.routing[1].rule_id",
      "setup.routing[1].priorities[0]",
  };
  const absl::StatusOr<v1::EscalationSetup> put = Put(setup);
  EXPECT_EQ(put.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Paths(FieldViolations(put.status())), UnorderedElementsAreArray(expected));
  EXPECT_EQ(harness_.State<v1::EscalationSetup>(SetupKey("default")), nullptr);
}

TEST_F(Setup, BoundsAreInclusive) {
  v1::EscalationSetup setup = Desk();
  setup.mutable_rotas(0)->set_turn_days(366);
  v1::EscalationPolicy* policy = setup.mutable_policies(0);
  policy->set_repeats(20);
  *policy->mutable_steps(0)->mutable_delay() = ToProto(absl::Seconds(1));
  *policy->mutable_steps(1)->mutable_delay() = ToProto(absl::Hours(7 * 24));
  EXPECT_THAT(CheckSetup(setup), IsEmpty());
  policy->add_catch_all(std::string(kMaxPersonLength, 'x'));
  EXPECT_THAT(CheckSetup(setup), IsEmpty());
  policy->set_catch_all(0, std::string(kMaxPersonLength + 1, 'x'));
  EXPECT_THAT(Paths(CheckSetup(setup)), ElementsAre("setup.policies[0].catch_all[0]"));
}

TEST_F(Setup, APolicyFitsIntoEveryEventOfItsRuns) {
  v1::EscalationSetup setup = Desk();
  v1::Step* step = setup.mutable_policies(0)->mutable_steps(0);
  for (int i = 0; i < 300; ++i) step->add_people(absl::StrCat(std::string(120, 'p'), i));
  EXPECT_THAT(Paths(CheckSetup(setup)), ElementsAre("setup.policies[0]"));
}

TEST_F(Setup, SameContentKeepsTheVersion) {
  ASSERT_TRUE(Put(Desk()).ok());
  v1::EscalationSetup again = Desk();
  again.set_version(17);  // what the caller thinks does not matter
  absl::StatusOr<v1::EscalationSetup> put = Put(again);
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(put->version(), 1);
  again.mutable_policies(0)->set_repeats(3);
  put = Put(again);
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(put->version(), 2);
  EXPECT_EQ(harness_.State<v1::EscalationSetup>(SetupKey("default"))->version(), 2);
  put = Put(v1::EscalationSetup());
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(put->version(), 3);
  EXPECT_EQ(put->teams_size(), 0);
}

TEST_F(Setup, TenantsDoNotShare) {
  ASSERT_TRUE(Put(Desk()).ok());
  harness_.identity.tenant = "another";
  const absl::StatusOr<v1::EscalationSetup> put = Put(v1::EscalationSetup());
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put->version(), 1);
  EXPECT_EQ(harness_.State<v1::EscalationSetup>(SetupKey("default"))->teams_size(), 4);
}

TEST_F(Setup, NeedsAManager) {
  harness_.identity.roles = {"agent"};
  EXPECT_EQ(Put(Desk()).status().code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace watchbell::escalation
