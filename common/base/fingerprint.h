// What tells two messages of one type apart, the same in every process.
#pragma once

#include <cstdint>

#include "common/base/hash.h"
#include "google/protobuf/message_lite.h"

namespace watchbell {

// FNV-1a over the deterministic bytes, maps in the order of their keys. Goes on from `hash`, that
// of what stands before.
uint64_t FingerprintOf(const google::protobuf::MessageLite& message,
                       uint64_t hash = kFnv1aOfNothing);

}  // namespace watchbell
