#include "services/notifications/retry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/shard.h"

namespace watchbell::notifications {
namespace {

constexpr absl::Duration kFirstPause = absl::Seconds(5);
constexpr absl::Duration kLongestPause = absl::Minutes(10);

}  // namespace

absl::Duration RetryDelay(absl::string_view delivery_id, int attempt) {
  absl::Duration pause = kFirstPause;
  for (int i = 1; i < attempt && pause < kLongestPause; ++i) pause *= 3;
  pause = std::min(pause, kLongestPause);
  const uint32_t spread = Murmur2(absl::StrCat(delivery_id, "#", attempt)) % 1000;
  const absl::Duration shorter = pause / 5 * static_cast<int64_t>(spread) / 1000;
  return absl::Trunc(pause - shorter, absl::Microseconds(1));
}

}  // namespace watchbell::notifications
