// What this build is.
#pragma once

#include <string>

namespace watchbell::runtime {

// "0.1.0"
std::string Version();
// One JSON object: version, compiler, gRPC and SQLite versions.
std::string VersionJson();

}  // namespace watchbell::runtime
