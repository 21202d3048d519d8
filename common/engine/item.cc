#include "common/engine/item.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bus/event_registry.h"

namespace watchbell::engine {

Item MakeEventItem(bus::RecordPtr record, bool from_journal, const std::string& service) {
  Item item;
  item.input.kind = Input::Kind::kEvent;
  item.input.topic = record->topic;
  item.from_journal = from_journal;
  item.record = std::move(record);
  item.shard = item.record->shard;
  absl::StatusOr<bus::Envelope> envelope = bus::ParseEnvelope(*item.record);
  if (!envelope.ok()) {
    item.unreadable = envelope.status();
    return item;
  }
  item.has_envelope = true;
  item.input.envelope = *std::move(envelope);
  item.input.identity.tenant = item.input.envelope.tenant;
  item.input.identity.subject = absl::StrCat("service:", service);
  item.input.traceparent = item.input.envelope.traceparent;
  auto message = bus::DecodeEvent(item.input.envelope.type, item.record->value);
  if (message.ok()) {
    item.input.message = *std::move(message);
  } else {
    item.unreadable = message.status();
  }
  return item;
}

Item MakeRawItem(bus::RecordPtr record, const Decider& decider) {
  Item item;
  item.input.kind = Input::Kind::kEvent;
  item.input.topic = record->topic;
  item.raw = true;
  item.record = std::move(record);
  item.shard = item.record->shard;
  absl::StatusOr<RawInput> raw = decider.ReadRaw(*item.record);
  if (!raw.ok()) {
    item.unreadable = raw.status();
    return item;
  }
  item.input.identity = std::move(raw->identity);
  item.input.traceparent = std::move(raw->traceparent);
  item.input.message = std::move(raw->message);
  item.bad_part = std::move(raw->bad_part);
  return item;
}

}  // namespace watchbell::engine
