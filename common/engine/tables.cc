#include "common/engine/tables.h"

#include "common/engine/engine.h"
#include "common/engine/leases.h"

namespace watchbell::engine {

using db::ColumnType;

const db::Table& EntityTable() {
  static const db::Table* const table = new db::Table{"entities",
                                                      {{"class", ColumnType::kInt},
                                                       {"tenant", ColumnType::kText},
                                                       {"id", ColumnType::kText},
                                                       {"version", ColumnType::kInt},
                                                       {"body", ColumnType::kBytes}},
                                                      3};
  return *table;
}

const db::Table& TimerTable() {
  static const db::Table* const table = new db::Table{"timers",
                                                      {{"class", ColumnType::kInt},
                                                       {"tenant", ColumnType::kText},
                                                       {"id", ColumnType::kText},
                                                       {"name", ColumnType::kText},
                                                       {"due", ColumnType::kInt},
                                                       {"traceparent", ColumnType::kText},
                                                       {"shard", ColumnType::kInt},
                                                       {"changed", ColumnType::kSequence}},
                                                      4};
  return *table;
}

db::Row TimerKeyRow(const TimerKey& key) {
  return {int64_t{key.entity.cls}, key.entity.tenant, key.entity.id, key.name};
}

const db::Table& StreamPositionTable() {
  static const db::Table* const table = new db::Table{"stream_positions",
                                                      {{"topic", ColumnType::kText},
                                                       {"tenant", ColumnType::kText},
                                                       {"stream_id", ColumnType::kText},
                                                       {"version", ColumnType::kInt},
                                                       {"parked", ColumnType::kInt},
                                                       {"behind", ColumnType::kInt}},
                                                      3};
  return *table;
}

const db::Table& DeadLetterTable() {
  static const db::Table* const table = new db::Table{"dead_letters",
                                                      {{"id", ColumnType::kText},
                                                       {"shard", ColumnType::kInt},
                                                       {"state", ColumnType::kInt},
                                                       {"parked", ColumnType::kInt},
                                                       {"reason", ColumnType::kText},
                                                       {"type", ColumnType::kText},
                                                       {"tenant", ColumnType::kText},
                                                       {"first_seen_at", ColumnType::kInt},
                                                       {"sequence", ColumnType::kInt}},
                                                      1};
  return *table;
}

const db::Table& TopicPositionTable() {
  static const db::Table* const table = new db::Table{"topic_positions",
                                                      {{"topic", ColumnType::kText},
                                                       {"shard", ColumnType::kInt},
                                                       {"sequence", ColumnType::kInt},
                                                       {"next_offset", ColumnType::kInt}},
                                                      2};
  return *table;
}

const db::Table& RelayPositionTable() {
  static const db::Table* const table = new db::Table{
      "relay_positions", {{"shard", ColumnType::kInt}, {"sequence", ColumnType::kInt}}, 1};
  return *table;
}

const db::Table& LeaseTable() {
  static const db::Table* const table = new db::Table{"leases",
                                                      {{"shard", ColumnType::kInt},
                                                       {"holder", ColumnType::kText},
                                                       {"address", ColumnType::kText},
                                                       {"epoch", ColumnType::kInt}},
                                                      1};
  return *table;
}

const db::Table& ReplicaTable() {
  static const db::Table* const table = new db::Table{"replicas",
                                                      {{"id", ColumnType::kText},
                                                       {"address", ColumnType::kText},
                                                       {"beat", ColumnType::kInt},
                                                       {"sessions", ColumnType::kText}},
                                                      1};
  return *table;
}

const db::Table& AnswerTable() {
  static const db::Table* const table = new db::Table{"answers",
                                                      {{"tenant", ColumnType::kText},
                                                       {"request_id", ColumnType::kText},
                                                       {"fingerprint", ColumnType::kInt},
                                                       {"response", ColumnType::kBytes},
                                                       {"expires_at", ColumnType::kInt}},
                                                      2};
  return *table;
}

db::Migration EngineSchema() {
  return {1, "engine", R"sql(
--postgresql: CREATE SEQUENCE journal_sequence;
CREATE TABLE entities (
  class BIGINT NOT NULL,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (class, tenant, id)
);
CREATE TABLE timers (
  class BIGINT NOT NULL,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  due BIGINT NOT NULL,
  traceparent TEXT NOT NULL,
  shard BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  PRIMARY KEY (class, tenant, id, name)
);
--postgresql: CREATE INDEX timers_by_due ON timers (shard, due);
--postgresql: CREATE INDEX timers_by_change ON timers (changed);
CREATE TABLE stream_positions (
  topic TEXT NOT NULL,
  tenant TEXT NOT NULL,
  stream_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  parked BIGINT NOT NULL,
  behind BIGINT NOT NULL,
  PRIMARY KEY (topic, tenant, stream_id)
);
CREATE INDEX stream_positions_let_go ON stream_positions (behind) WHERE behind > 0 AND parked = 0;
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,
  shard BIGINT NOT NULL,
  state BIGINT NOT NULL,
  parked BIGINT NOT NULL,
  reason TEXT NOT NULL,
  type TEXT NOT NULL,
  tenant TEXT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  sequence BIGINT NOT NULL
);
CREATE INDEX dead_letters_by_state ON dead_letters (state, parked, shard);
CREATE TABLE topic_positions (
  topic TEXT NOT NULL,
  shard BIGINT NOT NULL,
  sequence BIGINT NOT NULL,
  next_offset BIGINT NOT NULL,
  PRIMARY KEY (topic, shard)
);
CREATE TABLE relay_positions (
  shard BIGINT PRIMARY KEY,
  sequence BIGINT NOT NULL
);
CREATE TABLE replicas (
  id TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  beat BIGINT NOT NULL,
  sessions TEXT NOT NULL
);
CREATE TABLE leases (
  shard BIGINT PRIMARY KEY,
  holder TEXT NOT NULL,
  address TEXT NOT NULL,
  epoch BIGINT NOT NULL
);
CREATE TABLE answers (
  tenant TEXT NOT NULL,
  request_id TEXT NOT NULL,
  fingerprint BIGINT NOT NULL,
  response BYTEA NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, request_id)
);
CREATE INDEX answers_by_expiry ON answers (expires_at);
CREATE TABLE journal (
  sequence BIGINT PRIMARY KEY,
  event_id TEXT NOT NULL,
  aggregate TEXT NOT NULL,
  tenant TEXT NOT NULL,
  stream_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  shard BIGINT NOT NULL,
  type TEXT NOT NULL,
  payload BYTEA NOT NULL,
  occurred_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  source_recorded_at BIGINT,
  actor TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  causation_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL
);
CREATE UNIQUE INDEX journal_by_stream ON journal (aggregate, tenant, stream_id, version);
CREATE INDEX journal_by_shard ON journal (aggregate, shard, sequence);
)sql"};
}

}  // namespace watchbell::engine
