#include "common/rpc/library_logs.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include "common/telemetry/log.h"
#include "google/protobuf/stubs/logging.h"

namespace watchbell::rpc {
namespace {

using telemetry::Level;

void FromGrpcLibrary(gpr_log_func_args* args) {
  const Level level = args->severity == GPR_LOG_SEVERITY_ERROR  ? Level::kWarning
                      : args->severity == GPR_LOG_SEVERITY_INFO ? Level::kInfo
                                                                : Level::kDebug;
  telemetry::Log(level, args->message, {{"library", "grpc"}});
}

void FromProtobuf(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  // Its errors are about requests that cannot be parsed: the caller's fault, and answered as such.
  telemetry::Log(level == google::protobuf::LOGLEVEL_FATAL ? Level::kError : Level::kDebug, message,
                 {{"library", "protobuf"}});
}

}  // namespace

void RouteLibraryLogs() {
  gpr_set_log_function(FromGrpcLibrary);
  google::protobuf::SetLogHandler(FromProtobuf);
}

std::string GrpcVersion() { return grpc::Version(); }

}  // namespace watchbell::rpc
