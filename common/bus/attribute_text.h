// Values of CloudEvents attributes as header text.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace watchbell::bus {

// Attribute strings hold no control characters. What must not stand there (control characters, "%"
// itself, bytes that are no UTF-8) is written as %XX per byte, so that every text can travel and
// comes back as it was.
std::string EncodeAttribute(absl::string_view text);
// False if `value` holds a control character or a broken escape.
bool DecodeAttribute(absl::string_view value, std::string* text);

// What is UTF-8 stays as it is, every other byte becomes %XX: for showing bytes of any kind.
std::string AsUtf8(absl::string_view bytes);

// "2026-01-02T03:04:05.000006Z".
std::string FormatAttributeTime(absl::Time time);
// Takes any RFC 3339 time with an offset; microseconds are kept. False if it is none.
bool ParseAttributeTime(absl::string_view value, absl::Time* time);

}  // namespace watchbell::bus
