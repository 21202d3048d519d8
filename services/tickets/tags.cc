#include "services/tickets/tags.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/blank.h"
#include "common/base/errors.h"

namespace watchbell::tickets {
namespace {

// Of ASCII, and beyond it U+0080 to U+009F and Unicode's line and paragraph separators.
bool HoldsControl(absl::string_view text) {
  for (; !text.empty(); text.remove_prefix(1)) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if (absl::ascii_iscntrl(byte)) return true;
    if (byte == 0xC2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xA0) return true;
    if (absl::StartsWith(text, "\u2028") || absl::StartsWith(text, "\u2029")) return true;
  }
  return false;
}

absl::string_view Fault(absl::string_view tag) {
  if (tag.empty()) return "is empty";
  if (HoldsControl(tag)) return "holds a control character or a line break";
  return IsBlank(tag) ? "shows nothing: it holds only blanks" : "";
}

}  // namespace

absl::Status CheckTags(const TagList& given, absl::string_view path) {
  for (int i = 0; i < given.size(); ++i) {
    if (const absl::string_view fault = Fault(given[i]); !fault.empty()) {
      return InvalidField(absl::StrCat(path, "[", i, "]"), fault);
    }
  }
  return absl::OkStatus();
}

TagList Sorted(TagList tags) {
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

std::string TagsText(const TagList& tags) { return absl::StrJoin(tags, "\n"); }

}  // namespace watchbell::tickets
