#include "common/base/shard.h"

namespace watchbell {

uint32_t Murmur2(absl::string_view data) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  constexpr int kShift = 24;
  const auto byte = [&data](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(data[i]));
  };
  uint32_t h = 0x9747b28c ^ static_cast<uint32_t>(data.size());
  size_t i = 0;
  for (; i + 4 <= data.size(); i += 4) {
    uint32_t k = byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24);
    k *= kMultiplier;
    k ^= k >> kShift;
    k *= kMultiplier;
    h = (h * kMultiplier) ^ k;
  }
  const size_t rest = data.size() - i;
  if (rest >= 3) h ^= byte(i + 2) << 16;
  if (rest >= 2) h ^= byte(i + 1) << 8;
  if (rest >= 1) {
    h ^= byte(i);
    h *= kMultiplier;
  }
  h ^= h >> 13;
  h *= kMultiplier;
  return h ^ (h >> 15);
}

int ShardOf(absl::string_view key, int shards) {
  return static_cast<int>((Murmur2(key) & 0x7fffffff) % static_cast<uint32_t>(shards));
}

}  // namespace watchbell
