// CanHold: looks for one term of the condition's disjunctive normal form that contradicts nothing.
// Terms are made one at a time, alternatives last, and left as soon as two of their comparisons
// contradict each other.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "services/sla/policies/condition_check.h"
#include "services/sla/policies/condition_fields.h"

namespace watchbell::sla {
namespace {

// Looking up the name of a value, against comparing two texts.
constexpr size_t kNameWork = 100;

// Something of a term that must hold.
struct Goal {
  const v1::Condition* condition;
  bool negated;
  int value = -1;  // of a HAS_ALL that must not hold: the tag that is missing, once it is chosen
};

enum class Test { kIs, kIsNot, kHasAll, kSet, kNotSet, kBegins, kBeginsNot };

// A comparison with its negation taken in.
struct Literal {
  Test test = Test::kIs;
  google::protobuf::RepeatedPtrField<std::string>::const_iterator begin, end;  // its values
  uint64_t numbers = 0;  // of a field without text: those that fit this and all literals before

  template <typename Predicate>
  bool AnyValue(Predicate predicate) const {
    return std::any_of(begin, end, predicate);
  }
};

// About one field.
using Literals = std::vector<Literal>;

bool Fits(const Literal& literal, const std::string& text) {
  const auto is_value = [&](const std::string& value) { return text == value; };
  const auto begins = [&](const std::string& value) { return absl::StartsWith(text, value); };
  switch (literal.test) {
    case Test::kIs:
      return literal.AnyValue(is_value);
    case Test::kIsNot:
      return !literal.AnyValue(is_value);
    case Test::kBegins:
      return literal.AnyValue(begins);
    case Test::kBeginsNot:
      return !literal.AnyValue(begins);
    case Test::kNotSet:
      return text.empty();
    default:
      return !text.empty();
  }
}

bool FitsAll(const Literals& literals, const std::string& text) {
  return std::all_of(literals.begin(), literals.end(),
                     [&](const Literal& literal) { return Fits(literal, text); });
}

// Whether some text that is longer than `begin` fits: other than beginnings, a term can only
// exclude texts one by one, and there is always one more.
bool LongerFits(const Literals& literals, const std::string& begin) {
  return std::all_of(literals.begin(), literals.end(), [&](const Literal& literal) {
    const bool of_beginning = literal.test == Test::kBegins || literal.test == Test::kBeginsNot;
    return of_beginning ? Fits(literal, begin) : literal.test != Test::kNotSet;
  });
}

bool TextCanBe(const Literals& literals) {
  if (FitsAll(literals, "")) return true;
  const auto fits = [&](const std::string& text) { return FitsAll(literals, text); };
  const auto longer_fits = [&](const std::string& begin) { return LongerFits(literals, begin); };
  for (const Literal& literal : literals) {
    if (literal.test == Test::kIs) return literal.AnyValue(fits);
  }
  // A text that fits begins with one value of every list; the longest of these is tried here.
  for (const Literal& literal : literals) {
    if (literal.test == Test::kBegins && literal.AnyValue(longer_fits)) return true;
  }
  return longer_fits("");  // where there is no list
}

bool TagsCanBe(const Literals& literals) {
  std::set<absl::string_view> needed, excluded;
  bool set = false;
  bool not_set = false;
  for (const Literal& literal : literals) {
    if (literal.test == Test::kHasAll) needed.insert(literal.begin, literal.end);
    if (literal.test == Test::kIsNot) excluded.insert(literal.begin, literal.end);
    set = set || literal.test == Test::kSet || literal.test == Test::kIs;
    not_set = not_set || literal.test == Test::kNotSet;
  }
  if (not_set) return !set && needed.empty();
  const auto allowed = [&](absl::string_view tag) { return excluded.count(tag) == 0; };
  return std::all_of(needed.begin(), needed.end(), allowed) &&
         std::all_of(literals.begin(), literals.end(), [&](const Literal& literal) {
           return literal.test != Test::kIs || literal.AnyValue(allowed);
         });
}

size_t ValuesOf(const Literals& literals, bool (*counts)(const Literal&)) {
  size_t values = 1;
  for (const Literal& literal : literals) {
    if (counts(literal)) values += 1 + static_cast<size_t>(literal.end - literal.begin);
  }
  return values;
}

size_t TextWork(const Literals& literals) {
  // Texts that are tried, each against everything.
  const size_t tried = ValuesOf(literals, [](const Literal& literal) {
    return literal.test == Test::kIs || literal.test == Test::kBegins;
  });
  return tried * ValuesOf(literals, [](const Literal&) { return true; });
}

size_t TagsWork(const Literals& literals) {
  constexpr size_t kInsertion = 16;  // into a set, in comparisons
  return kInsertion * ValuesOf(literals, [](const Literal&) { return true; });
}

uint64_t Domain(const ConditionField& field) {
  if (field.values == nullptr) return NumberBit(0) | NumberBit(1);
  uint64_t numbers = 0;
  for (int i = 0; i < field.values->value_count(); ++i) {
    numbers |= NumberBit(field.values->value(i)->number());
  }
  return field.always_set ? numbers & ~NumberBit(0) : numbers;
}

class Search {
 public:
  explicit Search(SearchBudget& budget) : budget_(budget), taken_(ConditionFields().size()) {}

  // Whether all goals, one of the parts of each choice and what is taken can hold together.
  bool Satisfy(std::vector<Goal> goals, std::vector<Goal> choices) {
    const size_t before = trail_.size();
    Spend(choices.size() + 1);
    const bool can = GaveUp() || (TakeAll(std::move(goals), choices) && Choose(std::move(choices)));
    for (; trail_.size() > before; trail_.pop_back()) taken_[trail_.back()].pop_back();
    return can || GaveUp();
  }

 private:
  bool GaveUp() const { return budget_.left == 0; }

  void Spend(size_t work) { budget_.left -= std::min(budget_.left, work); }

  static bool IsChoice(const Goal& goal) {
    const v1::Condition& condition = *goal.condition;
    if (condition.has_compare()) {
      return goal.negated && goal.value < 0 &&
             condition.compare().operator_() == v1::OPERATOR_HAS_ALL;
    }
    return (condition.has_all() || condition.has_none()) == goal.negated;
  }

  static std::vector<Goal> Parts(const Goal& goal) {
    const v1::Condition& condition = *goal.condition;
    std::vector<Goal> parts;
    if (condition.has_compare()) {
      for (int i = 0; i < condition.compare().values_size(); ++i) {
        parts.push_back({&condition, true, i});
      }
      return parts;
    }
    const v1::Conditions& list = condition.has_all()   ? condition.all()
                                 : condition.has_any() ? condition.any()
                                                       : condition.none();
    for (const v1::Condition& part : list.of()) {
      parts.push_back({&part, goal.negated != condition.has_none()});
    }
    return parts;
  }

  // False if that contradicts itself or what is taken.
  bool TakeAll(std::vector<Goal> goals, std::vector<Goal>& choices) {
    while (!goals.empty() && !GaveUp()) {
      const Goal goal = goals.back();
      goals.pop_back();
      Spend(1);
      if (IsChoice(goal)) {
        choices.push_back(goal);
      } else if (goal.condition->has_compare()) {
        if (!Take(goal)) return false;
      } else {
        for (const Goal& part : Parts(goal)) goals.push_back(part);
      }
    }
    return true;
  }

  bool Choose(std::vector<Goal> choices) {
    if (choices.empty()) return true;
    const Goal choice = choices.back();
    choices.pop_back();
    for (const Goal& part : Parts(choice)) {
      if (Satisfy({part}, choices)) return true;
    }
    return false;
  }

  bool Take(const Goal& goal) {
    const v1::Comparison& compare = goal.condition->compare();
    const ConditionField& field = *FindConditionField(compare.field());
    const size_t place = static_cast<size_t>(&field - ConditionFields().data());
    Literals& literals = taken_[place];
    Literal literal;
    if (field.HasText()) {
      literal = TextLiteral(goal);
    } else {
      Spend(kNameWork * static_cast<size_t>(compare.values_size() + 1));
      const uint64_t numbers = NumbersThatHold(field, compare);
      literal.numbers = NumbersOf(field) & (goal.negated ? ~numbers : numbers);
    }
    literals.push_back(literal);
    trail_.push_back(place);
    if (!field.HasText()) return literal.numbers != 0 && HoldFits();
    Spend(field.kind == FieldKind::kTags ? TagsWork(literals) : TextWork(literals));
    return field.kind == FieldKind::kTags ? TagsCanBe(literals) : TextCanBe(literals);
  }

  static Literal TextLiteral(const Goal& goal) {
    const v1::Comparison& compare = goal.condition->compare();
    Literal literal;
    literal.begin = compare.values().begin();
    literal.end = compare.values().end();
    switch (compare.operator_()) {
      case v1::OPERATOR_IS_SET:
        literal.test = goal.negated ? Test::kNotSet : Test::kSet;
        break;
      case v1::OPERATOR_IS_NOT_SET:
        literal.test = goal.negated ? Test::kSet : Test::kNotSet;
        break;
      case v1::OPERATOR_STARTS_WITH:
        literal.test = goal.negated ? Test::kBeginsNot : Test::kBegins;
        break;
      case v1::OPERATOR_HAS_ALL:
        literal.test = goal.negated ? Test::kIsNot : Test::kHasAll;
        if (goal.negated) {
          literal.begin += goal.value;
          literal.end = literal.begin + 1;
        }
        break;
      default:
        literal.test =
            (compare.operator_() == v1::OPERATOR_IS) != goal.negated ? Test::kIs : Test::kIsNot;
    }
    return literal;
  }

  // What a field without text can still be.
  uint64_t NumbersOf(const ConditionField& field) const {
    const Literals& literals = taken_[static_cast<size_t>(&field - ConditionFields().data())];
    return literals.empty() ? Domain(field) : literals.back().numbers;
  }

  // A ticket has a hold reason only while it is on hold.
  bool HoldFits() const {
    const uint64_t on_hold = NumberBit(tickets::v1::STATE_ON_HOLD);
    return (NumbersOf(state_) & on_hold) != 0 || (NumbersOf(hold_reason_) & NumberBit(0)) != 0;
  }

  SearchBudget& budget_;
  const ConditionField& state_ = *FindConditionField("state");
  const ConditionField& hold_reason_ = *FindConditionField("hold_reason");
  std::vector<Literals> taken_;  // by the field's place in the table
  std::vector<size_t> trail_;    // places, as taken
};

}  // namespace

bool CanHold(const v1::Condition& condition, SearchBudget& budget) {
  return Search(budget).Satisfy({{&condition, false}}, {});
}

}  // namespace watchbell::sla
