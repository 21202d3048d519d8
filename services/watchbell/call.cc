#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include <iostream>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/errors.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/clock/clock.h"
#include "services/watchbell/command.h"
#include "services/watchbell/message_json.h"
#include "services/watchbell/rpc_names.h"

namespace watchbell::cli {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

void ListMethods(const ServiceDescriptor& service) {
  std::cout << service.full_name() << "\n";
  for (int i = 0; i < service.method_count(); ++i) {
    std::cout << absl::StrFormat("  %-20s %s\n", service.method(i)->name(),
                                 HelpOf(*service.method(i)));
  }
}

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

absl::StatusOr<std::unique_ptr<Message>> ReadRequest(const MethodDescriptor& method,
                                                     const std::string& json) {
  std::unique_ptr<Message> request = NewMessage(method.input_type());
  RETURN_IF_ERROR(ParseJson(json, request.get()));
  // A repeated call with the same words is meant: only the caller's own id makes it the same.
  const auto* id = method.input_type()->FindFieldByName("request_id");
  if (id != nullptr && request->GetReflection()->GetString(*request, id).empty()) {
    SystemIdSource ids;
    SystemClock clock;
    request->GetReflection()->SetString(request.get(), id, ids.NewUuid(clock.Now()));
  }
  return request;
}

void PrintJson(const Message& message, bool zeros, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = zeros;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!printed.ok())
    json = absl::StrCat("(cannot be shown as JSON: ", std::string(printed.message()), ")");
  std::cout << json << (pretty ? "" : "\n") << std::flush;
}

absl::Status CallMethod(const MethodDescriptor& method, const config::Config& options,
                        const Message& request) {
  const std::unique_ptr<Message> response = NewMessage(method.output_type());
  const std::unique_ptr<rpc::Client> client = rpc::Connect(options.Get("target"));
  const std::string name = absl::StrCat(method.service()->full_name(), "/", method.name());
  const absl::Duration unless_told =
      method.server_streaming() ? absl::InfiniteDuration() : rpc::CallOptions().timeout;
  const bool zeros = options.Get("zeros") == "true";
  rpc::CallOptions call = ClientOptions(options, unless_told);
  for (const char* part : {"subject", "roles"}) {
    if (options.IsGiven(part))
      call.metadata[absl::StrCat("x-watchbell-", part)] = options.Get(part);
  }
  if (method.server_streaming()) {
    return client->Stream(name, request, response.get(), call, [&] {
      PrintJson(*response, zeros, false);
      return true;
    });
  }
  RETURN_IF_ERROR(client->Call(name, request, response.get(), call));
  PrintJson(*response, zeros, true);
  return absl::OkStatus();
}

}  // namespace

int Call(const Arguments& arguments) {
  std::vector<config::Key> keys = ClientKeys();
  keys.push_back({"subject", "", "who calls; empty = as the server takes it"});
  keys.push_back(
      {"roles", "", "their roles, separated by commas; not given = as the server takes it"});
  keys.push_back({"zeros", "false", "print fields that are zero or empty, too"});
  const absl::StatusOr<config::Config> options = LoadOptions(keys, arguments);
  if (!options.ok()) return Misused(options.status());
  const std::vector<std::string>& words = options->rest();
  if (words.empty()) {
    for (const ServiceDescriptor* service : KnownServices()) ListMethods(*service);
    return 0;
  }
  if (words.size() > 2) return WrongUse("call", "one method and one JSON; quote the JSON");
  if (words.size() == 1) {
    if (const auto service = FindService(words[0]); service.ok()) {
      ListMethods(**service);
      return 0;
    }
  }
  const auto method = FindMethod(words[0]);
  if (!method.ok()) return Misused(method.status());
  std::string json = words.size() == 2 ? words[1] : "{}";
  if (json == "-") json.assign(std::istreambuf_iterator<char>(std::cin), {});
  const auto request = ReadRequest(**method, json);
  if (!request.ok()) {
    const int status = Misused(request.status());
    // Where the error names no place: what the whole may hold.
    if (WhatFits(request.status()).empty()) std::cerr << FieldsOf(*(*method)->input_type());
    return status;
  }
  const absl::Status called = CallMethod(**method, *options, **request);
  return called.ok() ? 0 : Fail(called, false);  // it was told when the waiting began
}

}  // namespace watchbell::cli
