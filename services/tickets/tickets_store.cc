#include "services/tickets/tickets_store.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/rpc/page_token.h"
#include "common/runtime/service_core.h"
#include "services/tickets/ticket.h"
#include "services/tickets/ticket_editor.h"
#include "services/tickets/tickets_entities.h"

namespace watchbell::tickets {
namespace {

using db::ColumnType;
using state::v1::TicketState;

constexpr int kNormalPage = 50;
constexpr int kMostPage = 500;

absl::StatusOr<std::optional<ListCursor>> ReadCursor(const v1::ListTicketsRequest& request,
                                                     const std::string& binding) {
  if (request.page_token().empty()) return std::optional<ListCursor>();
  ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                   rpc::ReadPageToken(request.page_token(), binding, 2));
  ListCursor cursor;
  if (!absl::SimpleAtoi(parts[0], &cursor.opened_at)) {
    return InvalidField("page_token", "is no token of ours");
  }
  cursor.ticket_id = parts[1];
  return std::optional<ListCursor>(std::move(cursor));
}

}  // namespace

const db::Table& TicketIndexTable() {
  static const db::Table* const table = new db::Table{"ticket_index",
                                                      {{"tenant", ColumnType::kText},
                                                       {"ticket_id", ColumnType::kText},
                                                       {"opened_at", ColumnType::kInt},
                                                       {"state", ColumnType::kInt},
                                                       {"priority", ColumnType::kInt},
                                                       {"assignment_group", ColumnType::kText},
                                                       {"assignee", ColumnType::kText},
                                                       {"requester", ColumnType::kText},
                                                       {"site", ColumnType::kText},
                                                       {"category", ColumnType::kText},
                                                       {"import_source", ColumnType::kText},
                                                       {"external_id", ColumnType::kText}},
                                                      2};
  return *table;
}

db::Row TicketIndexRow(const std::string& tenant, const TicketState& state) {
  const v1::Ticket& ticket = state.ticket();
  return {tenant,
          ticket.ticket_id(),
          absl::ToUnixMicros(FromProto(ticket.opened_at())),
          int64_t{ticket.state()},
          int64_t{ticket.priority()},
          ticket.group(),
          ticket.assignee(),
          ticket.requester(),
          ticket.site(),
          ticket.classification().category(),
          ticket.import().source(),
          ticket.import().external_id()};
}

db::Statement MakeListQuery(const std::string& tenant, const v1::ListTicketsRequest& request,
                            const ListCursor* after, int limit) {
  db::Statement query;
  const auto and_equal = [&query](const char* column, const std::string& value) {
    if (!value.empty()) absl::StrAppend(&query.sql, " AND ", column, " = ", query.Param(value));
  };
  query.sql = "SELECT ticket_id, opened_at FROM ticket_index WHERE tenant = ";
  query.sql += query.Param(tenant);
  query.AndAnyOf("state", request.states());
  query.AndAnyOf("priority", request.priorities());
  and_equal("assignment_group", request.group());
  and_equal("assignee", request.assignee());
  and_equal("requester", request.requester());
  and_equal("site", request.site());
  and_equal("category", request.category());
  and_equal("import_source", request.import_source());
  and_equal("external_id", request.external_id());
  if (after != nullptr) {
    const std::string opened_at = query.Param(after->opened_at);
    const std::string ticket_id = query.Param(after->ticket_id);
    absl::StrAppend(&query.sql, " AND (opened_at, ticket_id) < (", opened_at, ", ", ticket_id, ")");
  }
  absl::StrAppend(&query.sql, " ORDER BY opened_at DESC, ticket_id DESC LIMIT ",
                  query.Param(int64_t{limit}));
  return query;
}

absl::StatusOr<v1::ListTicketsResponse> ListTickets(db::Database& database,
                                                    const std::string& tenant,
                                                    const v1::ListTicketsRequest& request) {
  if (!request.external_id().empty() && request.import_source().empty()) {
    return InvalidField("import_source", "is required with external_id");
  }
  const std::string binding = rpc::QueryBinding(tenant, request);
  ASSIGN_OR_RETURN(const std::optional<ListCursor> after, ReadCursor(request, binding));
  const int size = rpc::PageSize(request.page_size(), kNormalPage, kMostPage);
  // One row more than the page tells whether there is another.
  const db::Statement query =
      MakeListQuery(tenant, request, after.has_value() ? &*after : nullptr, size + 1);
  ASSIGN_OR_RETURN(const std::vector<db::Row> rows, database.Read(query.sql, query.params));
  v1::ListTicketsResponse response;
  for (int i = 0; i < size && i < static_cast<int>(rows.size()); ++i) {
    ASSIGN_OR_RETURN(
        const std::unique_ptr<TicketState> state,
        runtime::ReadEntity<TicketState>(database, kTicketClass, tenant, db::AsText(rows[i][0])));
    if (state != nullptr) *response.add_tickets() = std::move(*state->mutable_ticket());
  }
  if (static_cast<int>(rows.size()) > size) {
    const db::Row& last = rows[size - 1];
    response.set_next_page_token(
        rpc::MakePageToken(binding, {absl::StrCat(db::AsInt(last[1])), db::AsText(last[0])}));
  }
  return response;
}

absl::StatusOr<v1::Ticket> GetTicket(db::Database& database, const std::string& tenant,
                                     const std::string& name) {
  ASSIGN_OR_RETURN(const std::string id, ParseTicketName(name));
  ASSIGN_OR_RETURN(const std::unique_ptr<TicketState> state,
                   runtime::ReadEntity<TicketState>(database, kTicketClass, tenant, id));
  if (state == nullptr) return NotFound(name);
  return WithDescription(*state);
}

}  // namespace watchbell::tickets
