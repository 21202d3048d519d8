#include "services/sla/import_clocks.h"

#include <algorithm>

#include "common/base/status_macros.h"
#include "common/rpc/page_token.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/ticket_pages.h"
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

}  // namespace

absl::StatusOr<v1::ListImportClocksResponse> ListImportClocks(
    db::Database& database, const std::string& tenant, const v1::ListImportClocksRequest& request) {
  v1::ListImportClocksResponse response;
  size_t bytes = 0;
  int left = rpc::PageSize(request.page_size(), kNormalPage, kMostPage);
  const auto take = [&](const std::string& body) -> absl::StatusOr<bool> {
    state::v1::TicketClocks stored;
    if (!stored.ParseFromString(body)) return absl::DataLossError("stored state cannot be read");
    bytes += AddClocks(stored, request.source(), response);
    return --left > 0 && bytes < kFullPage;
  };
  ASSIGN_OR_RETURN(*response.mutable_next_page_token(),
                   ReadTicketPage(database, tenant, request, request.page_token(),
                                  std::min(left, kReadAtOnce), take));
  return response;
}

}  // namespace watchbell::sla
