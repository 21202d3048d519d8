#include "services/sla/ticket_pages.h"

#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rpc/page_token.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {
namespace {

// Tickets of the tenant after this id, and whether there are more.
absl::StatusOr<std::pair<std::vector<db::Row>, bool>> ReadTickets(db::Database& database,
                                                                  const std::string& tenant,
                                                                  const std::string& after,
                                                                  int limit) {
  ASSIGN_OR_RETURN(std::vector<db::Row> rows,
                   database.Read("SELECT id, body FROM entities WHERE class = $1 AND tenant = $2 "
                                 "AND id > $3 ORDER BY id LIMIT $4",
                                 {int64_t{kTicketClass}, tenant, after, int64_t{limit} + 1}));
  const bool more = static_cast<int>(rows.size()) > limit;
  if (more) rows.pop_back();
  return std::make_pair(std::move(rows), more);
}

}  // namespace

absl::StatusOr<std::string> ReadTicketPage(
    db::Database& database, const std::string& tenant, const google::protobuf::Message& request,
    const std::string& page_token, int at_once,
    const std::function<absl::StatusOr<bool>(const std::string& body)>& take) {
  const std::string binding = rpc::QueryBinding(tenant, request);
  std::string after;
  if (!page_token.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> cursor,
                     rpc::ReadPageToken(page_token, binding, 1));
    after = cursor[0];
  }
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const auto read, ReadTickets(database, tenant, after, at_once));
    more = read.second;
    for (size_t i = 0; i < read.first.size(); ++i) {
      const db::Row& row = read.first[i];
      ASSIGN_OR_RETURN(const bool room, take(db::AsBytes(row[1])));
      after = db::AsText(row[0]);
      const bool last = !more && i + 1 == read.first.size();
      if (!room && !last) return rpc::MakePageToken(binding, {after});
    }
  }
  return std::string();
}

}  // namespace watchbell::sla
