// Journal rows for the contract suites.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/shard.h"
#include "common/journal/journal.h"

namespace watchbell::journal {

// The `version`th event of a stream, as an engine would journal it.
inline JournalRow MakeRow(int64_t sequence, const std::string& aggregate,
                          const std::string& stream_id, int64_t version) {
  JournalRow row;
  row.sequence = sequence;
  row.recorded_at = absl::FromUnixMicros(1'767'225'600'000'000 + sequence);
  row.occurred_at = row.recorded_at - absl::Seconds(1);
  row.event_id = FormatUuidV7(row.recorded_at, 0, static_cast<uint64_t>(sequence));
  row.aggregate = aggregate;
  row.tenant = "default";
  row.stream_id = stream_id;
  row.version = version;
  row.shard = ShardOf(stream_id, kDefaultShards);
  row.type = "io.watchbell.widget.made.v1";
  row.payload = absl::StrCat("payload of ", stream_id, " ", version);
  row.actor = "ana";
  row.causation_id = "cause";
  row.correlation_id = "whole";
  return row;
}

}  // namespace watchbell::journal
