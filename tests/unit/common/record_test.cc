#include "common/bus/record.h"

#include <algorithm>
#include <map>

#include "common/base/errors.h"
#include "common/bus/attribute_text.h"
#include "common/bus/event_registry.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"
#include "gtest/gtest.h"

namespace watchbell::bus {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kTrace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// Some event type compiled into the program; which one is of no concern here.
const google::protobuf::Descriptor& SomeEvent() {
  const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
      "watchbell/events/v1/tickets.proto");
  return *file->message_type(0);
}

journal::JournalRow SomeRow() {
  journal::JournalRow row;
  row.sequence = 4711;
  row.event_id = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  row.aggregate = "widget";
  row.tenant = "default";
  row.stream_id = "w-1";
  row.version = 7;
  row.shard = 3;
  row.type = EventTypeOf(SomeEvent());
  row.payload = "bytes";
  row.occurred_at = absl::FromUnixMicros(1'767'323'045'000'006);
  row.recorded_at = absl::FromUnixMicros(1'767'323'046'123'456);
  row.source_recorded_at = absl::FromUnixMicros(1'767'323'045'500'000);
  row.actor = "ana";
  row.traceparent = kTrace;
  row.causation_id = "cause";
  row.correlation_id = "whole";
  return row;
}

void SetHeader(Record* record, const std::string& name, const std::string& value) {
  for (auto& header : record->headers) {
    if (header.first == name) header.second = value;
  }
}

void DropHeader(Record* record, const std::string& name) {
  auto& headers = record->headers;
  headers.erase(std::remove_if(headers.begin(), headers.end(),
                               [&name](const auto& header) { return header.first == name; }),
                headers.end());
}

std::string ReasonOf(const Record& record) { return ErrorReason(ParseEnvelope(record).status()); }

TEST(ToRecordTest, HasTheHeadersOfTheEventContract) {
  const Record record = ToRecord(SomeRow(), "makers", "watchbell.widgets.v1");
  EXPECT_EQ(record.topic, "watchbell.widgets.v1");
  EXPECT_EQ(record.shard, 3);
  EXPECT_EQ(record.sequence, 4711);
  EXPECT_EQ(record.key, "w-1");
  EXPECT_EQ(record.value, "bytes");
  std::map<std::string, std::string> headers(record.headers.begin(), record.headers.end());
  EXPECT_EQ(headers.size(), record.headers.size());
  EXPECT_THAT(headers["ce_dataschema"],
              MatchesRegex("https://watchbell.io/schemas/watchbell.events.v1.[A-Za-z]+"
                           "\\?revision=[0-9a-f]{16}"));
  headers.erase("ce_dataschema");
  EXPECT_EQ(headers, (std::map<std::string, std::string>{
                         {"ce_specversion", "1.0"},
                         {"ce_id", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
                         {"ce_source", "//watchbell/makers"},
                         {"ce_type", SomeRow().type},
                         {"ce_subject", "w-1"},
                         {"ce_time", "2026-01-02T03:04:05.000006Z"},
                         {"ce_recordedtime", "2026-01-02T03:04:06.123456Z"},
                         {"ce_sourcerecordedtime", "2026-01-02T03:04:05.500000Z"},
                         {"content-type", "application/protobuf"},
                         {"ce_partitionkey", "w-1"},
                         {"ce_sequence", "00000000000000000007"},
                         {"ce_journalsequence", "4711"},
                         {"ce_tenant", "default"},
                         {"ce_actor", "ana"},
                         {"ce_traceparent", kTrace},
                         {"traceparent", kTrace},
                         {"ce_causationid", "cause"},
                         {"ce_correlationid", "whole"},
                     }));
}

TEST(ToRecordTest, ExtensionNamesAreLegal) {
  for (const auto& [name, value] : ToRecord(SomeRow(), "makers", "t").headers) {
    if (name == "content-type" || name == "traceparent") continue;
    EXPECT_THAT(name, MatchesRegex("ce_[a-z0-9]{1,20}"));
  }
}

TEST(ToRecordTest, LeavesOutWhatIsNotSet) {
  journal::JournalRow row = SomeRow();
  row.actor = row.traceparent = row.causation_id = row.correlation_id = "";
  row.source_recorded_at.reset();
  row.type = "io.example.unknown.v1";
  const auto envelope = ParseEnvelope(ToRecord(row, "makers", "t"));
  ASSERT_TRUE(envelope.ok()) << envelope.status();
  EXPECT_EQ(ToRecord(row, "makers", "t").headers.size(), 12u);
  EXPECT_FALSE(envelope->source_recorded_at.has_value());
  EXPECT_EQ(envelope->traceparent, "");
}

TEST(ParseEnvelopeTest, ReadsWhatToRecordWrote) {
  const journal::JournalRow row = SomeRow();
  const auto envelope = ParseEnvelope(ToRecord(row, "makers", "t"));
  ASSERT_TRUE(envelope.ok()) << envelope.status();
  EXPECT_EQ(envelope->id, row.event_id);
  EXPECT_EQ(envelope->source, "//watchbell/makers");
  EXPECT_EQ(envelope->type, row.type);
  EXPECT_EQ(envelope->subject, row.stream_id);
  EXPECT_EQ(envelope->tenant, row.tenant);
  EXPECT_EQ(envelope->version, row.version);
  EXPECT_EQ(envelope->journal_sequence, row.sequence);
  EXPECT_EQ(envelope->occurred_at, row.occurred_at);
  EXPECT_EQ(envelope->recorded_at, row.recorded_at);
  EXPECT_EQ(envelope->source_recorded_at, row.source_recorded_at);
  EXPECT_EQ(envelope->actor, row.actor);
  EXPECT_EQ(envelope->traceparent, row.traceparent);
  EXPECT_EQ(envelope->causation_id, row.causation_id);
  EXPECT_EQ(envelope->correlation_id, row.correlation_id);
}

TEST(ParseEnvelopeTest, AnyTextComesBackAsItWas) {
  for (const std::string& text : {std::string("Zoë 100% 🙂"), std::string("a\nb\tc\x7f"),
                                  std::string("%41"), std::string("\xc2\x85\xef\xbf\xbf")}) {
    journal::JournalRow row = SomeRow();
    row.actor = row.stream_id = row.tenant = row.correlation_id = text;
    const Record record = ToRecord(row, "makers", "t");
    for (const auto& [name, value] : record.headers) {
      for (const char c : value) {
        EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << name << ": " << value;
      }
    }
    const auto envelope = ParseEnvelope(record);
    ASSERT_TRUE(envelope.ok()) << envelope.status();
    EXPECT_EQ(envelope->actor, text);
    EXPECT_EQ(envelope->subject, text);
    EXPECT_EQ(envelope->tenant, text);
    EXPECT_EQ(envelope->correlation_id, text);
  }
}

TEST(ParseEnvelopeTest, WhatNoDatabaseTakesAsTextIsRefused) {
  for (const std::string& text : {std::string("\xff\xfe", 2), std::string("nul\0!", 5)}) {
    journal::JournalRow row = SomeRow();
    row.tenant = text;
    const absl::Status status = ParseEnvelope(ToRecord(row, "makers", "t")).status();
    EXPECT_EQ(ErrorReason(status), "BAD_HEADER") << status;
  }
}

TEST(ParseEnvelopeTest, EachRequiredHeaderIsMissedByName) {
  const Record good = ToRecord(SomeRow(), "makers", "t");
  for (const char* name : {"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject",
                           "ce_time", "ce_recordedtime", "content-type", "ce_partitionkey",
                           "ce_sequence", "ce_journalsequence", "ce_tenant"}) {
    Record record = good;
    DropHeader(&record, name);
    const absl::Status status = ParseEnvelope(record).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(status), "MISSING_HEADER") << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
}

TEST(ParseEnvelopeTest, EachRepeatedAttributeIsRefused) {
  const Record good = ToRecord(SomeRow(), "makers", "t");
  for (const auto& header : good.headers) {
    if (header.first == "traceparent") continue;  // no attribute of the event
    Record record = good;
    record.headers.push_back(header);
    EXPECT_EQ(ReasonOf(record), "REPEATED_HEADER") << header.first;
  }
}

TEST(ParseEnvelopeTest, ForeignHeadersAreLeftAlone) {
  Record record = ToRecord(SomeRow(), "makers", "t");
  record.headers.emplace_back("ce_futureextension", "1");
  record.headers.emplace_back("x-tool", "a");
  record.headers.emplace_back("x-tool", "b");
  record.headers.emplace_back("", "");
  EXPECT_TRUE(ParseEnvelope(record).ok()) << ParseEnvelope(record).status();
}

TEST(ParseEnvelopeTest, BadValuesAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"ce_id", ""},
      {"ce_id", "a\nb"},
      {"ce_source", "//elsewhere/x"},
      {"ce_source", "//watchbell/"},
      {"ce_type", ""},
      {"ce_subject", ""},
      {"ce_tenant", "%4"},
      {"ce_tenant", "%zz"},
      {"ce_actor", "\x01"},
      {"ce_actor", "\xff"},
      {"ce_time", "yesterday"},
      {"ce_time", "2026-02-30T00:00:00.000000Z"},
      {"ce_time", "2026-01-02T03:04:05.000006"},
      {"ce_recordedtime", ""},
      {"ce_sourcerecordedtime", "2026-01-02"},
      {"ce_sequence", "7"},
      {"ce_sequence", "00000000000000000000"},
      {"ce_sequence", "99999999999999999999"},
      {"ce_sequence", "0000000000000000000x"},
      {"ce_journalsequence", "-1"},
      {"ce_journalsequence", ""},
  };
  for (const auto& [name, value] : cases) {
    Record record = ToRecord(SomeRow(), "makers", "t");
    SetHeader(&record, name, value);
    EXPECT_EQ(ReasonOf(record), "BAD_HEADER") << name << ": " << value;
  }
}

TEST(ParseEnvelopeTest, OtherVersionsModesAndKeysAreRefused) {
  Record record = ToRecord(SomeRow(), "makers", "t");
  SetHeader(&record, "ce_specversion", "2.0");
  EXPECT_EQ(ReasonOf(record), "UNSUPPORTED_VERSION");
  record = ToRecord(SomeRow(), "makers", "t");
  SetHeader(&record, "content-type", "application/cloudevents+json");
  EXPECT_EQ(ReasonOf(record), "UNSUPPORTED_CONTENT_TYPE");
  SetHeader(&record, "content-type", "Application/Protobuf; messageType=x");
  EXPECT_TRUE(ParseEnvelope(record).ok());
  record.key = "w-2";
  EXPECT_EQ(ReasonOf(record), "KEY_MISMATCH");
  record.key = "";
  EXPECT_EQ(ReasonOf(record), "EMPTY_KEY");
}

TEST(ParseEnvelopeTest, ABrokenTraceIsNoTrace) {
  Record record = ToRecord(SomeRow(), "makers", "t");
  SetHeader(&record, "ce_traceparent", "00-nonsense");
  const auto envelope = ParseEnvelope(record);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->traceparent, "");
}

TEST(AttributeTimeTest, RoundTripsAndReadsOtherForms) {
  for (const int64_t micros :
       {int64_t{0}, int64_t{-1}, int64_t{1'767'323'045'000'006}, int64_t{-62'135'596'800'000'000},
        int64_t{253'402'300'799'999'999}}) {
    const absl::Time time = absl::FromUnixMicros(micros);
    absl::Time back;
    ASSERT_TRUE(ParseAttributeTime(FormatAttributeTime(time), &back)) << FormatAttributeTime(time);
    EXPECT_EQ(back, time);
    EXPECT_EQ(FormatAttributeTime(time),
              absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone()));
  }
  absl::Time time;
  ASSERT_TRUE(ParseAttributeTime("2026-01-02T05:04:05.0000069+02:00", &time));
  EXPECT_EQ(FormatAttributeTime(time), "2026-01-02T03:04:05.000006Z");
  ASSERT_TRUE(ParseAttributeTime("2024-02-29T23:59:59Z", &time));
  EXPECT_EQ(FormatAttributeTime(time), "2024-02-29T23:59:59.000000Z");
  EXPECT_FALSE(ParseAttributeTime("infinite-future", &time));
}

TEST(EventRegistryTest, DecodesWhatItsTypeNames) {
  const std::unique_ptr<google::protobuf::Message> event(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&SomeEvent())->New());
  const auto decoded = DecodeEvent(EventTypeOf(SomeEvent()), event->SerializeAsString());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ((*decoded)->GetDescriptor(), &SomeEvent());
}

TEST(EventRegistryTest, KnowsEveryEventCompiledIn) {
  int events = 0;
  for (const char* name : {"tickets", "sla", "escalation", "notifications"}) {
    const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
        std::string("watchbell/events/v1/") + name + ".proto");
    ASSERT_NE(file, nullptr) << name;
    for (int i = 0; i < file->message_type_count(); ++i) {
      const std::string& type = EventTypeOf(*file->message_type(i));
      if (type.empty()) continue;
      ++events;
      EXPECT_TRUE(DecodeEvent(type, "").ok()) << type;
      EXPECT_THAT(DataSchemaOf(type), HasSubstr(file->message_type(i)->full_name() + "?"));
    }
  }
  EXPECT_GT(events, 10);
}

TEST(EventRegistryTest, SaysWhyItCannotDecode) {
  EXPECT_EQ(ErrorReason(DecodeEvent("io.example.unknown.v1", "").status()), "UNKNOWN_TYPE");
  const absl::Status bad = DecodeEvent(EventTypeOf(SomeEvent()), "\xff\xff\xff").status();
  EXPECT_EQ(ErrorReason(bad), "BAD_PAYLOAD");
  EXPECT_EQ(bad.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EventTypeOf(*google::protobuf::Timestamp::descriptor()), "");
}

}  // namespace
}  // namespace watchbell::bus
