#include "services/sla/at_risk_watch.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/sla/at_risk.h"

namespace watchbell::sla {
namespace {

// The list without what time alone changes.
std::string Lasting(v1::WatchAtRiskResponse list) {
  list.clear_as_of();
  for (v1::AtRiskClock& clock : *list.mutable_clocks()) clock.clear_time_left();
  return list.SerializeAsString();
}

class AtRiskWatch : public rpc::WatchSource {
 public:
  AtRiskWatch(db::Database& database, CalendarCache& calendars, Clock& clock, std::string tenant,
              const v1::WatchAtRiskRequest& request)
      : database_(database),
        calendars_(calendars),
        clock_(clock),
        tenant_(std::move(tenant)),
        request_(request) {}

  absl::StatusOr<std::vector<rpc::MessagePtr>> Next(int) override {
    ASSIGN_OR_RETURN(const ListPtr list, Now());
    if (sent_ != nullptr && Lasting(*sent_) == Lasting(*list)) {
      return std::vector<rpc::MessagePtr>();
    }
    sent_ = list;
    return std::vector<rpc::MessagePtr>{list};
  }

  // If the list cannot be read now, the one sent last says by its as_of how old it is.
  rpc::MessagePtr Bookmark() override {
    const absl::StatusOr<ListPtr> list = Now();
    if (list.ok()) sent_ = *list;
    return sent_ == nullptr ? std::make_shared<v1::WatchAtRiskResponse>() : sent_;
  }

 private:
  using ListPtr = std::shared_ptr<const v1::WatchAtRiskResponse>;

  absl::StatusOr<ListPtr> Now() {
    const absl::Time now = clock_.Now();
    TimesLeft times(database_, calendars_, tenant_, absl::ToUnixMicros(now));
    ASSIGN_OR_RETURN(const std::vector<AtRiskPlace> places,
                     ReadAtRisk(database_, tenant_, request_.filter(), std::nullopt,
                                AtRiskPageSize(request_.limit()), times));
    ASSIGN_OR_RETURN(std::vector<v1::AtRiskClock> clocks,
                     ShowAtRisk(database_, tenant_, request_.filter(), places, times));
    auto list = std::make_shared<v1::WatchAtRiskResponse>();
    *list->mutable_as_of() = ToProto(now);
    for (v1::AtRiskClock& clock : clocks) *list->add_clocks() = std::move(clock);
    return ListPtr(std::move(list));
  }

  db::Database& database_;
  CalendarCache& calendars_;
  Clock& clock_;
  const std::string tenant_;
  const v1::WatchAtRiskRequest request_;
  ListPtr sent_;  // last; null at first
};

}  // namespace

absl::StatusOr<std::unique_ptr<rpc::WatchSource>> WatchAtRisk(
    db::Database& database, CalendarCache& calendars, Clock& clock, const std::string& tenant,
    const v1::WatchAtRiskRequest& request) {
  RETURN_IF_ERROR(CheckAtRiskFilter(request.filter()));
  return std::unique_ptr<rpc::WatchSource>(
      std::make_unique<AtRiskWatch>(database, calendars, clock, tenant, request));
}

}  // namespace watchbell::sla
