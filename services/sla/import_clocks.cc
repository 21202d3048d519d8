#include "services/sla/import_clocks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rpc/page_token.h"
#include "services/sla/clock_view.h"
#include "services/sla/sla_store.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {
namespace {

constexpr int kNormalPage = 500;  // tickets
constexpr int kMostPage = 1000;
constexpr int kReadAtOnce = 200;  // tickets; what is stored of one is far more than its clocks
constexpr size_t kFullPage = 1'000'000;  // bytes

// Adds the ticket's clocks if it came with this import; returns their bytes.
size_t AddClocks(const state::v1::TicketClocks& stored, const std::string& source,
                 v1::ListImportClocksResponse& response) {
  if (stored.ticket().import().source() != source) return 0;
  size_t bytes = 0;
  for (const state::v1::ClockRecord& record : stored.clocks()) {
    v1::ImportClock& clock = *response.add_clocks();
    clock.set_external_id(stored.ticket().import().external_id());
    clock.set_ticket_id(stored.ticket().ticket_id());
    *clock.mutable_clock() = ToClock(stored, record);
    bytes += clock.ByteSizeLong();
  }
  return bytes;
}

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

absl::StatusOr<v1::ListImportClocksResponse> ListImportClocks(
    db::Database& database, const std::string& tenant, const v1::ListImportClocksRequest& request) {
  const std::string binding = rpc::QueryBinding(tenant, request);
  std::string after;
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> cursor,
                     rpc::ReadPageToken(request.page_token(), binding, 1));
    after = cursor[0];
  }
  v1::ListImportClocksResponse response;
  size_t bytes = 0;
  for (int left = rpc::PageSize(request.page_size(), kNormalPage, kMostPage);;) {
    ASSIGN_OR_RETURN(const auto read,
                     ReadTickets(database, tenant, after, std::min(left, kReadAtOnce)));
    const auto& [rows, more] = read;
    for (size_t i = 0; i < rows.size(); ++i) {
      state::v1::TicketClocks stored;
      if (!stored.ParseFromString(db::AsBytes(rows[i][1]))) {
        return absl::DataLossError("stored state cannot be read");
      }
      bytes += AddClocks(stored, request.source(), response);
      after = db::AsText(rows[i][0]);
      --left;
      const bool last = !more && i + 1 == rows.size();
      if (last || (left > 0 && bytes < kFullPage)) continue;
      response.set_next_page_token(rpc::MakePageToken(binding, {after}));
      return response;
    }
    if (!more) return response;
  }
}

}  // namespace watchbell::sla
