// Ids made by this process: UUIDv7 (RFC 9562).
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"

namespace watchbell {

// 36 characters, lower case. `random` supplies the 74 random bits (its lowest 74 of 128).
std::string FormatUuidV7(absl::Time time, uint64_t random_high, uint64_t random_low);

// True for the 36-character form of a UUID of any version.
bool IsUuid(absl::string_view text);

// Where ids and randomness come from. Thread-safe.
class IdSource {
 public:
  virtual ~IdSource() = default;
  // A UUIDv7 for an instant.
  std::string NewUuid(absl::Time now);
  virtual uint64_t Random64() = 0;
};

// The kernel's randomness.
class SystemIdSource : public IdSource {
 public:
  uint64_t Random64() override;
};

// Repeatable: the same seed gives the same ids.
class SeededIdSource : public IdSource {
 public:
  explicit SeededIdSource(uint64_t seed) : engine_(seed) {}
  uint64_t Random64() override;

 private:
  Mutex mu_;
  std::mt19937_64 engine_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell
