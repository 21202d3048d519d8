// What a refusal of calendars and policy sets can list without what is stored.
#include "services/sla/request_faults.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace watchbell::sla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <typename Message>
Message Read(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

std::vector<std::string> Fields(const std::vector<FieldViolation>& faults) {
  std::vector<std::string> fields;
  for (const FieldViolation& fault : faults) fields.push_back(fault.field);
  return fields;
}

TEST(RequestFaults, OfACalendarByItsPathInTheRequest) {
  EXPECT_THAT(Fields(RequestFaults(Read<v1::PutCalendarRequest>(R"(calendar {
    calendar_id: "Two Words" time_zone: "UTC"
    weekly { weekday: 1 intervals { from: "09:00" to: "12:00" } intervals { from: "11:00" to: "13:00" } }
    weekly { weekday: 9 } })"))),
              ElementsAre("calendar.calendar_id", "calendar.weekly[1].weekday",
                          "calendar.weekly[0].intervals[1]"));
  EXPECT_THAT(RequestFaults(v1::PutCalendarRequest()), IsEmpty()) << "there is nothing to look at";
}

TEST(RequestFaults, WhatIsNamedMayBeStored) {
  EXPECT_THAT(RequestFaults(Read<v1::PutCalendarRequest>(
                  R"(calendar { calendar_id: "all" union_of: "berlin" union_of: "tokyo" })")),
              IsEmpty());
  EXPECT_THAT(RequestFaults(Read<v1::PutPolicySetRequest>(R"(policy_set { policy_set_id: "desk"
    targets { target_id: "a" metric: METRIC_RESOLUTION basis: TIME_BASIS_BUSINESS
              duration { seconds: 60 } calendar_id: "office" } })")),
              IsEmpty());
}

constexpr char kBadSet[] = R"(policy_set_id: "Two Words"
    targets { target_id: "a" metric: METRIC_RESOLUTION basis: TIME_BASIS_CALENDAR duration { } })";

TEST(RequestFaults, OfFieldsAndOfTheirMeaningTogether) {
  const auto set = Read<v1::PolicySet>(kBadSet);
  v1::PutPolicySetRequest put;
  *put.mutable_policy_set() = set;
  EXPECT_THAT(Fields(RequestFaults(put)),
              ElementsAre("policy_set.policy_set_id", "policy_set.targets[0].duration"));
  v1::PolicyDraft draft;
  *draft.mutable_policy_set() = set;
  EXPECT_THAT(Fields(DraftFaults(draft)), ElementsAre("policy.policy_set.policy_set_id",
                                                      "policy.policy_set.targets[0].duration"));
  EXPECT_THAT(DraftFaults(v1::PolicyDraft()), IsEmpty());
}

}  // namespace
}  // namespace watchbell::sla
