#include "services/tickets/ticket_history.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/bus/event_registry.h"
#include "common/rpc/page_token.h"
#include "google/protobuf/util/json_util.h"
#include "services/tickets/ticket.h"
#include "services/tickets/tickets_entities.h"
#include "services/tickets/tickets_store.h"

namespace watchbell::tickets {
namespace {

constexpr int kNormalPage = 100;
constexpr int kMostPage = 500;
constexpr size_t kFullPage =
    2 << 20;  // bytes: most clients take 4 MiB at once, an entry is far less

absl::StatusOr<google::protobuf::Struct> DetailOf(const journal::JournalRow& row) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const google::protobuf::Message> event,
                   bus::DecodeEvent(row.type, row.payload));
  const std::unique_ptr<google::protobuf::Message> own(event->New());
  own->CopyFrom(*event);
  if (const auto* facts = own->GetDescriptor()->FindFieldByName("ticket"); facts != nullptr) {
    own->GetReflection()->ClearField(own.get(), facts);
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  google::protobuf::Struct detail;
  if (!google::protobuf::util::MessageToJsonString(*own, &json, options).ok() ||
      !google::protobuf::util::JsonStringToMessage(json, &detail).ok()) {
    return absl::DataLossError(absl::StrCat("event ", row.event_id, " cannot be shown"));
  }
  return detail;
}

// The trace id of a W3C traceparent.
std::string TraceId(const std::string& traceparent) {
  const std::vector<std::string> parts = absl::StrSplit(traceparent, '-');
  return parts.size() == 4 && parts[1].size() == 32 ? parts[1] : "";
}

}  // namespace

absl::StatusOr<v1::HistoryEntry> MakeHistoryEntry(const journal::JournalRow& row) {
  v1::HistoryEntry entry;
  ASSIGN_OR_RETURN(*entry.mutable_detail(), DetailOf(row));
  entry.set_version(row.version);
  entry.set_type(row.type);
  *entry.mutable_occurred_at() = ToProto(row.occurred_at);
  *entry.mutable_recorded_at() = ToProto(row.recorded_at);
  entry.set_actor(row.actor);
  entry.set_event_id(row.event_id);
  entry.set_trace_id(TraceId(row.traceparent));
  if (row.source_recorded_at.has_value()) {
    *entry.mutable_source_recorded_at() = ToProto(*row.source_recorded_at);
  }
  return entry;
}

absl::StatusOr<v1::ListTicketHistoryResponse> ListTicketHistory(
    db::Database& database, const journal::Reader& journal, const std::string& tenant,
    const v1::ListTicketHistoryRequest& request) {
  ASSIGN_OR_RETURN(const v1::Ticket ticket, GetTicket(database, tenant, request.name()));
  const std::string binding = rpc::QueryBinding(tenant, request);
  int64_t after = 0;
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                     rpc::ReadPageToken(request.page_token(), binding, 1));
    if (!absl::SimpleAtoi(parts[0], &after)) {
      return InvalidField("page_token", "is no token of ours");
    }
  }
  const int size = rpc::PageSize(request.page_size(), kNormalPage, kMostPage);
  ASSIGN_OR_RETURN(const std::vector<journal::JournalRow> rows,
                   journal.Stream(kTicketAggregate, tenant, ticket.ticket_id(), after, size + 1));
  v1::ListTicketHistoryResponse response;
  const size_t most = std::min(rows.size(), static_cast<size_t>(size));
  size_t taken = 0;
  for (size_t bytes = 0; taken < most && bytes < kFullPage; ++taken) {
    ASSIGN_OR_RETURN(v1::HistoryEntry entry, MakeHistoryEntry(rows[taken]));
    bytes += entry.ByteSizeLong();
    *response.add_entries() = std::move(entry);
  }
  if (rows.size() > taken) {
    response.set_next_page_token(
        rpc::MakePageToken(binding, {absl::StrCat(rows[taken - 1].version)}));
  }
  return response;
}

}  // namespace watchbell::tickets
