#include "services/notifications/contact.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/message_differencer.h"

namespace watchbell::notifications {
namespace {

constexpr size_t kMailAddressMax = 254;  // RFC 5321, 4.5.3.1.3 less the angle brackets
constexpr size_t kLocalPartMax = 64;

bool IsVisibleAscii(char c) { return c > 0x20 && c < 0x7f; }

bool IsLocalChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != absl::string_view::npos;
}

bool IsHostChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
}

bool HasDotTrouble(absl::string_view text) {
  return text.empty() || text.front() == '.' || text.back() == '.' || absl::StrContains(text, "..");
}

// host, host:port, [ipv6] or [ipv6]:port.
bool IsAuthority(absl::string_view text) {
  absl::string_view port;
  if (absl::ConsumePrefix(&text, "[")) {
    const size_t close = text.find(']');
    if (close == absl::string_view::npos || close == 0) return false;
    const absl::string_view address = text.substr(0, close);
    if (!std::all_of(address.begin(), address.end(), [](char c) {
          return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' || c == '.';
        })) {
      return false;
    }
    port = text.substr(close + 1);
  } else {
    const size_t colon = text.find(':');
    const absl::string_view host = text.substr(0, colon);
    if (HasDotTrouble(host) || !std::all_of(host.begin(), host.end(), IsHostChar)) return false;
    port = colon == absl::string_view::npos ? absl::string_view() : text.substr(colon);
  }
  if (port.empty()) return true;
  if (!absl::ConsumePrefix(&port, ":") || port.empty() || port.size() > 5) return false;
  return std::all_of(port.begin(), port.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

}  // namespace

bool IsMailAddress(absl::string_view text) {
  const size_t at = text.find('@');
  if (text.size() > kMailAddressMax || at == absl::string_view::npos || at > kLocalPartMax)
    return false;
  const absl::string_view local = text.substr(0, at);
  const absl::string_view domain = text.substr(at + 1);
  if (HasDotTrouble(local) || HasDotTrouble(domain)) return false;
  return std::all_of(local.begin(), local.end(), IsLocalChar) &&
         std::all_of(domain.begin(), domain.end(), IsHostChar);
}

bool IsWebAddress(absl::string_view text) {
  if (!std::all_of(text.begin(), text.end(), IsVisibleAscii)) return false;
  if (!absl::ConsumePrefix(&text, "https://") && !absl::ConsumePrefix(&text, "http://"))
    return false;
  return IsAuthority(text.substr(0, text.find_first_of("/?#")));
}

std::vector<FieldViolation> CheckContact(const v1::Contact& contact) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < contact.points_size(); ++i) {
    const v1::ContactPoint& point = contact.points(i);
    const std::string path = absl::StrCat("contact.points[", i, "]");
    switch (point.medium()) {
      case v1::MEDIUM_EMAIL:
        if (!IsMailAddress(point.address())) {
          violations.push_back({absl::StrCat(path, ".address"),
                                "must be one plain mail address, local@domain (an international "
                                "domain in its xn-- form)"});
        }
        break;
      case v1::MEDIUM_WEBHOOK:
        if (!IsWebAddress(point.address())) {
          violations.push_back(
              {absl::StrCat(path, ".address"),
               "must be an absolute http:// or https:// address without user name or spaces"});
        }
        break;
      default:
        violations.push_back(
            {absl::StrCat(path, ".medium"), "must be MEDIUM_EMAIL or MEDIUM_WEBHOOK"});
    }
    for (int j = 0; j < i; ++j) {
      if (point.medium() == contact.points(j).medium() &&
          point.address() == contact.points(j).address()) {
        violations.push_back({absl::StrCat(path, ".address"),
                              absl::StrCat("is the same as contact.points[", j, "]")});
        break;
      }
    }
  }
  if (contact.points().empty()) violations.push_back({"contact.points", "at least one is needed"});
  return violations;
}

bool SameContact(const v1::Contact& a, const v1::Contact& b) {
  v1::Contact left = a;
  v1::Contact right = b;
  left.clear_version();
  right.clear_version();
  return google::protobuf::util::MessageDifferencer::Equals(left, right);
}

}  // namespace watchbell::notifications
