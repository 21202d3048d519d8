// Texts of any length, for places that take only short ones.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace watchbell {

// At most `most` bytes (3 or more) of UTF-8, not cutting a character in two; "..." stands for what
// is left out.
inline std::string Shorten(absl::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "...");
}

}  // namespace watchbell
