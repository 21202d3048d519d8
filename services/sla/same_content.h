// Whether a reference entity says anything new.
#pragma once

#include "common/base/fingerprint.h"

namespace watchbell::sla {

// The same but for the version, which is the server's.
template <typename T>
bool SameContent(const T& present, T asked) {
  asked.set_version(present.version());
  return FingerprintOf(present) == FingerprintOf(asked);
}

}  // namespace watchbell::sla
