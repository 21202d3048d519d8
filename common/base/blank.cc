#include "common/base/blank.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace watchbell {
namespace {

// What Unicode calls white space beyond ASCII, and the characters that show nothing at all.
constexpr absl::string_view kInvisible[] = {
    "\u0085", "\u00A0", "\u00AD", "\u115F", "\u1160", "\u1680", "\u180E", "\u2000", "\u2001",
    "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A",
    "\u200B", "\u200C", "\u200D", "\u200E", "\u200F", "\u2028", "\u2029", "\u202F", "\u205F",
    "\u2060", "\u2800", "\u3000", "\u3164", "\uFEFF", "\uFFA0"};

}  // namespace

bool IsBlank(absl::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    if (absl::ascii_isspace(first) || absl::ascii_iscntrl(first)) {
      text.remove_prefix(1);
      continue;
    }
    const auto* const found =
        std::find_if(std::begin(kInvisible), std::end(kInvisible),
                     [text](absl::string_view sign) { return absl::StartsWith(text, sign); });
    if (found == std::end(kInvisible)) return false;
    text.remove_prefix(found->size());
  }
  return true;
}

}  // namespace watchbell
