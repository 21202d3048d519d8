#include "common/rpc/admission.h"

#include <grpc/support/time.h>

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/rpc/validate.h"
#include "common/telemetry/trace.h"

namespace watchbell::rpc {
namespace {

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

Metadata CopyMetadata(const grpc::CallbackServerContext& call) {
  Metadata metadata;
  for (const auto& [name, value] : call.client_metadata()) {
    metadata.emplace(View(name), View(value));
  }
  return metadata;
}

// The caller's, if it sent a single valid one.
std::string TraceparentOf(const Metadata& metadata, IdSource& ids) {
  if (metadata.count("traceparent") == 1) {
    const std::string& given = metadata.find("traceparent")->second;
    if (telemetry::IsTraceparent(given)) return given;
  }
  return telemetry::NewTraceparent(ids);
}

// Seconds left as gRPC counts them, laid onto our own clock. A unary call without a deadline gets
// the default one; a stream may stay open.
absl::Time DeadlineOf(const Shared& shared, const grpc::CallbackServerContext& call,
                      const Method& method, absl::Time now) {
  const gpr_timespec deadline = call.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) != 0) {
    const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
    return now + absl::Seconds(left.tv_sec) + absl::Nanoseconds(left.tv_nsec);
  }
  return method.kind == Method::Kind::kWatch ? absl::InfiniteFuture()
                                             : now + shared.options.default_deadline;
}

// A UUID is the same in capitals: what is compared and remembered is its small form.
void LowerRequestId(google::protobuf::Message& message) {
  const auto* field = RequestIdField(*message.GetDescriptor());
  if (field == nullptr) return;
  std::string id = message.GetReflection()->GetString(message, field);
  if (id.empty()) return;
  absl::AsciiStrToLower(&id);
  message.GetReflection()->SetString(&message, field, std::move(id));
}

// Of a path that is faulted already nothing more is said.
absl::Status WithMore(const absl::Status& refused, std::vector<FieldViolation> more) {
  std::vector<FieldViolation> faults = FieldViolations(refused);
  std::set<std::string> said;
  for (const FieldViolation& fault : faults) said.insert(fault.field);
  for (FieldViolation& fault : more) {
    if (said.count(fault.field) == 0) faults.push_back(std::move(fault));
  }
  return InvalidFields(std::move(faults));
}

absl::Status Parse(const Method& method, const grpc::ByteBuffer& bytes, MessagePtr* request) {
  const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(
      method.descriptor->input_type());
  std::shared_ptr<google::protobuf::Message> message(prototype->New());
  RETURN_IF_ERROR(CheckCame(bytes));
  grpc::Slice slice;
  if (!bytes.TrySingleSlice(&slice).ok() && !bytes.DumpToSingleSlice(&slice).ok()) {
    return WithReason(absl::StatusCode::kInvalidArgument, "MALFORMED_REQUEST",
                      "the request cannot be read");
  }
  const absl::string_view view(reinterpret_cast<const char*>(slice.begin()), slice.size());
  RETURN_IF_ERROR(ParseRequest(view, message.get()));
  if (const absl::Status sound = Validate(*message); !sound.ok()) {
    return method.more_faults ? WithMore(sound, method.more_faults(*message)) : sound;
  }
  LowerRequestId(*message);
  *request = std::move(message);
  return absl::OkStatus();
}

// gRPC libraries say in a header that a call was tried before. What became of the first try nobody
// knows here; only a request id tells whether it was done.
absl::Status CheckRepeatable(const Method& method, const Metadata& metadata,
                             const google::protobuf::Message& request) {
  if (!method.needs_request_id_again || metadata.count("grpc-previous-rpc-attempts") == 0 ||
      !RequestIdOf(request).empty()) {
    return absl::OkStatus();
  }
  return WithReason(absl::StatusCode::kFailedPrecondition, "RETRY_WITHOUT_REQUEST_ID",
                    absl::StrCat(method.descriptor->name(),
                                 " was tried before without a request_id, and may have been done: "
                                 "look, and give a request_id to what may be tried again"));
}

}  // namespace

absl::Status CheckCame(const grpc::ByteBuffer& bytes) {
  if (bytes.Valid()) return absl::OkStatus();
  return absl::CancelledError("the call ended before its request was read");
}

absl::Status Admit(const Shared& shared, const grpc::CallbackServerContext& call,
                   const Method& method, const grpc::ByteBuffer& bytes, CallContext* context,
                   MessagePtr* request) {
  context->received_at = shared.clock.Now();
  context->metadata = CopyMetadata(call);
  const Metadata& metadata = context->metadata;
  context->traceparent = TraceparentOf(metadata, shared.ids);
  ASSIGN_OR_RETURN(context->identity, shared.identity.Identify(metadata));
  if (!method.role.empty() && !context->identity.Has(method.role)) {
    return NotAllowed(
        absl::StrCat(method.descriptor->name(), " needs the role \"", method.role, "\""));
  }
  RETURN_IF_ERROR(Parse(method, bytes, request));
  RETURN_IF_ERROR(CheckRepeatable(method, metadata, **request));
  context->deadline = DeadlineOf(shared, call, method, context->received_at);
  if (context->deadline <= context->received_at) {
    return WithReason(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                      "the deadline had passed before the call was begun; nothing was done");
  }
  return absl::OkStatus();
}

void Report(const Shared& shared, const std::string& name, const CallContext& context,
            const absl::Status& status) {
  if (shared.options.on_call == nullptr) return;
  CallReport report;
  report.method = name;
  report.code = static_cast<int>(status.code());
  report.message = std::string(status.message());
  report.traceparent = context.traceparent;
  report.tenant = context.identity.tenant;
  report.took = shared.clock.Now() - context.received_at;
  shared.options.on_call(report);
}

void Report(const Shared& shared, const Method& method, const CallContext& context,
            const absl::Status& status) {
  Report(shared,
         absl::StrCat(method.descriptor->service()->full_name(), "/", method.descriptor->name()),
         context, status);
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace watchbell::rpc
