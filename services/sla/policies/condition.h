// Conditions over a ticket's facts and what happened to it, compiled once and asked often: no
// allocation, no lookup by name, tens of nanoseconds. Pure; thread-safe once made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/sla/policies/condition_fields.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// As it is made, it never holds: what is absent never holds.
class CompiledCondition {
 public:
  bool Holds(const Moment& moment) const {
    return !nodes_.empty() && NodeHolds(nodes_.data(), moment);
  }

  // Whether it may hold in one moment and not in another with the same facts.
  bool AsksForEvent() const { return asks_for_event_; }

 private:
  friend CompiledCondition Compile(const v1::Condition& condition);

  enum class Test : uint8_t {
    kNumber,     // the field's number is in `numbers`
    kText,       // the text is one of the values
    kTextBegin,  // it begins with one of them
    kTextSet,    // there is a text
    kTag,        // one of the values is a tag
    kTags,       // all of them are
    kAll,        // of the parts
    kAny,
  };

  // Parts follow their whole.
  struct Node {
    Test test;
    bool negated = false;
    const ConditionField* field = nullptr;
    uint64_t numbers = 0;
    uint32_t first_value = 0;  // in values_
    uint32_t last_value = 0;   // after it
    uint32_t size = 1;         // nodes, with all parts
  };

  void Add(const v1::Condition& condition);
  void AddComparison(const v1::Comparison& compare);
  bool NodeHolds(const Node* node, const Moment& moment) const;
  bool TextHolds(const Node& node, const std::string& text) const;

  std::vector<Node> nodes_;
  std::vector<std::string> values_;
  bool asks_for_event_ = false;
};

// `condition` has no faults (condition_check.h). One whose kind is not set, as an absent one's,
// never holds.
CompiledCondition Compile(const v1::Condition& condition);

// Conditions made by the program.
v1::Condition Always();
v1::Condition Never();
v1::Condition Is(absl::string_view field, std::vector<std::string> values);
v1::Condition IsSet(absl::string_view field);
v1::Condition All(std::vector<v1::Condition> parts);
v1::Condition Any(std::vector<v1::Condition> parts);
v1::Condition None(std::vector<v1::Condition> parts);

}  // namespace watchbell::sla
