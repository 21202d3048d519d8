#include "common/time/zone_data.h"

#include <cstdlib>
#include <fstream>

#include "absl/strings/strip.h"

namespace watchbell {

std::string ZoneDataVersionIn(const std::string& folder) {
  std::ifstream file(folder + "/tzdata.zi");
  std::string line;
  std::getline(file, line);
  absl::string_view version = line;
  if (!absl::ConsumePrefix(&version, "# version ") || version.empty()) return "unknown";
  return std::string(version);
}

const std::string& ZoneDataVersion() {
  static const auto* const version = [] {
    const char* folder = std::getenv("TZDIR");
    return new std::string(ZoneDataVersionIn(folder == nullptr ? "/usr/share/zoneinfo" : folder));
  }();
  return *version;
}

}  // namespace watchbell
