// Small things about text.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace watchbell::cli {

// True for well-formed UTF-8 (no overlong forms, no surrogates).
bool IsUtf8(absl::string_view text);
// Code points of well-formed UTF-8.
size_t Utf8Length(absl::string_view text);
// The first `characters` code points of well-formed UTF-8.
std::string TruncateUtf8(absl::string_view text, size_t characters);

// The candidate a person most likely meant, or "" if none is near. Case does not count.
std::string Nearest(absl::string_view text, const std::vector<std::string>& candidates);

// 156678 as "156,678".
std::string WithThousands(int64_t number);
// "1 clock", "2,000 clocks".
std::string Counted(int64_t count, absl::string_view thing);

// "on hold" of STATE_ON_HOLD: the name of an enum's value without what all of them begin with.
std::string PlainName(absl::string_view name, absl::string_view prefix);

}  // namespace watchbell::cli
