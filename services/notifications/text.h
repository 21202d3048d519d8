// Text that goes where a stray character could do harm. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace watchbell::notifications {

// `text` (UTF-8) on one line: every control and line-breaking character becomes a space, runs of
// spaces one, none at the ends; cut to `max` code points with "..." at the end if it was longer.
std::string OneLine(absl::string_view text, size_t max);

// `text` (any bytes) as one line of printable ASCII, at most `max` bytes; what is not printable
// becomes '?'.
std::string PrintableAscii(absl::string_view text, size_t max);

// `id` with everything but A-Z a-z 0-9 . _ - replaced by '.': fit for a Message-ID's local part or
// a shell line.
std::string SafeId(absl::string_view id);

}  // namespace watchbell::notifications
