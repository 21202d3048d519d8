// How unlike two words are, for "did you mean".
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace watchbell {

// Levenshtein distance, in bytes: the fewest insertions, deletions and replacements that make one
// of the other.
size_t EditDistance(absl::string_view a, absl::string_view b);

}  // namespace watchbell
