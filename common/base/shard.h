// Which shard a key belongs to. A shard is a Kafka partition: the function is Kafka's own default
// partitioner (murmur2, seed 0x9747b28c, sign bit cleared;
// org.apache.kafka.common.utils.Utils.murmur2), so that any producer in any language puts the same
// key on the same partition.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace watchbell {

inline constexpr int kDefaultShards = 16;

uint32_t Murmur2(absl::string_view data);

// 0 <= result < shards; shards > 0.
int ShardOf(absl::string_view key, int shards);

}  // namespace watchbell
