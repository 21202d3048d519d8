// A 64-bit hash that means the same in every process and version: FNV-1a (Fowler, Noll, Vo).
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace watchbell {

inline constexpr uint64_t kFnv1aOfNothing = 0xcbf29ce484222325ULL;

// Goes on from `hash`, that of what stands before.
inline uint64_t Fnv1a(absl::string_view data, uint64_t hash = kFnv1aOfNothing) {
  for (const char c : data) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace watchbell
