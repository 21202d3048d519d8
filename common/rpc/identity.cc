#include "common/rpc/identity.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"

namespace watchbell::rpc {
namespace {

constexpr size_t kMaxTenant = 63;
constexpr size_t kMaxSubject = 128;
constexpr size_t kMaxRoles = 16;
constexpr size_t kMaxRole = 40;

absl::Status Malformed(absl::string_view header, absl::string_view why) {
  return WithReason(absl::StatusCode::kUnauthenticated, "IDENTITY_MALFORMED",
                    absl::StrCat(header, " ", why));
}

// The single value of a header, or `otherwise` if it is not there.
absl::StatusOr<std::string> One(const Metadata& metadata, const std::string& header,
                                const std::string& otherwise) {
  const auto [first, last] = metadata.equal_range(header);
  if (first == last) return otherwise;
  if (std::next(first) != last) return Malformed(header, "is given more than once");
  return first->second;
}

bool IsTenant(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxTenant && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

bool IsSubject(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxSubject &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isgraph(c); });
}

bool IsRole(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxRole &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_islower(c) || c == '-' || c == '_'; });
}

class DevelopmentIdentity : public IdentityProvider {
 public:
  absl::StatusOr<engine::Identity> Identify(const Metadata& metadata) const override {
    engine::Identity identity;
    ASSIGN_OR_RETURN(identity.tenant, One(metadata, "x-watchbell-tenant", "default"));
    if (!IsTenant(identity.tenant)) {
      return Malformed("x-watchbell-tenant", "must be 1 to 63 of a-z, 0-9 and '-' inside");
    }
    ASSIGN_OR_RETURN(identity.subject, One(metadata, "x-watchbell-subject", "developer"));
    if (!IsSubject(identity.subject)) {
      return Malformed("x-watchbell-subject", "must be 1 to 128 printable characters");
    }
    ASSIGN_OR_RETURN(const std::string roles,
                     One(metadata, "x-watchbell-roles", "agent,manager,integration,operator"));
    for (const absl::string_view part : absl::StrSplit(roles, ',', absl::SkipWhitespace())) {
      const absl::string_view role = absl::StripAsciiWhitespace(part);
      if (!IsRole(role) || identity.roles.size() >= kMaxRoles) {
        return Malformed("x-watchbell-roles", "must be at most 16 names of a-z, '-' and '_'");
      }
      identity.roles.emplace(role);
    }
    return identity;
  }
};

}  // namespace

std::map<std::string, std::string> ServiceIdentity(const std::string& service) {
  return {{"x-watchbell-subject", service}, {"x-watchbell-roles", "service"}};
}

std::unique_ptr<IdentityProvider> MakeDevelopmentIdentity() {
  return std::make_unique<DevelopmentIdentity>();
}

}  // namespace watchbell::rpc
