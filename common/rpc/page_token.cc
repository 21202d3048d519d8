#include "common/rpc/page_token.h"

#include <algorithm>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/errors.h"
#include "common/base/fingerprint.h"

namespace watchbell::rpc {
namespace {

constexpr char kVersion[] = "2";

void ClearField(const char* name, google::protobuf::Message* message) {
  const auto* field = message->GetDescriptor()->FindFieldByName(name);
  if (field != nullptr) message->GetReflection()->ClearField(message, field);
}

// Against accidents: anybody can compute it.
std::string Checksum(absl::string_view text) {
  return absl::StrCat(absl::Hex(Fnv1a(text), absl::kZeroPad16));
}

// False if it is not that of what stands before.
bool TakeChecksum(std::string& text) {
  const size_t dot = text.rfind('.');
  if (dot == std::string::npos) return false;
  const std::string given = text.substr(dot + 1);
  text.resize(dot);
  return given == Checksum(text);
}

}  // namespace

std::string QueryBinding(absl::string_view tenant, const google::protobuf::Message& request) {
  const std::unique_ptr<google::protobuf::Message> query(request.New());
  query->CopyFrom(request);
  ClearField("page_size", query.get());
  ClearField("page_token", query.get());
  uint64_t hash = Fnv1a(request.GetTypeName());
  hash = Fnv1a(absl::StrCat("/", tenant, "/"), hash);  // no name has a slash
  return absl::StrCat(absl::Hex(FingerprintOf(*query, hash), absl::kZeroPad16));
}

std::string MakePageToken(absl::string_view binding, const std::vector<std::string>& cursor) {
  const std::string text = absl::StrCat(kVersion, ".", binding, ".", absl::StrJoin(cursor, "."));
  return absl::WebSafeBase64Escape(absl::StrCat(text, ".", Checksum(text)));
}

absl::StatusOr<std::vector<std::string>> ReadPageToken(absl::string_view token,
                                                       absl::string_view binding, size_t parts) {
  std::string text;
  // The decoder forgives blanks and bits too many.
  const bool ours = absl::WebSafeBase64Unescape(token, &text) &&
                    absl::WebSafeBase64Escape(text) == token && TakeChecksum(text);
  if (!ours) return InvalidField("page_token", "is no token of ours");
  std::vector<std::string> split = absl::StrSplit(text, '.');
  if (split.size() != parts + 2 || split[0] != kVersion) {
    return InvalidField("page_token", "is no token of ours");
  }
  if (split[1] != binding) return InvalidField("page_token", "belongs to another query");
  split.erase(split.begin(), split.begin() + 2);
  return split;
}

int PageSize(int asked, int normal, int most) {
  return asked <= 0 ? normal : std::min(asked, most);
}

}  // namespace watchbell::rpc
