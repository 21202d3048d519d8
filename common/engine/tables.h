// The engine's own tables, the same in every service's database.
#pragma once

#include "common/db/db.h"

namespace watchbell::engine {

// State of entities: (class, tenant, id), version of the stream's last event, protobuf bytes.
const db::Table& EntityTable();
// Armed timers: (class, tenant, id, name), due, traceparent of what armed it.
const db::Table& TimerTable();
// How far each stream was applied: (topic, tenant, stream_id), version, parked.
const db::Table& StreamPositionTable();
// How far each topic was read: (topic, shard), journal sequence.
const db::Table& TopicPositionTable();
// Answers by request id: (tenant, request_id), fingerprint of the request, response, expires_at.
const db::Table& AnswerTable();

}  // namespace watchbell::engine
