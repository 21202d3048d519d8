#include "services/sla/policies/condition_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/edit_distance.h"
#include "common/base/shorten.h"

namespace watchbell::sla {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::GetEnumDescriptor;

constexpr absl::string_view kEventPrefix = "TICKET_EVENT_KIND_";

template <typename Enum>
ConditionField Choice(absl::string_view name, int (*number)(const Moment&)) {
  return {name, FieldKind::kEnum, false, false, GetEnumDescriptor<Enum>(), number, nullptr};
}

ConditionField Number(absl::string_view name, FieldKind kind, int (*number)(const Moment&)) {
  return {name, kind, false, kind == FieldKind::kBool, nullptr, number, nullptr};
}

ConditionField Text(absl::string_view name, const std::string& (*text)(const Moment&),
                    FieldKind kind = FieldKind::kText) {
  return {name, kind, false, false, nullptr, nullptr, text};
}

ConditionField AlwaysSet(ConditionField field) {
  field.always_set = true;
  return field;
}

ConditionField OfEvent(ConditionField field) {
  field.of_event = true;
  return field;
}

std::string NameOf(const EnumValueDescriptor& value) {
  absl::string_view name = value.name();
  return absl::ConsumePrefix(&name, kEventPrefix) ? absl::AsciiStrToLower(name) : value.name();
}

}  // namespace

absl::Span<const ConditionField> ConditionFields() {
  using M = const Moment&;
  using S = const std::string&;
  static const ConditionField table[] = {
      AlwaysSet(Choice<tickets::v1::TicketType>("type", [](M m) -> int { return m.facts.type(); })),
      AlwaysSet(Choice<tickets::v1::State>("state", [](M m) -> int { return m.facts.state(); })),
      Choice<tickets::v1::HoldReason>("hold_reason",
                                      [](M m) -> int { return m.facts.hold_reason(); }),
      Choice<tickets::v1::Priority>("priority", [](M m) -> int { return m.facts.priority(); }),
      Choice<tickets::v1::Impact>("impact", [](M m) -> int { return m.facts.impact(); }),
      Choice<tickets::v1::Urgency>("urgency", [](M m) -> int { return m.facts.urgency(); }),
      Choice<tickets::v1::Channel>("channel", [](M m) -> int { return m.facts.channel(); }),
      Text("category", [](M m) -> S { return m.facts.category(); }),
      Text("subcategory", [](M m) -> S { return m.facts.subcategory(); }),
      Text("symptom", [](M m) -> S { return m.facts.symptom(); }),
      Text("service", [](M m) -> S { return m.facts.service(); }),
      Text("site", [](M m) -> S { return m.facts.site(); }),
      Text("config_item", [](M m) -> S { return m.facts.config_item(); }),
      Text("group", [](M m) -> S { return m.facts.group(); }),
      Text("assignee", [](M m) -> S { return m.facts.assignee(); }),
      Text("vendor", [](M m) -> S { return m.facts.vendor(); }),
      Text("requester", [](M m) -> S { return m.facts.requester(); }),
      Text("import_source", [](M m) -> S { return m.facts.import_source(); }),
      Number("vip", FieldKind::kBool, [](M m) -> int { return m.facts.vip() ? 1 : 0; }),
      Number("responded", FieldKind::kBool, [](M m) -> int { return m.facts.responded() ? 1 : 0; }),
      Text(
          "tags", [](M m) -> S { return m.facts.tags(); }, FieldKind::kTags),
      Number("due_at", FieldKind::kDate, [](M m) -> int { return m.facts.due_at() != 0 ? 1 : 0; }),
      OfEvent(Choice<state::v1::TicketEventKind>("event", [](M m) -> int { return m.event; })),
      OfEvent(
          Choice<events::v1::ActorKind>("event_actor", [](M m) -> int { return m.actor_kind; })),
      OfEvent(Number("event_public", FieldKind::kBool, [](M m) -> int { return m.is_public; })),
  };
  return table;
}

const ConditionField* FindConditionField(absl::string_view name) {
  for (const ConditionField& field : ConditionFields()) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::string UnknownFieldText(absl::string_view name) {
  std::string text = absl::StrCat("there is no field \"", Shorten(name, 100), "\"");
  if (name.size() > 100) return text;
  const ConditionField* nearest = nullptr;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  for (const ConditionField& field : ConditionFields()) {
    const size_t distance = EditDistance(absl::AsciiStrToLower(name), field.name);
    if (distance >= least) continue;
    nearest = &field;
    least = distance;
  }
  if (nearest != nullptr) absl::StrAppend(&text, ", did you mean \"", nearest->name, "\"?");
  return text;
}

int ValueNumber(const ConditionField& field, absl::string_view name) {
  for (int i = 0; i < field.values->value_count(); ++i) {
    const EnumValueDescriptor& value = *field.values->value(i);
    if (value.number() != 0 && NameOf(value) == name) return value.number();
  }
  return -1;
}

std::string ValueName(const ConditionField& field, int number) {
  if (number == 0) return "not set";
  const EnumValueDescriptor* value = field.values->FindValueByNumber(number);
  return value == nullptr ? absl::StrCat(number) : NameOf(*value);
}

uint64_t NumbersThatHold(const ConditionField& field, const v1::Comparison& compare) {
  if (compare.operator_() == v1::OPERATOR_IS_SET) return ~NumberBit(0);
  if (compare.operator_() == v1::OPERATOR_IS_NOT_SET) return NumberBit(0);
  uint64_t numbers = 0;
  for (const std::string& value : compare.values()) {
    const int number = field.kind == FieldKind::kBool ? value == "true" : ValueNumber(field, value);
    numbers |= NumberBit(number);
  }
  return compare.operator_() == v1::OPERATOR_IS ? numbers : ~numbers;
}

bool HasTag(absl::string_view tags, absl::string_view tag) {
  for (size_t at = tags.find(tag); at != absl::string_view::npos; at = tags.find(tag, at + 1)) {
    const size_t end = at + tag.size();
    const bool begins = at == 0 || tags[at - 1] == '\n';
    if (begins && (end == tags.size() || tags[end] == '\n')) return true;
  }
  return false;
}

}  // namespace watchbell::sla
