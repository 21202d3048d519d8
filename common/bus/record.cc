#include "common/bus/record.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/bus/attribute_text.h"
#include "common/bus/event_registry.h"

namespace watchbell::bus {
namespace {

constexpr absl::string_view kSourcePrefix = "//watchbell/";
constexpr absl::string_view kContentType = "application/protobuf";

// The attributes read here. Their order is that of kNames.
enum Attribute {
  kSpecVersion,
  kId,
  kSource,
  kType,
  kSubject,
  kTime,
  kRecordedTime,
  kContent,
  kPartitionKey,
  kSequence,
  kJournalSequence,
  kTenant,
  kLastRequired = kTenant,
  kSourceRecordedTime,
  kActor,
  kTraceparent,
  kCausationId,
  kCorrelationId,
  kAttributes
};

constexpr std::array<absl::string_view, kAttributes> kNames = {"ce_specversion",
                                                               "ce_id",
                                                               "ce_source",
                                                               "ce_type",
                                                               "ce_subject",
                                                               "ce_time",
                                                               "ce_recordedtime",
                                                               "content-type",
                                                               "ce_partitionkey",
                                                               "ce_sequence",
                                                               "ce_journalsequence",
                                                               "ce_tenant",
                                                               "ce_sourcerecordedtime",
                                                               "ce_actor",
                                                               "ce_traceparent",
                                                               "ce_causationid",
                                                               "ce_correlationid"};

absl::Status Bad(absl::string_view reason, absl::string_view message) {
  return WithReason(absl::StatusCode::kInvalidArgument, reason, message);
}

absl::Status BadHeader(Attribute attribute, absl::string_view what) {
  return Bad("BAD_HEADER", absl::StrCat("header ", kNames[attribute], " ", what));
}

// kAttributes if it is none of them.
Attribute AttributeOf(absl::string_view name) {
  for (int i = 0; i < kAttributes; ++i) {
    // Length and last character tell almost all of them apart before anything is compared.
    if (name.size() == kNames[i].size() && name.back() == kNames[i].back() && name == kNames[i]) {
      return static_cast<Attribute>(i);
    }
  }
  return kAttributes;
}

using Values = std::array<const std::string*, kAttributes>;

absl::Status Collect(const Record& record, Values* values) {
  const auto& headers = record.headers;
  for (size_t i = 0; i < headers.size(); ++i) {
    const std::string& name = headers[i].first;
    if (name.empty()) continue;
    bool repeated = false;
    if (const Attribute attribute = AttributeOf(name); attribute != kAttributes) {
      repeated = (*values)[attribute] != nullptr;
      (*values)[attribute] = &headers[i].second;
    } else if (absl::StartsWith(name, "ce_")) {
      for (size_t j = 0; j < i && !repeated; ++j) repeated = headers[j].first == name;
    }
    if (repeated) return Bad("REPEATED_HEADER", absl::StrCat("header ", name, " stands twice"));
  }
  for (int i = 0; i <= kLastRequired; ++i) {
    if ((*values)[i] == nullptr) {
      return Bad("MISSING_HEADER", absl::StrCat("header ", kNames[i], " is missing"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadText(const Values& values, Attribute attribute, std::string* text) {
  if (values[attribute] == nullptr) return absl::OkStatus();
  if (!DecodeAttribute(*values[attribute], text)) {
    return BadHeader(attribute, "holds a control character or a broken escape");
  }
  // No database takes it as text.
  if (AsUtf8(*text) != *text || absl::StrContains(*text, '\0')) {
    return BadHeader(attribute, "is no UTF-8 text");
  }
  if (text->empty() && attribute <= kLastRequired) return BadHeader(attribute, "is empty");
  return absl::OkStatus();
}

absl::Status ReadTime(const Values& values, Attribute attribute, absl::Time* time) {
  if (!ParseAttributeTime(*values[attribute], time)) {
    return BadHeader(attribute, "is no RFC 3339 time");
  }
  return absl::OkStatus();
}

// Positive. `width` 0: any number of digits.
absl::Status ReadNumber(const Values& values, Attribute attribute, size_t width, int64_t* number) {
  const std::string& text = *values[attribute];
  bool good = !text.empty() && (width == 0 || text.size() == width);
  for (const char c : text) good = good && absl::ascii_isdigit(static_cast<unsigned char>(c));
  if (!good || !absl::SimpleAtoi(text, number) || *number <= 0) {
    return BadHeader(attribute, width == 0
                                    ? "is no positive number"
                                    : absl::StrCat("is no positive number of ", width, " digits"));
  }
  return absl::OkStatus();
}

// Parameters after ";" are of no concern.
bool IsProtobuf(absl::string_view content_type) {
  content_type = absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';')));
  return absl::EqualsIgnoreCase(content_type, kContentType);
}

// Version-00 traceparent in form.
bool LooksLikeTraceparent(absl::string_view text) {
  if (text.size() != 55) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 2 || i == 35 || i == 52;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i])))
      return false;
  }
  return true;
}

}  // namespace

Record ToRecord(const journal::JournalRow& row, const std::string& producer,
                const std::string& topic) {
  Record record;
  record.topic = topic;
  record.shard = row.shard;
  record.sequence = row.sequence;
  record.key = row.stream_id;
  record.value = row.payload;
  auto& headers = record.headers;
  headers.reserve(20);
  const auto add = [&headers](Attribute attribute, std::string value) {
    headers.emplace_back(std::string(kNames[attribute]), std::move(value));
  };
  add(kSpecVersion, "1.0");
  add(kId, row.event_id);
  add(kSource, absl::StrCat(kSourcePrefix, producer));
  add(kType, row.type);
  add(kSubject, EncodeAttribute(row.stream_id));
  add(kTime, FormatAttributeTime(row.occurred_at));
  add(kRecordedTime, FormatAttributeTime(row.recorded_at));
  add(kContent, std::string(kContentType));
  if (const std::string& schema = DataSchemaOf(row.type); !schema.empty()) {
    headers.emplace_back("ce_dataschema", schema);
  }
  add(kPartitionKey, EncodeAttribute(record.key));
  add(kSequence, absl::StrFormat("%020d", row.version));
  add(kJournalSequence, absl::StrCat(row.sequence));
  add(kTenant, EncodeAttribute(row.tenant));
  if (row.source_recorded_at) {
    add(kSourceRecordedTime, FormatAttributeTime(*row.source_recorded_at));
  }
  if (!row.actor.empty()) add(kActor, EncodeAttribute(row.actor));
  if (LooksLikeTraceparent(row.traceparent)) {
    // The event's own trace, and the hop's, which begins as the same.
    add(kTraceparent, row.traceparent);
    headers.emplace_back("traceparent", row.traceparent);
  }
  if (!row.causation_id.empty()) add(kCausationId, EncodeAttribute(row.causation_id));
  if (!row.correlation_id.empty()) add(kCorrelationId, EncodeAttribute(row.correlation_id));
  return record;
}

absl::StatusOr<Envelope> ParseEnvelope(const Record& record) {
  if (record.key.empty()) return Bad("EMPTY_KEY", "the record has no key");
  if (record.null_value) return Bad("NO_VALUE", "the record has no value, not even an empty one");
  Values values{};
  RETURN_IF_ERROR(Collect(record, &values));
  if (*values[kSpecVersion] != "1.0") {
    return Bad("UNSUPPORTED_VERSION", "only CloudEvents 1.0 is understood");
  }
  if (!IsProtobuf(*values[kContent])) {
    return Bad("UNSUPPORTED_CONTENT_TYPE",
               "only application/protobuf in binary mode is understood");
  }
  Envelope envelope;
  std::string partition_key;
  RETURN_IF_ERROR(ReadText(values, kPartitionKey, &partition_key));
  if (partition_key != record.key) {
    return Bad("KEY_MISMATCH", "header ce_partitionkey is not the record's key");
  }
  RETURN_IF_ERROR(ReadText(values, kId, &envelope.id));
  RETURN_IF_ERROR(ReadText(values, kSource, &envelope.source));
  if (envelope.source.size() <= kSourcePrefix.size() ||
      !absl::StartsWith(envelope.source, kSourcePrefix)) {
    return BadHeader(kSource, absl::StrCat("does not begin with ", kSourcePrefix));
  }
  RETURN_IF_ERROR(ReadText(values, kType, &envelope.type));
  RETURN_IF_ERROR(ReadText(values, kSubject, &envelope.subject));
  RETURN_IF_ERROR(ReadText(values, kTenant, &envelope.tenant));
  RETURN_IF_ERROR(ReadNumber(values, kSequence, 20, &envelope.version));
  RETURN_IF_ERROR(ReadNumber(values, kJournalSequence, 0, &envelope.journal_sequence));
  RETURN_IF_ERROR(ReadTime(values, kTime, &envelope.occurred_at));
  RETURN_IF_ERROR(ReadTime(values, kRecordedTime, &envelope.recorded_at));
  if (values[kSourceRecordedTime] != nullptr) {
    absl::Time time;
    RETURN_IF_ERROR(ReadTime(values, kSourceRecordedTime, &time));
    envelope.source_recorded_at = time;
  }
  RETURN_IF_ERROR(ReadText(values, kActor, &envelope.actor));
  RETURN_IF_ERROR(ReadText(values, kCausationId, &envelope.causation_id));
  RETURN_IF_ERROR(ReadText(values, kCorrelationId, &envelope.correlation_id));
  // A trace that cannot be read is no trace (W3C); the event is none the worse.
  if (values[kTraceparent] != nullptr && LooksLikeTraceparent(*values[kTraceparent])) {
    envelope.traceparent = *values[kTraceparent];
  }
  return envelope;
}

}  // namespace watchbell::bus
