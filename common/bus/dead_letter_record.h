// Records that a service set aside, on their way through its journal to their own topic.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/bus/record.h"
#include "common/journal/journal.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::bus {

// Kind of stream of the journal rows about dead letters.
inline constexpr char kDeadLetterAggregate[] = "dead_letter";

// Where the dead letters of a topic's reader go: "<topic>.<service>.dlq".
std::string DeadLetterTopic(absl::string_view topic, absl::string_view service);

// What a dead letter says of its error, and where that lies: whoever wrote the record may have had
// a say in either, and with it the record must fit on its topic. At most 2048 bytes of the text,
// and at most 1024 of the JSON Pointer: of a longer one the place that its beginning leads to.
std::string DeadLetterMessage(absl::string_view text);
std::string DeadLetterPath(absl::string_view pointer);

// A record into its dead letter, byte for byte, and back: topic, place, key, headers, value.
void PutRecord(const Record& record, admin::v1::DeadLetter* letter);
Record TakeRecord(const admin::v1::DeadLetter& letter);

// True for rows that are published as dead letters: DeadLettered, not what came of it later.
bool IsDeadLetter(const journal::JournalRow& row);

// The record for the dead-letter topic: key, value and headers as they came, then
//   __dlq.errors.topic, .partition, .offset (-1: it came from the producer's journal), .group (the
//   service), .delivery.count, .message: the names Kafka's own dead-letter queues use (KIP-1191);
//   dlq_reason (stable code), dlq_path (JSON Pointer into the payload, "" = it as a whole, or no
//   JSON; control characters and "%" as %XX), dlq_first_at (RFC 3339), dlq_build (version of the
//   program).
// Its shard is the row's. DATA_LOSS if the row cannot be read.
absl::StatusOr<Record> ToDeadLetterRecord(const journal::JournalRow& row, absl::string_view build);

}  // namespace watchbell::bus
