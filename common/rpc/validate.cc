#include "common/rpc/validate.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/base/errors.h"
#include "common/base/ids.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/wire_format_lite.h"
#include "watchbell/api/v1/rules.pb.h"

namespace watchbell::rpc {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;
using ::watchbell::api::v1::FieldRules;
using ::watchbell::api::v1::Shape;

constexpr uint32_t kDefaultMaxText = 256;
constexpr uint32_t kDefaultMaxBytes = 64 * 1024;
constexpr int kDefaultMaxItems = 100;
// Error details travel in HTTP/2 trailers, which clients limit to 8 KiB.
constexpr size_t kMaxViolations = 16;

// Length of the UTF-8 character at the start of `text`, 0 if it is none (RFC 3629: no surrogates,
// no overlong forms).
size_t CharacterLength(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto tail = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = first == 0xED ? 0x9F : 0xBF;
    return tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const uint8_t low = first == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

size_t CodePoints(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Join(const std::string& path, const std::string& name) {
  return path.empty() ? name : absl::StrCat(path, ".", name);
}

// ---- shapes of text

bool IsId(absl::string_view text) {
  return text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

bool IsTimeZone(absl::string_view text) {
  // The loader also takes paths, "localtime" and offsets of its own making: none of them is an IANA
  // name.
  if (!absl::ascii_isalpha(text[0]) || text == "localtime" || absl::StartsWith(text, "Fixed/")) {
    return false;
  }
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
  absl::TimeZone zone;
  return plain && absl::LoadTimeZone(text, &zone);
}

bool IsWallTime(absl::string_view text) {
  if (text.size() != 5 || text[2] != ':' || !absl::ascii_isdigit(text[0]) ||
      !absl::ascii_isdigit(text[1]) || !absl::ascii_isdigit(text[3]) ||
      !absl::ascii_isdigit(text[4])) {
    return false;
  }
  const int hours = (text[0] - '0') * 10 + (text[1] - '0');
  const int minutes = (text[3] - '0') * 10 + (text[4] - '0');
  return minutes < 60 && hours * 60 + minutes <= 24 * 60;
}

bool IsDate(absl::string_view text) {
  absl::CivilDay day;
  // Formatting it back refuses what the parser normalises or pads.
  return absl::ParseCivilTime(text, &day) && absl::FormatCivilTime(day) == text;
}

bool IsEmail(absl::string_view text) {
  const size_t at = text.find('@');
  return at != absl::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == absl::string_view::npos &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return absl::ascii_isspace(c) || absl::ascii_iscntrl(c); });
}

bool IsUrl(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "http://") && !absl::ConsumePrefix(&text, "https://"))
    return false;
  return !text.empty() && (absl::ascii_isalnum(text[0]) || text[0] == '[') &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return absl::ascii_isspace(c) || absl::ascii_iscntrl(c); });
}

// What text of this shape must be; "" if it is.
absl::string_view ShapeFault(Shape shape, absl::string_view text) {
  switch (shape) {
    case api::v1::SHAPE_UUID:
      return IsUuid(text) ? "" : "must be a UUID in its 36-character form";
    case api::v1::SHAPE_ID:
      return IsId(text) ? "" : "must be 1 to 63 of a-z, 0-9 and '-', no '-' at either end";
    case api::v1::SHAPE_TIME_ZONE:
      return IsTimeZone(text) ? "" : "must be an IANA time zone known here, as Europe/Berlin";
    case api::v1::SHAPE_WALL_TIME:
      return IsWallTime(text) ? "" : "must be HH:MM, 00:00 to 24:00";
    case api::v1::SHAPE_DATE:
      return IsDate(text) ? "" : "must be a date YYYY-MM-DD";
    case api::v1::SHAPE_EMAIL:
      return IsEmail(text) ? "" : "must be one mail address";
    case api::v1::SHAPE_URL:
      return IsUrl(text) ? "" : "must be an absolute http:// or https:// address";
    default:
      return "";
  }
}

// ---- rules

// One value, of a singular field or an item: the index is -1 for the former.
struct Item {
  const Message& message;
  const FieldDescriptor* field;
  int index;
};

class Checker {
 public:
  void CheckMessage(const Message& message, const std::string& path) {
    if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
      return CheckTimestamp(message, path);
    }
    if (message.GetDescriptor() == google::protobuf::Duration::descriptor()) {
      return CheckDuration(message, path);
    }
    const Descriptor* descriptor = message.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor* field = descriptor->field(i);
      const FieldRules& rules = field->options().GetExtension(api::v1::rules);
      if (field->is_repeated()) {
        CheckRepeated(message, field, rules, Join(path, field->name()));
      } else {
        CheckSingular(message, field, rules, Join(path, field->name()));
      }
    }
  }

  absl::Status Result() {
    return violations_.empty() ? absl::OkStatus() : InvalidFields(std::move(violations_));
  }

 private:
  void Add(const std::string& path, absl::string_view description) {
    if (violations_.size() < kMaxViolations)
      violations_.push_back({path, std::string(description)});
  }

  void CheckSingular(const Message& message, const FieldDescriptor* field, const FieldRules& rules,
                     const std::string& path) {
    const Reflection& reflection = *message.GetReflection();
    const bool set = reflection.HasField(message, field);
    // Zero may have been meant: what a number must be says more.
    const bool tells = rules.has_min() && rules.min() > 0 && !field->has_presence();
    if (rules.required() && !tells && (!set || IsZero({message, field, -1}))) {
      return Add(path, "is required");
    }
    // A number without presence is there even when it is zero; an unset optional or oneof member is
    // not.
    if (set || !field->has_presence()) CheckItem({message, field, -1}, rules, path);
  }

  void CheckRepeated(const Message& message, const FieldDescriptor* field, const FieldRules& rules,
                     const std::string& path) {
    const int size = message.GetReflection()->FieldSize(message, field);
    if (rules.required() && size == 0) return Add(path, "needs at least one item");
    const int most =
        rules.max_items() == 0 ? kDefaultMaxItems : static_cast<int>(rules.max_items());
    if (size > most) return Add(path, absl::StrCat("has ", size, " items, at most ", most));
    for (int i = 0; i < size && violations_.size() < kMaxViolations; ++i) {
      if (field->is_map()) {
        CheckMapEntry(message.GetReflection()->GetRepeatedMessage(message, field, i), rules, path);
      } else {
        CheckItem({message, field, i}, rules, absl::StrCat(path, "[", i, "]"));
      }
    }
  }

  // The field's rules are for the values; a key is text of default length.
  void CheckMapEntry(const Message& entry, const FieldRules& rules, const std::string& path) {
    const FieldDescriptor* key = entry.GetDescriptor()->map_key();
    std::string name;
    if (key->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      name = entry.GetReflection()->GetString(entry, key);
      if (CodePoints(name) > kDefaultMaxText) return Add(path, "has a key that is too long");
      CheckItem({entry, key, -1}, FieldRules::default_instance(), absl::StrCat(path, " key"));
    } else {
      name = "...";
    }
    CheckItem({entry, entry.GetDescriptor()->map_value(), -1}, rules,
              absl::StrCat(path, "[\"", name, "\"]"));
  }

  void CheckItem(const Item& item, const FieldRules& rules, const std::string& path) {
    const Reflection& reflection = *item.message.GetReflection();
    switch (item.field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return CheckMessage(
            item.index < 0 ? reflection.GetMessage(item.message, item.field)
                           : reflection.GetRepeatedMessage(item.message, item.field, item.index),
            path);
      case FieldDescriptor::CPPTYPE_STRING:
        return CheckText(item, rules, path);
      case FieldDescriptor::CPPTYPE_ENUM:
        return CheckEnum(item, path);
      default:
        return CheckNumber(item, rules, path);
    }
  }

  void CheckText(const Item& item, const FieldRules& rules, const std::string& path) {
    std::string scratch;
    const Reflection& reflection = *item.message.GetReflection();
    const std::string& text =
        item.index < 0
            ? reflection.GetStringReference(item.message, item.field, &scratch)
            : reflection.GetRepeatedStringReference(item.message, item.field, item.index, &scratch);
    if (item.field->type() == FieldDescriptor::TYPE_BYTES) {
      const uint32_t most = rules.max_length() == 0 ? kDefaultMaxBytes : rules.max_length();
      if (text.size() > most) Add(path, absl::StrCat("is longer than ", most, " bytes"));
      return;
    }
    const uint32_t most = rules.max_length() == 0 ? kDefaultMaxText : rules.max_length();
    // Bytes bound code points from above, so most text is never counted.
    if (text.size() > most && CodePoints(text) > most) {
      return Add(path, absl::StrCat("is longer than ", most, " characters"));
    }
    // Not every database can store it.
    if (text.find('\0') != std::string::npos) {
      return Add(path, "must not contain the character U+0000");
    }
    if (text.empty()) return;
    if (const auto fault = ShapeFault(rules.shape(), text); !fault.empty()) Add(path, fault);
  }

  void CheckEnum(const Item& item, const std::string& path) {
    const Reflection& reflection = *item.message.GetReflection();
    const int number = item.index < 0
                           ? reflection.GetEnumValue(item.message, item.field)
                           : reflection.GetRepeatedEnumValue(item.message, item.field, item.index);
    if (item.field->enum_type()->FindValueByNumber(number) == nullptr) {
      Add(path, absl::StrCat("has no value ", number));
    }
  }

  void CheckNumber(const Item& item, const FieldRules& rules, const std::string& path) {
    if (item.field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT ||
        item.field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      const double value = RealOf(item);
      // Written so that NaN fails too.
      if (rules.has_min() && !(value >= static_cast<double>(rules.min()))) {
        return Add(path, absl::StrCat("must be at least ", rules.min()));
      }
      if (rules.has_max() && !(value <= static_cast<double>(rules.max()))) {
        Add(path, absl::StrCat("must be at most ", rules.max()));
      }
      return;
    }
    if (!rules.has_min() && !rules.has_max()) return;
    const int64_t value = IntegerOf(item);
    if (rules.has_min() && value < rules.min()) {
      return Add(path, absl::StrCat("must be at least ", rules.min()));
    }
    if (rules.has_max() && value > rules.max()) {
      Add(path, absl::StrCat("must be at most ", rules.max()));
    }
  }

  static double RealOf(const Item& item) {
    const Reflection& r = *item.message.GetReflection();
    const bool single = item.index < 0;
    if (item.field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
      return static_cast<double>(single ? r.GetFloat(item.message, item.field)
                                        : r.GetRepeatedFloat(item.message, item.field, item.index));
    }
    return single ? r.GetDouble(item.message, item.field)
                  : r.GetRepeatedDouble(item.message, item.field, item.index);
  }

  static int64_t IntegerOf(const Item& item) {
    const Reflection& r = *item.message.GetReflection();
    const bool single = item.index < 0;
    switch (item.field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return single ? r.GetInt32(item.message, item.field)
                      : r.GetRepeatedInt32(item.message, item.field, item.index);
      case FieldDescriptor::CPPTYPE_UINT32:
        return single ? r.GetUInt32(item.message, item.field)
                      : r.GetRepeatedUInt32(item.message, item.field, item.index);
      case FieldDescriptor::CPPTYPE_UINT64: {
        const uint64_t value = single ? r.GetUInt64(item.message, item.field)
                                      : r.GetRepeatedUInt64(item.message, item.field, item.index);
        return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
      }
      case FieldDescriptor::CPPTYPE_INT64:
        return single ? r.GetInt64(item.message, item.field)
                      : r.GetRepeatedInt64(item.message, item.field, item.index);
      default:
        return 0;  // bool: no rule
    }
  }

  static bool IsZero(const Item& item) {
    const Reflection& reflection = *item.message.GetReflection();
    switch (item.field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection.GetString(item.message, item.field).empty();
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection.GetEnumValue(item.message, item.field) == 0;
      default:
        return false;  // set is enough
    }
  }

  // Years 1 to 9999, as the type itself demands; everything behind relies on it.
  void CheckTimestamp(const Message& message, const std::string& path) {
    const auto& time = static_cast<const google::protobuf::Timestamp&>(message);
    if (time.seconds() < -62135596800 || time.seconds() > 253402300799 || time.nanos() < 0 ||
        time.nanos() > 999'999'999) {
      Add(path, "must be a valid time of the years 1 to 9999");
    }
  }

  void CheckDuration(const Message& message, const std::string& path) {
    const auto& span = static_cast<const google::protobuf::Duration&>(message);
    const bool same_sign =
        (span.seconds() >= 0 || span.nanos() <= 0) && (span.seconds() <= 0 || span.nanos() >= 0);
    if (span.seconds() < -315'576'000'000 || span.seconds() > 315'576'000'000 ||
        span.nanos() < -999'999'999 || span.nanos() > 999'999'999 || !same_sign) {
      Add(path, "must be a valid span of at most 10,000 years");
    }
  }

  std::vector<FieldViolation> violations_;
};

// ---- invalid UTF-8, found by walking the bytes with the descriptor

// Path of the first text field in `bytes` that is no UTF-8; "" if there is none or the bytes are no
// message at all.
std::string FindBadText(absl::string_view bytes, const Descriptor* descriptor,
                        const std::string& path, int depth) {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  std::map<int, int> seen;  // items so far of a repeated field
  while (const uint32_t tag = in.ReadTag()) {
    const FieldDescriptor* field =
        descriptor->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&in, tag)) return "";
      continue;
    }
    uint32_t length = 0;
    if (!in.ReadVarint32(&length)) return "";
    const int start = in.CurrentPosition();
    if (length > bytes.size() - static_cast<size_t>(start)) return "";
    const absl::string_view value = bytes.substr(static_cast<size_t>(start), length);
    if (!in.Skip(static_cast<int>(length))) return "";
    if (field == nullptr) continue;
    std::string name = Join(path, field->name());
    if (field->is_repeated() && !field->is_map()) {
      absl::StrAppend(&name, "[", seen[field->number()]++, "]");
    }
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsUtf8(value)) return name;
    if (field->type() == FieldDescriptor::TYPE_MESSAGE && depth > 0) {
      std::string found = FindBadText(value, field->message_type(), name, depth - 1);
      if (!found.empty()) return found;
    }
  }
  return "";
}

}  // namespace

absl::Status Validate(const Message& request) {
  Checker checker;
  checker.CheckMessage(request, "");
  return checker.Result();
}

absl::Status ParseRequest(absl::string_view bytes, Message* request) {
  if (bytes.size() <= std::numeric_limits<int>::max() &&
      request->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  constexpr int kDepth = 100;  // as deep as the parser itself goes
  const std::string bad = FindBadText(bytes.substr(0, std::numeric_limits<int>::max()),
                                      request->GetDescriptor(), "", kDepth);
  if (!bad.empty()) return InvalidField(bad, "is not valid UTF-8");
  return WithReason(absl::StatusCode::kInvalidArgument, "MALFORMED_REQUEST",
                    absl::StrCat("the bytes are no ", request->GetDescriptor()->full_name()));
}

}  // namespace watchbell::rpc
