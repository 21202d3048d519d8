#include "services/sla/policies/condition_check.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/shorten.h"
#include "services/sla/policies/condition_fields.h"

namespace watchbell::sla {
namespace {

// As messages name it, without the enum's name.
std::string OperatorName(v1::Operator op) {
  return std::string(absl::StripPrefix(v1::Operator_Name(op), "OPERATOR_"));
}

std::vector<v1::Operator> OperatorsOf(FieldKind kind) {
  switch (kind) {
    case FieldKind::kEnum:
      return {v1::OPERATOR_IS, v1::OPERATOR_IS_NOT, v1::OPERATOR_IS_SET, v1::OPERATOR_IS_NOT_SET};
    case FieldKind::kBool:
      return {v1::OPERATOR_IS, v1::OPERATOR_IS_NOT};
    case FieldKind::kDate:
      return {v1::OPERATOR_IS_SET, v1::OPERATOR_IS_NOT_SET};
    case FieldKind::kText:
      return {v1::OPERATOR_IS, v1::OPERATOR_IS_NOT, v1::OPERATOR_IS_SET, v1::OPERATOR_IS_NOT_SET,
              v1::OPERATOR_STARTS_WITH};
    case FieldKind::kTags:
      return {v1::OPERATOR_IS, v1::OPERATOR_IS_NOT, v1::OPERATOR_HAS_ALL, v1::OPERATOR_IS_SET,
              v1::OPERATOR_IS_NOT_SET};
  }
  return {};
}

bool TakesValues(v1::Operator op) {
  return op != v1::OPERATOR_IS_SET && op != v1::OPERATOR_IS_NOT_SET;
}

// What is wrong with a value; empty = nothing.
std::string ValueFault(const ConditionField& field, const std::string& value) {
  switch (field.kind) {
    case FieldKind::kEnum: {
      if (ValueNumber(field, value) > 0) return "";
      std::vector<std::string> names;
      for (int i = 0; i < field.values->value_count(); ++i) {
        const int number = field.values->value(i)->number();
        if (number != 0) names.push_back(ValueName(field, number));
      }
      return absl::StrCat("must be one of ", absl::StrJoin(names, ", "));
    }
    case FieldKind::kBool:
      return value == "true" || value == "false" ? "" : "must be true or false";
    case FieldKind::kDate:
      return "";  // takes none: the operators say so
    case FieldKind::kTags:
      if (value.find('\n') != std::string::npos) return "must be one line, as a tag is";
      [[fallthrough]];
    case FieldKind::kText:
      return value.empty() ? "must not be empty: compare with IS_SET or IS_NOT_SET" : "";
  }
  return "";
}

class Checker {
 public:
  Checker(bool events_allowed, std::vector<FieldViolation>& faults)
      : events_allowed_(events_allowed), faults_(faults) {}

  void Check(const v1::Condition& condition, const std::string& path, int depth) {
    if (depth > kMostNested) {
      return Fault(path, absl::StrCat("is nested more than ", kMostNested, " deep"));
    }
    switch (condition.kind_case()) {
      case v1::Condition::kCompare:
        return CheckComparison(condition.compare(), absl::StrCat(path, ".compare"));
      case v1::Condition::kAll:
        return CheckParts(condition.all(), absl::StrCat(path, ".all.of"), depth);
      case v1::Condition::kAny:
        return CheckParts(condition.any(), absl::StrCat(path, ".any.of"), depth);
      case v1::Condition::kNone:
        return CheckParts(condition.none(), absl::StrCat(path, ".none.of"), depth);
      case v1::Condition::KIND_NOT_SET:
        return Fault(path, "needs one of compare, all, any and none");
    }
  }

 private:
  void Fault(const std::string& path, std::string description) {
    faults_.push_back({path, std::move(description)});
  }

  void CheckParts(const v1::Conditions& parts, const std::string& path, int depth) {
    if (parts.of().empty()) return Fault(path, "needs at least one condition");
    if (parts.of_size() > kMostParts) {
      return Fault(path, absl::StrCat("has ", parts.of_size(), " items, at most ", kMostParts));
    }
    for (int i = 0; i < parts.of_size(); ++i) {
      Check(parts.of(i), absl::StrCat(path, "[", i, "]"), depth + 1);
    }
  }

  void CheckComparison(const v1::Comparison& compare, const std::string& path) {
    const ConditionField* field = FindConditionField(compare.field());
    if (compare.field().empty()) {
      Fault(path + ".field", "is required");
    } else if (field == nullptr) {
      Fault(path + ".field", UnknownFieldText(compare.field()));
    } else if (field->of_event && !events_allowed_) {
      Fault(path + ".field", absl::StrCat("\"", field->name,
                                          "\" is of an event, but this must hold between events"));
    }
    const bool known = CheckOperator(compare, field, path + ".operator");
    CheckNumberOfValues(compare, field, known, path + ".values");
    if (field != nullptr) CheckValues(compare, *field, path + ".values");
  }

  // Whether the operator is one of this field.
  bool CheckOperator(const v1::Comparison& compare, const ConditionField* field,
                     const std::string& path) {
    const v1::Operator op = compare.operator_();
    if (op == v1::OPERATOR_UNSPECIFIED) {
      Fault(path, "is required");
      return false;
    }
    if (!v1::Operator_IsValid(op)) {
      Fault(path, "must be a known operator");
      return false;
    }
    if (field == nullptr) return false;
    std::vector<std::string> names;
    for (const v1::Operator fitting : OperatorsOf(field->kind)) {
      if (op == fitting) return true;
      names.push_back(OperatorName(fitting));
    }
    Fault(path, absl::StrCat(OperatorName(op), " does not fit \"", field->name, "\", only ",
                             absl::StrJoin(names, ", ")));
    return false;
  }

  void CheckNumberOfValues(const v1::Comparison& compare, const ConditionField* field,
                           bool known_operator, const std::string& path) {
    const int size = compare.values_size();
    if (size > kMostValues) {
      Fault(path, absl::StrCat("has ", size, " items, at most ", kMostValues));
    } else if (known_operator && !TakesValues(compare.operator_()) && size > 0) {
      Fault(path, absl::StrCat("must be empty with ", OperatorName(compare.operator_())));
    } else if (known_operator && TakesValues(compare.operator_()) && size == 0) {
      Fault(path, "needs at least one value");
    } else if (known_operator && field->kind == FieldKind::kBool && size > 1) {
      Fault(path, "must be one value, true or false");
    }
  }

  void CheckValues(const v1::Comparison& compare, const ConditionField& field,
                   const std::string& path) {
    if (!TakesValues(compare.operator_()) || compare.values_size() > kMostValues) return;
    std::set<std::string> seen;
    for (int i = 0; i < compare.values_size(); ++i) {
      const std::string& value = compare.values(i);
      const std::string item = absl::StrCat(path, "[", i, "]");
      if (std::string fault = ValueFault(field, value); !fault.empty()) {
        Fault(item, std::move(fault));
      } else if (!seen.insert(value).second) {
        Fault(item, absl::StrCat("\"", Shorten(value, 100), "\" is given twice"));
      }
    }
  }

  const bool events_allowed_;
  std::vector<FieldViolation>& faults_;
};

}  // namespace

std::vector<FieldViolation> ConditionFaults(const v1::Condition& condition, const std::string& path,
                                            bool events_allowed) {
  std::vector<FieldViolation> faults;
  Checker(events_allowed, faults).Check(condition, path, 1);
  return faults;
}

}  // namespace watchbell::sla
