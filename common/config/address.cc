#include "common/config/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace watchbell::config {
namespace {

constexpr int kMostPort = 65535;

bool IsIpv4(const std::string& text) {
  in_addr ignored = {};
  return inet_pton(AF_INET, text.c_str(), &ignored) == 1;
}

// With a zone or without.
bool IsIpv6(absl::string_view text) {
  in6_addr ignored = {};
  const std::string address(text.substr(0, text.find('%')));
  return inet_pton(AF_INET6, address.c_str(), &ignored) == 1;
}

bool IsName(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
  });
}

std::optional<int> ParsePort(absl::string_view text, int least) {
  // More than digits would be taken for a number, too.
  if (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) return {};
  int port = 0;
  if (!absl::SimpleAtoi(text, &port) || port < least || port > kMostPort) return {};
  return port;
}

std::optional<HostPort> Parse(absl::string_view text, int least_port) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return {};
  const std::optional<int> port = ParsePort(text.substr(colon + 1), least_port);
  if (!port.has_value()) return {};
  absl::string_view host = text.substr(0, colon);
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  if (!(bracketed ? IsIpv6(host) : IsName(host))) return {};
  return HostPort{std::string(host), *port};
}

bool AreOfFamily(absl::string_view list, bool six) {
  for (const absl::string_view part : absl::StrSplit(list, ',')) {
    const std::optional<HostPort> address = Parse(part, 1);
    if (!address.has_value()) return false;
    if (!(six ? IsIpv6(address->host) : IsIpv4(address->host))) return false;
  }
  return true;
}

bool IsTarget(absl::string_view text) {
  if (absl::ConsumePrefix(&text, "ipv4:")) return AreOfFamily(text, false);
  if (absl::ConsumePrefix(&text, "ipv6:")) return AreOfFamily(text, true);
  absl::ConsumePrefix(&text, "dns:///");
  return Parse(text, 1).has_value();
}

absl::Status MustBe(absl::string_view key, absl::string_view form, absl::string_view given) {
  return absl::InvalidArgumentError(absl::StrCat(key, " must be ", form, ", not \"", given, "\""));
}

}  // namespace

absl::StatusOr<HostPort> ParseListen(absl::string_view key, absl::string_view text) {
  const std::optional<HostPort> address = Parse(text, 0);
  if (address.has_value()) return *address;
  return MustBe(key, "HOST:PORT with a port from 0 to 65535", text);
}

absl::Status CheckAddress(absl::string_view key, absl::string_view text) {
  if (Parse(text, 1).has_value()) return absl::OkStatus();
  return MustBe(key, "HOST:PORT with a port from 1 to 65535", text);
}

absl::Status CheckAddresses(absl::string_view key, absl::string_view text) {
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    if (Parse(absl::StripAsciiWhitespace(part), 1).has_value()) continue;
    return MustBe(key, "HOST:PORT,HOST:PORT with ports from 1 to 65535", text);
  }
  return absl::OkStatus();
}

absl::Status CheckTarget(absl::string_view key, absl::string_view text) {
  if (IsTarget(text)) return absl::OkStatus();
  return MustBe(key, "HOST:PORT, dns:///NAME:PORT or ipv4:ADDRESS:PORT,ADDRESS:PORT", text);
}

}  // namespace watchbell::config
