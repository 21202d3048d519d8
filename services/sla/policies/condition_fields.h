// The fields a condition may ask for: one table, which compiling, checking and explaining share.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// What conditions are asked about: a ticket after an event, and the event. `facts` outlives it.
struct Moment {
  const state::v1::Facts& facts;
  state::v1::TicketEventKind event;
  events::v1::ActorKind actor_kind;
  bool is_public;
};

enum class FieldKind {
  kEnum,  // values by name; 0 = not set
  kBool,  // never unset
  kDate,  // only whether it is set
  kText,  // "" = not set
  kTags,  // sorted, one a line; "" = not set
};

struct ConditionField {
  absl::string_view name;
  FieldKind kind;
  bool of_event;    // of what happened, not of the ticket
  bool always_set;  // every ticket has one
  // Of kEnum, else null. Conditions name a value as the enum does, a TicketEventKind by its last
  // part in small letters.
  const google::protobuf::EnumDescriptor* values;
  // One of the two: of kEnum the value, of kBool and kDate 0 or 1; of kText and kTags the text.
  int (*number)(const Moment& moment);
  const std::string& (*text)(const Moment& moment);

  bool HasText() const { return text != nullptr; }
};

// In the order of the comment of Comparison.field.
absl::Span<const ConditionField> ConditionFields();

// Null if there is none of this name.
const ConditionField* FindConditionField(absl::string_view name);

// "there is no field ...", with the nearest name.
std::string UnknownFieldText(absl::string_view name);

// Of a kEnum field: the number of a value that conditions name so; 0 (not set) has no name. -1 if
// there is none.
int ValueNumber(const ConditionField& field, absl::string_view name);

// The other way; "not set" for 0.
std::string ValueName(const ConditionField& field, int number);

// Sets of numbers as bits. Every enum asked for is small (a test says so); numbers of newer
// programs share the last bit, which no comparison names.
inline uint64_t NumberBit(int number) {
  return uint64_t{1} << (number >= 0 && number < 63 ? number : 63);
}

// The numbers of an enum, bool or date field with which `compare` holds. `compare` has no faults.
uint64_t NumbersThatHold(const ConditionField& field, const v1::Comparison& compare);

// Whether a tags text has this tag.
bool HasTag(absl::string_view tags, absl::string_view tag);

}  // namespace watchbell::sla
