#include "services/watchbell/rpc_names.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/text.h"
#include "watchbell/admin/v1/admin_service.pb.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::cli {

using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::vector<const ServiceDescriptor*> KnownServices() {
  std::vector<const ServiceDescriptor*> services;
  for (const google::protobuf::Descriptor* message :
       {tickets::v1::CreateTicketRequest::descriptor(), sla::v1::PutCalendarRequest::descriptor(),
        escalation::v1::ListRunsRequest::descriptor(),
        notifications::v1::PutContactRequest::descriptor(),
        analytics::v1::GetDeskSummaryRequest::descriptor(),
        admin::v1::ListDeadLettersRequest::descriptor()}) {
    const google::protobuf::FileDescriptor* file = message->file();
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i));
  }
  return services;
}

absl::StatusOr<const ServiceDescriptor*> FindService(const std::string& name) {
  std::vector<const ServiceDescriptor*> fitting;
  std::vector<std::string> names;
  for (const ServiceDescriptor* service : KnownServices()) {
    const std::string& full = service->full_name();
    if (full == name || absl::EndsWith(full, absl::StrCat(".", name))) fitting.push_back(service);
    names.push_back(service->name());
  }
  if (fitting.size() == 1) return fitting[0];
  if (fitting.empty()) {
    const std::string near = Nearest(name.substr(name.rfind('.') + 1), names);
    return absl::NotFoundError(
        absl::StrCat("there is no service \"", name, "\"",
                     near.empty() ? "" : absl::StrCat(", did you mean ", near, "?")));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" could be ",
                   absl::StrJoin(fitting, " or ", [](std::string* out, const ServiceDescriptor* s) {
                     absl::StrAppend(out, s->full_name());
                   })));
}

absl::StatusOr<const MethodDescriptor*> FindMethod(const std::string& name) {
  size_t split = name.rfind('/');
  if (split == std::string::npos) split = name.rfind('.');
  if (split == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name,
                     "\" is not of the form SERVICE/METHOD; `watchbell call` alone lists "
                     "them all"));
  }
  ASSIGN_OR_RETURN(const ServiceDescriptor* service, FindService(name.substr(0, split)));
  const std::string method_name = name.substr(split + 1);
  std::vector<std::string> names;
  for (int i = 0; i < service->method_count(); ++i) {
    if (service->method(i)->name() == method_name) return service->method(i);
    names.push_back(service->method(i)->name());
  }
  const std::string near = Nearest(method_name, names);
  return absl::NotFoundError(
      absl::StrCat(service->name(), " has no method \"", method_name, "\"",
                   near.empty() ? "" : absl::StrCat(", did you mean ", near, "?")));
}

std::string HelpOf(const MethodDescriptor& method) {
  const std::string& path = method.file()->name();
  const std::vector<absl::string_view> lines =
      absl::StrSplit(Embedded(path.substr(path.rfind('/') + 1)), '\n');
  const std::string service = absl::StrCat("service ", method.service()->name(), " ");
  const std::string rpc = absl::StrCat("rpc ", method.name(), "(");
  bool inside = false;
  std::string comment;
  for (const absl::string_view raw : lines) {
    absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (absl::StartsWith(line, "service ")) inside = absl::StartsWith(line, service);
    if (absl::ConsumePrefix(&line, "//")) {
      absl::StrAppend(&comment, comment.empty() ? "" : " ", absl::StripAsciiWhitespace(line));
    } else if (inside && absl::StartsWith(line, rpc)) {
      return std::string(absl::StripSuffix(comment.substr(0, comment.find(". ")), "."));
    } else {
      comment.clear();
    }
  }
  return "";
}

}  // namespace watchbell::cli
