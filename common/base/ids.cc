#include "common/base/ids.h"

#include <sys/random.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace watchbell {

std::string FormatUuidV7(absl::Time time, uint64_t random_high, uint64_t random_low) {
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(time)) & 0xffffffffffffULL;
  const uint64_t high = (millis << 16) | 0x7000 | (random_high & 0x0fff);
  const uint64_t low = 0x8000000000000000ULL | (random_low & 0x3fffffffffffffffULL);
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32, (high >> 16) & 0xffff,
                         high & 0xffff, low >> 48, low & 0xffffffffffffULL);
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i])))
      return false;
  }
  return true;
}

std::string IdSource::NewUuid(absl::Time now) {
  const uint64_t high = Random64();
  return FormatUuidV7(now, high, Random64());
}

uint64_t SystemIdSource::Random64() {
  uint64_t value = 0;
  // The kernel gives up to 256 bytes whole once it is seeded; anything else means a machine without
  // randomness.
  if (getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) std::abort();
  return value;
}

uint64_t SeededIdSource::Random64() {
  MutexLock lock(mu_);
  return engine_();
}

}  // namespace watchbell
