// What travels on a topic: a CloudEvents 1.0 event in the Kafka binding's binary mode.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/journal/journal.h"

namespace watchbell::bus {

// A record as a broker keeps it.
struct Record {
  std::string topic;
  int shard = 0;        // partition
  int64_t offset = -1;  // place in the partition; -1 = it did not come from one, but from a journal
  // The producer's journal sequence; 0 = unknown. On a raw topic, which has no journal: how often
  // its offsets were seen to begin anew before this record, by the reader's count.
  int64_t sequence = 0;
  std::string key;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string value;
  std::optional<absl::Time>
      written_at;  // by its producer's clock; known of a broker's records only
  // Kafka tells nothing at all from an empty text: no key, no value, headers (by place) without
  // one.
  bool null_key = false;
  bool null_value = false;
  std::vector<size_t> null_headers = {};
};
using RecordPtr = std::shared_ptr<const Record>;

// The attributes of a record, read.
struct Envelope {
  std::string id;
  std::string source;  // "//watchbell/<service>"
  std::string type;
  std::string subject;  // stream id
  std::string tenant;
  int64_t version = 0;           // ce_sequence
  int64_t journal_sequence = 0;  // ce_journalsequence
  absl::Time occurred_at;
  absl::Time recorded_at;
  std::optional<absl::Time> source_recorded_at;
  std::string actor;
  std::string traceparent;
  std::string causation_id;
  std::string correlation_id;
};

// A record from a journal row. `producer` is the service's name; `topic` where the row's aggregate
// goes.
Record ToRecord(const journal::JournalRow& row, const std::string& producer,
                const std::string& topic);

// INVALID_ARGUMENT with a listed reason: MISSING_HEADER, REPEATED_HEADER, BAD_HEADER,
// UNSUPPORTED_VERSION, UNSUPPORTED_CONTENT_TYPE, EMPTY_KEY, KEY_MISMATCH, NO_VALUE.
absl::StatusOr<Envelope> ParseEnvelope(const Record& record);

}  // namespace watchbell::bus
