#include "services/notifications/text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace watchbell::notifications {
namespace {

// Length in bytes of the code point `text` begins with; broken UTF-8 counts byte by byte.
size_t CodePointLength(absl::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(length, text.size());
}

bool BreaksLine(absl::string_view code_point) {
  const auto first = static_cast<unsigned char>(code_point[0]);
  if (code_point.size() == 1) return first < 0x20 || first == 0x7f;
  if (code_point.size() == 2 && first == 0xc2)
    return static_cast<unsigned char>(code_point[1]) < 0xa0;  // C1 controls
  return code_point == "\xe2\x80\xa8" ||
         code_point == "\xe2\x80\xa9";  // line and paragraph separators
}

}  // namespace

std::string OneLine(absl::string_view text, size_t max) {
  std::vector<absl::string_view> points;
  while (!text.empty()) {
    absl::string_view point = text.substr(0, CodePointLength(text));
    text.remove_prefix(point.size());
    if (BreaksLine(point)) point = " ";
    if (point == " " && (points.empty() || points.back() == " ")) continue;
    points.push_back(point);
  }
  while (!points.empty() && points.back() == " ") points.pop_back();
  const bool cut = points.size() > max;
  if (cut) points.resize(max > 3 ? max - 3 : 0);
  std::string line;
  for (const absl::string_view point : points) line.append(point.data(), point.size());
  if (cut) line += "...";
  return line;
}

std::string PrintableAscii(absl::string_view text, size_t max) {
  text = absl::StripAsciiWhitespace(text);
  std::string line(text.substr(0, max));
  for (char& c : line) {
    if (c == '\t' || c == '\r' || c == '\n') c = ' ';
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return line;
}

std::string SafeId(absl::string_view id) {
  std::string safe(id);
  for (char& c : safe) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-')
      c = '.';
  }
  return safe;
}

}  // namespace watchbell::notifications
