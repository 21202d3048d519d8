#include "common/base/ids.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>

#include "absl/strings/ascii.h"

namespace watchbell {

std::string FormatUuidV7(absl::Time time, uint64_t random_high, uint64_t random_low) {
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(time)) & 0xffffffffffffULL;
  const uint64_t high = (millis << 16) | 0x7000 | (random_high & 0x0fff);
  const uint64_t low = 0x8000000000000000ULL | (random_low & 0x3fffffffffffffffULL);
  std::string text(36, '-');
  const auto put = [&text](size_t at, size_t digits, uint64_t value) {
    for (size_t i = digits; i-- > 0; value >>= 4) text[at + i] = "0123456789abcdef"[value & 15];
  };
  put(0, 8, high >> 32);
  put(9, 4, high >> 16);
  put(14, 4, high);
  put(19, 4, low >> 48);
  put(24, 12, low);
  return text;
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
  // One system call for 32 numbers: ids are made for every input and every event.
  thread_local std::array<uint64_t, 32> numbers;
  thread_local size_t left = 0;
  if (left == 0) {
    // The kernel gives up to 256 bytes whole once it is seeded; anything else means a machine
    // without randomness.
    if (getrandom(numbers.data(), sizeof numbers, 0) != static_cast<ssize_t>(sizeof numbers)) {
      std::abort();
    }
    left = numbers.size();
  }
  return numbers[--left];
}

uint64_t SeededIdSource::Random64() {
  MutexLock lock(mu_);
  return engine_();
}

}  // namespace watchbell
