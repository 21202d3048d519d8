#include "services/sla/what_if_pages.h"

#include <limits>
#include <memory>

#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/rpc/page_token.h"
#include "services/sla/policy_draft.h"
#include "services/sla/ticket_pages.h"
#include "services/sla/what_if.h"

namespace watchbell::sla {
namespace {

constexpr int kNormalPage = 20'000;  // tickets judged
constexpr int kMostPage = 100'000;
constexpr int kReadAtOnce = 500;         // tickets
constexpr size_t kFullPage = 1'000'000;  // bytes
constexpr int kLookAtClock = 100;        // tickets

// Which tickets are asked for.
class Window {
 public:
  explicit Window(const v1::WhatIfRequest& request)
      : from_(request.has_from() ? Micros(request.from()) : std::numeric_limits<int64_t>::min()),
        to_(request.has_to() ? Micros(request.to()) : std::numeric_limits<int64_t>::max()),
        import_source_(request.import_source()) {}

  bool Empty() const { return from_ >= to_; }
  bool Has(const state::v1::TicketLife& life) const {
    return life.opened_at() >= from_ && life.opened_at() < to_ &&
           (import_source_.empty() || SourceOf(life) == import_source_);
  }

 private:
  static std::string SourceOf(const state::v1::TicketLife& life) {
    tickets::v1::Ticket ticket;
    ticket.ParseFromString(life.ticket());
    return ticket.import().source();
  }
  static int64_t Micros(const google::protobuf::Timestamp& time) {
    return absl::ToUnixMicros(FromProto(time));
  }

  const int64_t from_;
  const int64_t to_;
  const std::string& import_source_;
};

Listed ListedBy(const v1::WhatIfRequest& request) {
  if (request.counts_only()) return Listed::kNone;
  return request.all_clocks() ? Listed::kAll : Listed::kOtherVerdict;
}

}  // namespace

absl::StatusOr<v1::WhatIfResponse> AnswerWhatIf(db::Database& database, Clock& clock,
                                                const std::string& tenant,
                                                const v1::WhatIfRequest& request,
                                                absl::Time deadline) {
  const Window window(request);
  if (window.Empty()) return InvalidField("to", "must lie after from");
  const absl::Time began = clock.Now();
  const absl::Time enough = began + (deadline - began) / 2;
  const int64_t now = absl::ToUnixMicros(began);
  ASSIGN_OR_RETURN(const std::unique_ptr<DraftJudge> draft,
                   ReadDraft(database, tenant, request.policy(), "policy", now));
  WhatIf what_if(draft->judge(), ListedBy(request), now);
  const int most = rpc::PageSize(request.page_size(), kNormalPage, kMostPage);
  int64_t read = 0;
  state::v1::TicketLife stored;
  const auto take = [&](const std::string& body) -> absl::StatusOr<bool> {
    if (!stored.ParseFromString(body)) return absl::DataLossError("stored state cannot be read");
    if (window.Has(stored)) what_if.Take(stored);
    const bool in_time = ++read % kLookAtClock != 0 || clock.Now() < enough;
    return in_time && what_if.tickets() < most && what_if.bytes() < kFullPage;
  };
  ASSIGN_OR_RETURN(std::string token, ReadTicketPage(database, tenant, request,
                                                     request.page_token(), kReadAtOnce, take));
  v1::WhatIfResponse response = what_if.Answer();
  response.set_next_page_token(std::move(token));
  return response;
}

}  // namespace watchbell::sla
