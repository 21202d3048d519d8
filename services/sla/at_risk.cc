#include "services/sla/at_risk.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/rpc/page_token.h"
#include "common/time/business_calendar.h"
#include "services/sla/at_risk_index.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/sla_store.h"
#include "services/sla/stored_entities.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;

constexpr int kNormalPage = 50;
constexpr int kMostPage = 500;
// A token is not signed: what it says must not make us compile the hours of a thousand years.
constexpr absl::Duration kOldestToken = absl::Hours(24 * 7);
constexpr absl::Duration kClockSkew = absl::Hours(1);  // of the replica that made it

// From where on a page is read, and at which moment.
struct Cursor {
  int64_t as_of;
  std::optional<AtRiskPlace> after;
};

// False for what overflows a sum or takes long to count, and what no database takes for text.
// `as_of` is near now.
bool MayBe(const AtRiskPlace& place, int64_t as_of) {
  const int64_t most = absl::ToInt64Microseconds(4 * kDeadlineHorizon);
  const auto printable = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), absl::ascii_isprint);
  };
  return place.time_left >= -most && place.time_left <= most && place.due_at >= as_of - most &&
         place.due_at <= as_of + most && printable(place.ticket_id) && printable(place.clock);
}

absl::StatusOr<Cursor> ReadCursor(const v1::ListAtRiskRequest& request, const std::string& binding,
                                  absl::Time now) {
  if (request.page_token().empty()) return Cursor{absl::ToUnixMicros(now), std::nullopt};
  ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                   rpc::ReadPageToken(request.page_token(), binding, 6));
  Cursor cursor;
  AtRiskPlace& after = cursor.after.emplace();
  after.ticket_id = parts[3];
  after.clock = parts[4];
  if (!absl::SimpleAtoi(parts[0], &cursor.as_of) || !absl::SimpleAtoi(parts[1], &after.time_left) ||
      !absl::SimpleAtoi(parts[2], &after.due_at) || !absl::SimpleAtoi(parts[5], &after.cycle)) {
    return InvalidField("page_token", "is no token of ours");
  }
  const absl::Time as_of = absl::FromUnixMicros(cursor.as_of);
  if (as_of < now - kOldestToken || as_of > now + kClockSkew) {
    return InvalidField("page_token", "is of a moment too long ago: list again");
  }
  if (!MayBe(after, cursor.as_of)) return InvalidField("page_token", "is no token of ours");
  return cursor;
}

std::string MakeToken(const std::string& binding, int64_t as_of, const AtRiskPlace& last) {
  return rpc::MakePageToken(
      binding, {absl::StrCat(as_of), absl::StrCat(last.time_left), absl::StrCat(last.due_at),
                last.ticket_id, last.clock, absl::StrCat(last.cycle)});
}

const ClockRecord* FindClock(const TicketClocks& ticket, const AtRiskPlace& place) {
  const auto found =
      std::find_if(ticket.clocks().begin(), ticket.clocks().end(), [&](const ClockRecord& clock) {
        return clock.name() == place.clock && clock.cycle() == place.cycle;
      });
  return found == ticket.clocks().end() ? nullptr : &*found;
}

v1::AtRiskClock View(const TicketClocks& ticket, const ClockRecord& clock, int64_t time_left) {
  v1::AtRiskClock view;
  *view.mutable_clock() = ToClock(ticket, clock);
  *view.mutable_time_left() = ToProto(absl::Microseconds(time_left));
  view.set_title(ticket.ticket().title());
  view.set_group(ticket.ticket().group());
  view.set_assignee(ticket.ticket().assignee());
  view.set_priority(ticket.ticket().priority());
  view.set_site(ticket.ticket().site());
  return view;
}

}  // namespace

int AtRiskPageSize(int asked) { return rpc::PageSize(asked, kNormalPage, kMostPage); }

absl::Status CheckAtRiskFilter(const v1::AtRiskFilter& filter) {
  if (FromProto(filter.within()) < absl::ZeroDuration()) {
    return InvalidField("filter.within", "must not be negative");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::AtRiskClock>> ShowAtRisk(db::Database& database,
                                                        const std::string& tenant,
                                                        const v1::AtRiskFilter& filter,
                                                        const std::vector<AtRiskPlace>& places,
                                                        TimesLeft& times) {
  StoredEntities tickets(database);
  // What changed since its place was read may belong elsewhere, or have been read twice.
  std::map<AtRiskPlace, v1::AtRiskClock> in_order;
  for (const AtRiskPlace& place : places) {
    const engine::EntityKey key = TicketKey(tenant, place.ticket_id);
    RETURN_IF_ERROR(tickets.Load(key));
    const auto* ticket = tickets.Get<TicketClocks>(key);
    const ClockRecord* clock = ticket == nullptr ? nullptr : FindClock(*ticket, place);
    if (clock == nullptr || !IsAtRisk(*ticket, *clock)) continue;
    ASSIGN_OR_RETURN(const TimeLeft* time_left, times.By(CountingOf(*ticket, *clock)));
    AtRiskPlace now = place;
    now.due_at = clock->due();
    now.time_left = time_left->Until(now.due_at);
    v1::AtRiskClock view = View(*ticket, *clock, now.time_left);
    if (view.clock().breached() && !filter.include_breached()) continue;
    in_order.emplace(std::move(now), std::move(view));
  }
  std::vector<v1::AtRiskClock> clocks;
  for (auto& [place, clock] : in_order) clocks.push_back(std::move(clock));
  return clocks;
}

absl::StatusOr<v1::ListAtRiskResponse> ListAtRisk(db::Database& database, CalendarCache& calendars,
                                                  const std::string& tenant,
                                                  const v1::ListAtRiskRequest& request,
                                                  absl::Time now) {
  RETURN_IF_ERROR(CheckAtRiskFilter(request.filter()));
  const std::string binding = rpc::QueryBinding(tenant, request);
  ASSIGN_OR_RETURN(const Cursor cursor, ReadCursor(request, binding, now));
  const size_t size = static_cast<size_t>(AtRiskPageSize(request.page_size()));
  TimesLeft times(database, calendars, tenant, cursor.as_of);
  // One place more than the page tells whether there is another.
  ASSIGN_OR_RETURN(std::vector<AtRiskPlace> places,
                   ReadAtRisk(database, tenant, request.filter(), cursor.after,
                              static_cast<int>(size) + 1, times));
  v1::ListAtRiskResponse response;
  *response.mutable_as_of() = ToProto(absl::FromUnixMicros(cursor.as_of));
  if (places.size() > size) {
    places.resize(size);
    response.set_next_page_token(MakeToken(binding, cursor.as_of, places.back()));
  }
  ASSIGN_OR_RETURN(std::vector<v1::AtRiskClock> clocks,
                   ShowAtRisk(database, tenant, request.filter(), places, times));
  for (v1::AtRiskClock& clock : clocks) *response.add_clocks() = std::move(clock);
  return response;
}

}  // namespace watchbell::sla
