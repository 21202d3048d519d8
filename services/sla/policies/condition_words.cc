#include "services/sla/policies/condition_words.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/sla/policies/condition.h"

namespace watchbell::sla {
namespace {

// Of many alternatives that do not hold, so many are told.
constexpr size_t kMostTold = 3;

std::string Value(const ConditionField& field, absl::string_view value) {
  return field.HasText() ? absl::StrCat("\"", value, "\"") : std::string(value);
}

template <typename Values>
std::string List(const ConditionField& field, const Values& values) {
  std::vector<std::string> words;
  for (const auto& value : values) words.push_back(Value(field, value));
  return absl::StrJoin(words, ", ");
}

std::string Present(const ConditionField& field, const Moment& moment) {
  if (!field.HasText()) {
    const int number = field.number(moment);
    if (field.kind == FieldKind::kEnum) return ValueName(field, number);
    if (field.kind == FieldKind::kBool) return number != 0 ? "true" : "false";
    return number != 0 ? "set" : "not set";
  }
  const std::string& text = field.text(moment);
  if (text.empty()) return "not set";
  if (field.kind == FieldKind::kText) return Value(field, text);
  return List(field, std::vector<std::string>(absl::StrSplit(text, '\n')));
}

// The operator that holds when `op` does not, where there is one.
v1::Operator Negation(v1::Operator op) {
  switch (op) {
    case v1::OPERATOR_IS:
      return v1::OPERATOR_IS_NOT;
    case v1::OPERATOR_IS_NOT:
      return v1::OPERATOR_IS;
    case v1::OPERATOR_IS_SET:
      return v1::OPERATOR_IS_NOT_SET;
    case v1::OPERATOR_IS_NOT_SET:
      return v1::OPERATOR_IS_SET;
    default:
      return op;
  }
}

// Why a comparison is not as wanted, given that it is not.
std::string WhyNotSo(const v1::Comparison& compare, bool wanted, const Moment& moment) {
  const ConditionField& field = *FindConditionField(compare.field());
  const std::string is = absl::StrCat(field.name, field.kind == FieldKind::kTags ? " are " : " is ",
                                      Present(field, moment));
  const std::string values = List(field, compare.values());
  const absl::string_view one_of = compare.values_size() > 1 ? "one of " : "";
  const v1::Operator op = wanted ? compare.operator_() : Negation(compare.operator_());
  switch (op) {
    case v1::OPERATOR_IS:
      return absl::StrCat(is, ", not ", one_of, values);
    case v1::OPERATOR_IS_NOT:
      return absl::StrCat(is, ", but must not be ", one_of, values);
    case v1::OPERATOR_HAS_ALL:
      return absl::StrCat(is, wanted ? ", not all of " : ", but must not be all of ", values);
    case v1::OPERATOR_STARTS_WITH:
      return absl::StrCat(is, wanted ? ", not beginning with " : ", but must not begin with ",
                          one_of, values);
    case v1::OPERATOR_IS_NOT_SET:
      return absl::StrCat(is, " but must not be set");
    default:
      return is;
  }
}

std::string Joined(const std::vector<std::string>& reasons) {
  const size_t told = std::min(reasons.size(), kMostTold);
  std::string text =
      absl::StrJoin(reasons.begin(), reasons.begin() + static_cast<std::ptrdiff_t>(told), "; and ");
  if (told < reasons.size()) absl::StrAppend(&text, "; and ", reasons.size() - told, " more");
  return text;
}

std::string Why(const v1::Condition& condition, bool wanted, const Moment& moment) {
  if (condition.has_compare()) {
    if (Compile(condition).Holds(moment) == wanted) return "";
    return WhyNotSo(condition.compare(), wanted, moment);
  }
  if (condition.kind_case() == v1::Condition::KIND_NOT_SET) {
    return wanted ? "there is no such condition" : "";
  }
  const v1::Conditions& parts = condition.has_all()   ? condition.all()
                                : condition.has_any() ? condition.any()
                                                      : condition.none();
  const bool part_wanted = condition.has_none() ? !wanted : wanted;
  const bool all_needed = condition.has_any() ? !wanted : wanted;
  std::vector<std::string> reasons;
  for (const v1::Condition& part : parts.of()) {
    std::string reason = Why(part, part_wanted, moment);
    if (all_needed && !reason.empty()) return reason;
    if (!all_needed && reason.empty()) return "";
    if (!all_needed) reasons.push_back(std::move(reason));
  }
  return Joined(reasons);
}

// "high" of PRIORITY_HIGH. The first value of an enum is named after what all begin with.
std::string PlainValue(const ConditionField& field, absl::string_view value) {
  if (field.values == nullptr) return Value(field, value);
  absl::ConsumePrefix(&value, absl::StripSuffix(field.values->value(0)->name(), "UNSPECIFIED"));
  return absl::AsciiStrToLower(absl::StrReplaceAll(value, {{"_", " "}}));
}

std::string ComparisonInWords(const v1::Comparison& compare) {
  const ConditionField& field = *FindConditionField(compare.field());
  const bool tags = field.kind == FieldKind::kTags;
  std::vector<std::string> values;
  for (const std::string& value : compare.values()) values.push_back(PlainValue(field, value));
  const std::string name = absl::StrReplaceAll(field.name, {{"_", " "}});
  const std::string either = absl::StrJoin(values, " or ");
  switch (compare.operator_()) {
    case v1::OPERATOR_IS:
      return absl::StrCat(name, tags ? " have " : " is ", either);
    case v1::OPERATOR_IS_NOT:
      return absl::StrCat(name, tags ? " do not have " : " is not ", either);
    case v1::OPERATOR_HAS_ALL:
      return absl::StrCat(name, " have ", absl::StrJoin(values, " and "));
    case v1::OPERATOR_STARTS_WITH:
      return absl::StrCat(name, " begins with ", either);
    case v1::OPERATOR_IS_NOT_SET:
      return absl::StrCat(name, tags ? " are not set" : " is not set");
    default:
      return absl::StrCat(name, tags ? " are set" : " is set");
  }
}

}  // namespace

std::string InWords(const v1::Condition& condition) {
  if (condition.has_compare()) return ComparisonInWords(condition.compare());
  if (condition.kind_case() == v1::Condition::KIND_NOT_SET) return "never";
  const v1::Conditions& parts = condition.has_all()   ? condition.all()
                                : condition.has_any() ? condition.any()
                                                      : condition.none();
  if (parts.of().empty()) return condition.has_any() ? "never" : "always";
  std::vector<std::string> words;
  for (const v1::Condition& part : parts.of()) {
    const bool of_one_kind =
        part.kind_case() == condition.kind_case() || (condition.has_none() && part.has_any());
    const int size = part.has_all() ? part.all().of_size() : part.any().of_size();
    const bool apart = !of_one_kind && size > 1 && parts.of_size() > 1;
    words.push_back(apart ? absl::StrCat("(", InWords(part), ")") : InWords(part));
  }
  const std::string joined = absl::StrJoin(words, condition.has_all() ? " and " : " or ");
  return condition.has_none() ? absl::StrCat("not (", joined, ")") : joined;
}

std::string WhyNot(const v1::Condition& condition, const Moment& moment) {
  return Why(condition, true, moment);
}

}  // namespace watchbell::sla
