#include "common/bus/kafka/wire.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace watchbell::bus::kafka {
namespace {

constexpr absl::string_view kJournalSequence = "ce_journalsequence";

rd_kafka_headers_t* ToHeaders(const Record& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (size_t i = 0; i < record.headers.size(); ++i) {
    const auto& [name, value] = record.headers[i];
    const bool null = std::find(record.null_headers.begin(), record.null_headers.end(), i) !=
                      record.null_headers.end();
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                        null ? nullptr : value.data(), static_cast<ssize_t>(value.size()));
  }
  return headers;
}

void ReadHeaders(const rd_kafka_message_t& message, Record* record) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const size_t count = rd_kafka_header_cnt(headers);
  record->headers.reserve(count);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) {
    if (rd_kafka_header_get_all(headers, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      break;
    }
    if (value == nullptr) record->null_headers.push_back(i);
    record->headers.emplace_back(name, value == nullptr
                                           ? std::string()
                                           : std::string(static_cast<const char*>(value), size));
    if (record->headers.back().first == kJournalSequence) {
      int64_t sequence = 0;
      if (absl::SimpleAtoi(record->headers.back().second, &sequence) && sequence > 0) {
        record->sequence = sequence;
      }
    }
  }
}

}  // namespace

rd_kafka_resp_err_t Produce(rd_kafka_t* producer, rd_kafka_topic_t* topic, const Record& record,
                            void* opaque) {
  rd_kafka_headers_t* headers = ToHeaders(record);
  const void* key = record.null_key ? nullptr : record.key.data();
  const void* value = record.null_value ? nullptr : record.value.data();
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(record.shard),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, record.key.size()),
      RD_KAFKA_V_VALUE(const_cast<void*>(value), record.value.size()), RD_KAFKA_V_HEADERS(headers),
      RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
  return error;
}

std::shared_ptr<Record> FromMessage(const rd_kafka_message_t& message, const std::string& topic) {
  auto record = std::make_shared<Record>();
  record->topic = topic;
  record->shard = message.partition;
  record->offset = message.offset;
  record->null_key = message.key == nullptr;
  if (message.key != nullptr) {
    record->key.assign(static_cast<const char*>(message.key), message.key_len);
  }
  record->null_value = message.payload == nullptr;
  if (message.payload != nullptr) {
    record->value.assign(static_cast<const char*>(message.payload), message.len);
  }
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t millis = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) record->written_at = absl::FromUnixMillis(millis);
  ReadHeaders(message, record.get());
  return record;
}

}  // namespace watchbell::bus::kafka
