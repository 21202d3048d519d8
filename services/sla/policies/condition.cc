#include "services/sla/policies/condition.h"

#include <utility>

#include "absl/strings/match.h"

namespace watchbell::sla {
namespace {

v1::Condition Compare(absl::string_view field, v1::Operator op, std::vector<std::string> values) {
  v1::Condition condition;
  v1::Comparison& compare = *condition.mutable_compare();
  compare.set_field(std::string(field));
  compare.set_operator_(op);
  for (std::string& value : values) compare.add_values(std::move(value));
  return condition;
}

v1::Conditions Parts(std::vector<v1::Condition> parts) {
  v1::Conditions conditions;
  for (v1::Condition& part : parts) *conditions.add_of() = std::move(part);
  return conditions;
}

}  // namespace

CompiledCondition Compile(const v1::Condition& condition) {
  CompiledCondition compiled;
  if (condition.kind_case() != v1::Condition::KIND_NOT_SET) compiled.Add(condition);
  return compiled;
}

void CompiledCondition::Add(const v1::Condition& condition) {
  if (condition.has_compare()) return AddComparison(condition.compare());
  const size_t place = nodes_.size();
  Node node = {condition.has_all() ? Test::kAll : Test::kAny};
  node.negated = condition.has_none();
  nodes_.push_back(node);
  const v1::Conditions& parts = condition.has_all()   ? condition.all()
                                : condition.has_any() ? condition.any()
                                                      : condition.none();
  for (const v1::Condition& part : parts.of()) Add(part);
  nodes_[place].size = static_cast<uint32_t>(nodes_.size() - place);
}

void CompiledCondition::AddComparison(const v1::Comparison& compare) {
  const ConditionField* field = FindConditionField(compare.field());
  const v1::Operator op = compare.operator_();
  Node node = {Test::kNumber};
  node.field = field;
  if (!field->HasText()) {
    node.numbers = NumbersThatHold(*field, compare);
  } else {
    node.negated = op == v1::OPERATOR_IS_NOT || op == v1::OPERATOR_IS_NOT_SET;
    const bool tags = field->kind == FieldKind::kTags;
    switch (op) {
      case v1::OPERATOR_IS_SET:
      case v1::OPERATOR_IS_NOT_SET:
        node.test = Test::kTextSet;
        break;
      case v1::OPERATOR_STARTS_WITH:
        node.test = Test::kTextBegin;
        break;
      case v1::OPERATOR_HAS_ALL:
        node.test = Test::kTags;
        break;
      default:
        node.test = tags ? Test::kTag : Test::kText;
    }
    node.first_value = static_cast<uint32_t>(values_.size());
    values_.insert(values_.end(), compare.values().begin(), compare.values().end());
    node.last_value = static_cast<uint32_t>(values_.size());
  }
  asks_for_event_ = asks_for_event_ || field->of_event;
  nodes_.push_back(node);
}

bool CompiledCondition::NodeHolds(const Node* node, const Moment& moment) const {
  if (node->test == Test::kNumber) {
    return (node->numbers & NumberBit(node->field->number(moment))) != 0;
  }
  if (node->test != Test::kAll && node->test != Test::kAny) {
    return TextHolds(*node, node->field->text(moment)) != node->negated;
  }
  const bool decides = node->test == Test::kAny;  // one part of this kind decides
  const Node* const end = node + node->size;
  for (const Node* part = node + 1; part != end; part += part->size) {
    if (NodeHolds(part, moment) == decides) return decides != node->negated;
  }
  return decides == node->negated;
}

bool CompiledCondition::TextHolds(const Node& node, const std::string& text) const {
  if (node.test == Test::kTextSet) return !text.empty();
  const bool decides = node.test != Test::kTags;  // one value of this kind decides
  for (uint32_t i = node.first_value; i != node.last_value; ++i) {
    const std::string& value = values_[i];
    const bool fits = node.test == Test::kText        ? text == value
                      : node.test == Test::kTextBegin ? absl::StartsWith(text, value)
                                                      : HasTag(text, value);
    if (fits == decides) return decides;
  }
  return !decides;
}

v1::Condition Always() { return All({}); }

v1::Condition Never() { return v1::Condition(); }

v1::Condition Is(absl::string_view field, std::vector<std::string> values) {
  return Compare(field, v1::OPERATOR_IS, std::move(values));
}

v1::Condition IsSet(absl::string_view field) { return Compare(field, v1::OPERATOR_IS_SET, {}); }

v1::Condition All(std::vector<v1::Condition> parts) {
  v1::Condition condition;
  *condition.mutable_all() = Parts(std::move(parts));
  return condition;
}

v1::Condition Any(std::vector<v1::Condition> parts) {
  v1::Condition condition;
  *condition.mutable_any() = Parts(std::move(parts));
  return condition;
}

v1::Condition None(std::vector<v1::Condition> parts) {
  v1::Condition condition;
  *condition.mutable_none() = Parts(std::move(parts));
  return condition;
}

}  // namespace watchbell::sla
