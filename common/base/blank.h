// Text that shows nothing.
#pragma once

#include "absl/strings/string_view.h"

namespace watchbell {

// True if `text` (UTF-8) is empty or holds only spaces, control characters and characters of no
// width.
bool IsBlank(absl::string_view text);

}  // namespace watchbell
