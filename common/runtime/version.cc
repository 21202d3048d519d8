#include "common/runtime/version.h"

#include <google/protobuf/stubs/common.h>
#include <sqlite3.h>

#include <nlohmann/json.hpp>

#include "common/rpc/library_logs.h"

namespace watchbell::runtime {

std::string Version() { return "0.1.0"; }  // as in CMakeLists.txt: a test compares them

std::string VersionJson() {
  nlohmann::ordered_json version;
  version["version"] = Version();
  version["compiler"] = __VERSION__;
  version["grpc"] = rpc::GrpcVersion();
  version["protobuf"] = google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION);
  version["sqlite"] = sqlite3_libversion();
  return version.dump();
}

}  // namespace watchbell::runtime
