// Conditions and what they are asked about, written as protobuf text.
#pragma once

#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "services/sla/policies/condition_fields.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla::test {

template <typename Message>
Message Parsed(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// A comparison: "priority", "IS", {"PRIORITY_HIGH"}.
inline v1::Condition Comparing(const std::string& field, const std::string& op,
                               const std::vector<std::string>& values = {}) {
  v1::Condition condition;
  condition.mutable_compare()->set_field(field);
  v1::Operator parsed = v1::OPERATOR_UNSPECIFIED;
  EXPECT_TRUE(v1::Operator_Parse("OPERATOR_" + op, &parsed)) << op;
  condition.mutable_compare()->set_operator_(parsed);
  for (const std::string& value : values) condition.mutable_compare()->add_values(value);
  return condition;
}

inline v1::Condition IsNot(const std::string& field, const std::vector<std::string>& values) {
  return Comparing(field, "IS_NOT", values);
}

// Facts and an event that outlive the moments made of them.
struct Happened {
  state::v1::Facts facts;
  state::v1::TicketEventKind event = state::v1::TICKET_EVENT_KIND_UNSPECIFIED;
  events::v1::ActorKind actor = events::v1::ACTOR_KIND_UNSPECIFIED;
  bool is_public = false;

  Moment Now() const { return {facts, event, actor, is_public}; }
};

inline Happened Facts(const std::string& text) { return {Parsed<state::v1::Facts>(text)}; }

inline Happened Comment(const std::string& facts, events::v1::ActorKind actor, bool is_public) {
  return {Parsed<state::v1::Facts>(facts), state::v1::TICKET_EVENT_KIND_COMMENTED, actor,
          is_public};
}

}  // namespace watchbell::sla::test
