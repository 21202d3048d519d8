#include "common/runtime/journal_rows.h"

#include <utility>

#include "common/base/proto_time.h"

namespace watchbell::runtime {

journal::v1::JournalRow ToMessage(journal::JournalRow row) {
  journal::v1::JournalRow message;
  message.set_sequence(row.sequence);
  message.set_event_id(std::move(row.event_id));
  message.set_aggregate(std::move(row.aggregate));
  message.set_tenant(std::move(row.tenant));
  message.set_stream_id(std::move(row.stream_id));
  message.set_version(row.version);
  message.set_shard(row.shard);
  message.set_type(std::move(row.type));
  message.set_payload(std::move(row.payload));
  *message.mutable_occurred_at() = ToProto(row.occurred_at);
  *message.mutable_recorded_at() = ToProto(row.recorded_at);
  if (row.source_recorded_at) {
    *message.mutable_source_recorded_at() = ToProto(*row.source_recorded_at);
  }
  message.set_actor(std::move(row.actor));
  message.set_traceparent(std::move(row.traceparent));
  message.set_causation_id(std::move(row.causation_id));
  message.set_correlation_id(std::move(row.correlation_id));
  return message;
}

journal::JournalRow FromMessage(journal::v1::JournalRow message) {
  journal::JournalRow row;
  row.sequence = message.sequence();
  row.event_id = std::move(*message.mutable_event_id());
  row.aggregate = std::move(*message.mutable_aggregate());
  row.tenant = std::move(*message.mutable_tenant());
  row.stream_id = std::move(*message.mutable_stream_id());
  row.version = message.version();
  row.shard = message.shard();
  row.type = std::move(*message.mutable_type());
  row.payload = std::move(*message.mutable_payload());
  row.occurred_at = FromProto(message.occurred_at());
  row.recorded_at = FromProto(message.recorded_at());
  if (message.has_source_recorded_at()) {
    row.source_recorded_at = FromProto(message.source_recorded_at());
  }
  row.actor = std::move(*message.mutable_actor());
  row.traceparent = std::move(*message.mutable_traceparent());
  row.causation_id = std::move(*message.mutable_causation_id());
  row.correlation_id = std::move(*message.mutable_correlation_id());
  return row;
}

}  // namespace watchbell::runtime
