// The engine's own tables, the same in every service's database.
#pragma once

#include "common/db/db.h"
#include "common/engine/input.h"

namespace watchbell::engine {

// State of entities: (class, tenant, id), version of the stream's last event, protobuf bytes.
const db::Table& EntityTable();
// Armed timers: (class, tenant, id, name), due, traceparent of what armed it, shard of the id,
// changed: number of the last change, so that a holder finds what others armed.
const db::Table& TimerTable();
db::Row TimerKeyRow(const TimerKey& key);
// How far each stream was applied: (topic, tenant, stream_id), version, parked, behind: the last
// version known to have been passed over while it was parked, 0 when that is applied.
const db::Table& StreamPositionTable();
// Dead letters without what they hold: (id), shard, state, parked, reason, type, tenant, when first
// seen, sequence.
const db::Table& DeadLetterTable();
// How far each topic was read: (topic, shard), journal sequence, next offset (-1 = unknown).
const db::Table& TopicPositionTable();
// How far each shard of the journal is published beyond doubt: (shard), sequence.
const db::Table& RelayPositionTable();
// Answers by request id: (tenant, request_id), fingerprint of the request, response, expires_at.
const db::Table& AnswerTable();

}  // namespace watchbell::engine
