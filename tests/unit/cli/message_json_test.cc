// What the command line says of JSON that is none of a message.
#include "services/watchbell/message_json.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "google/protobuf/empty.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

template <typename Message>
std::string Fits(const std::string& json) {
  Message message;
  const absl::Status parsed = ParseJson(json, &message);
  EXPECT_FALSE(parsed.ok()) << json;
  return WhatFits(parsed);
}

std::string OfFile(const std::string& target) {
  return Fits<sla::v1::PolicyFile>(
      absl::StrCat(R"({"policy_set": {"targets": [{}, )", target, "]}}"));
}

TEST(WhatFits, AnUnknownFieldByThoseOfItsMessage) {
  EXPECT_EQ(Fits<sla::v1::PolicyFile>(R"({"policy": {}})"),
            "Fields of PolicyFile:\n  calendars\n  policy_set\n");
  const std::string target = OfFile(R"({"time": "3600s"})");
  EXPECT_THAT(target, StartsWith("Fields of Target:\n  target_id\n  metric: METRIC_FIRST_RESPONSE, "
                                 "METRIC_RESOLUTION, "));
  EXPECT_THAT(target, HasSubstr("\n  duration\n"));
  EXPECT_THAT(target, Not(HasSubstr("METRIC_UNSPECIFIED")));
  EXPECT_EQ(OfFile(R"({"when": {"any": {"of": [{"compare": {"value": "a"}}]}}})"),
            "Fields of Comparison:\n  field\n  operator: OPERATOR_IS, OPERATOR_IS_NOT, "
            "OPERATOR_HAS_ALL, OPERATOR_IS_SET, OPERATOR_IS_NOT_SET, OPERATOR_STARTS_WITH\n"
            "  values\n");
}

TEST(WhatFits, AnUnknownValueByThoseOfItsEnum) {
  EXPECT_EQ(OfFile(R"({"basis": "HOURS"})"),
            "Values of TimeBasis: TIME_BASIS_BUSINESS, TIME_BASIS_CALENDAR\n");
  EXPECT_THAT(Fits<tickets::v1::ListTicketsRequest>(R"({"priorities": ["P1"]})"),
              StartsWith("Values of Priority: PRIORITY_CRITICAL, PRIORITY_HIGH, "));
  EXPECT_THAT(OfFile(R"({"priorities": ["PRIORITY_LOW", "P1"]})"),
              StartsWith("Values of Priority: "));
}

TEST(WhatFits, AMessageThatIsNoneByItsFields) {
  EXPECT_THAT(Fits<sla::v1::PolicyFile>(R"({"policy_set": "desk"})"),
              StartsWith("Fields of PolicySet:\n  policy_set_id\n"));
}

TEST(WhatFits, NothingOfTextNumbersAndTimes) {
  EXPECT_EQ(OfFile(R"({"warn_percent": ["half"]})"), "");
  EXPECT_EQ(OfFile(R"({"duration": "1 h"})"), "");
  EXPECT_EQ(Fits<sla::v1::PolicyFile>(R"({"policy_set": {"site_time_zones": {"rome": 1}}})"), "");
  EXPECT_EQ(Fits<sla::v1::PolicyFile>("{"), "");
  EXPECT_EQ(WhatFits(absl::OkStatus()), "");
}

TEST(FieldsOf, NoFields) {
  EXPECT_EQ(FieldsOf(*google::protobuf::Empty::descriptor()), "Empty has no fields.\n");
}

}  // namespace
}  // namespace watchbell::cli
