#include "common/bus/dead_letter_record.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "common/base/shorten.h"
#include "common/bus/attribute_text.h"
#include "common/bus/event_registry.h"
#include "watchbell/events/v1/dead_letters.pb.h"

namespace watchbell::bus {
namespace {

bool IsNullHeader(const Record& record, size_t place) {
  return std::find(record.null_headers.begin(), record.null_headers.end(), place) !=
         record.null_headers.end();
}

constexpr size_t kMaxMessage = 2048;  // bytes
constexpr size_t kMaxPath = 1024;     // bytes

}  // namespace

std::string DeadLetterMessage(absl::string_view text) { return Shorten(AsUtf8(text), kMaxMessage); }

std::string DeadLetterPath(absl::string_view pointer) {
  std::string path = AsUtf8(pointer);
  if (path.size() <= kMaxPath) return path;
  const size_t step = path.rfind('/', kMaxPath);
  path.resize(step == std::string::npos ? 0 : step);
  return path;
}

std::string DeadLetterTopic(absl::string_view topic, absl::string_view service) {
  return absl::StrCat(topic, ".", service, ".dlq");
}

void PutRecord(const Record& record, admin::v1::DeadLetter* letter) {
  letter->set_topic(record.topic);
  letter->set_partition(record.shard);
  letter->set_sequence(record.sequence);
  if (record.offset >= 0) letter->set_offset(record.offset);
  letter->set_key(AsUtf8(record.key));
  if (!record.null_key) letter->set_record_key(record.key);
  if (!record.null_value) letter->set_value(record.value);
  for (size_t i = 0; i < record.headers.size(); ++i) {
    admin::v1::DeadLetter::Header* header = letter->add_headers();
    header->set_key(EncodeAttribute(record.headers[i].first));
    if (!IsNullHeader(record, i)) header->set_value(record.headers[i].second);
  }
}

Record TakeRecord(const admin::v1::DeadLetter& letter) {
  Record record;
  record.topic = letter.topic();
  record.shard = letter.partition();
  record.sequence = letter.sequence();
  record.offset = letter.has_offset() ? letter.offset() : -1;
  record.key = letter.record_key();
  record.null_key = !letter.has_record_key();
  record.value = letter.value();
  record.null_value = !letter.has_value();
  for (const admin::v1::DeadLetter::Header& header : letter.headers()) {
    std::string name;
    if (!DecodeAttribute(header.key(), &name)) name = header.key();
    if (!header.has_value()) record.null_headers.push_back(record.headers.size());
    record.headers.emplace_back(std::move(name), header.value());
  }
  return record;
}

bool IsDeadLetter(const journal::JournalRow& row) {
  static const std::string* const type =
      new std::string(EventTypeOf(*events::v1::DeadLettered::descriptor()));
  return row.type == *type;
}

absl::StatusOr<Record> ToDeadLetterRecord(const journal::JournalRow& row, absl::string_view build) {
  events::v1::DeadLettered event;
  if (!event.ParseFromString(row.payload)) {
    return absl::DataLossError("a journaled dead letter cannot be read");
  }
  const admin::v1::DeadLetter& letter = event.dead_letter();
  Record record = TakeRecord(letter);
  const auto add = [&record](absl::string_view name, std::string value) {
    record.headers.emplace_back(std::string(name), std::move(value));
  };
  add("__dlq.errors.topic", letter.topic());
  add("__dlq.errors.partition", absl::StrCat(letter.partition()));
  add("__dlq.errors.offset", absl::StrCat(letter.has_offset() ? letter.offset() : -1));
  add("__dlq.errors.group", letter.service());
  add("__dlq.errors.delivery.count", absl::StrCat(letter.attempts()));
  add("__dlq.errors.message", DeadLetterMessage(letter.message()));
  add("dlq_reason", letter.reason());
  add("dlq_path", EncodeAttribute(DeadLetterPath(letter.path())));
  add("dlq_first_at", FormatAttributeTime(FromProto(letter.first_seen_at())));
  add("dlq_build", std::string(build));
  record.topic = DeadLetterTopic(letter.topic(), letter.service());
  record.shard = row.shard;
  record.sequence = row.sequence;
  record.offset = -1;
  return record;
}

}  // namespace watchbell::bus
