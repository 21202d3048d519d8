// What tells apart two contents that were tried under one version.
#pragma once

#include <cstdint>

#include "google/protobuf/message_lite.h"

namespace watchbell::sla {

// FNV-1a over the deterministic bytes; the same in every process.
uint64_t FingerprintOf(const google::protobuf::MessageLite& message);

}  // namespace watchbell::sla
