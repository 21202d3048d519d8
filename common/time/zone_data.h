// The zone data (IANA tzdata) this process counts with.
#pragma once

#include <string>

namespace watchbell {

// Its version, for example "2025b", as the first line of tzdata.zi beside the zones says it: in
// $TZDIR, else where Debian has it. "unknown" if that cannot be read. Read once per process.
const std::string& ZoneDataVersion();

// The same of one folder.
std::string ZoneDataVersionIn(const std::string& folder);

}  // namespace watchbell
