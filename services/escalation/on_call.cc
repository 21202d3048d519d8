#include "services/escalation/on_call.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

namespace watchbell::escalation {
namespace {

// Year 10000: behind it there is no protobuf timestamp, and no civil arithmetic to trust.
constexpr int64_t kEndOfTimestamps = 253'402'300'800;

// A rota made ready for arithmetic.
struct Plan {
  absl::TimeZone zone;
  absl::CivilMinute anchor;
  int days;
};

std::optional<Plan> MakePlan(const v1::Rota& rota) {
  const std::optional<absl::CivilMinute> anchor = ParseAnchor(rota.anchor());
  const std::optional<absl::TimeZone> zone = FindZone(rota.time_zone());
  if (!anchor || !zone || rota.turn_days() < 1 || rota.people().empty()) return std::nullopt;
  return Plan{*zone, *anchor, rota.turn_days()};
}

absl::Time Boundary(const Plan& plan, int64_t turn) {
  const absl::CivilDay day = absl::CivilDay(plan.anchor) + turn * plan.days;
  return ResolveWallTime(absl::CivilMinute(day.year(), day.month(), day.day(), plan.anchor.hour(),
                                           plan.anchor.minute()),
                         plan.zone);
}

bool Number(absl::string_view digits, int* value) {
  for (char c : digits) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return absl::SimpleAtoi(digits, value);
}

}  // namespace

std::optional<absl::CivilMinute> ParseAnchor(absl::string_view text) {
  if (text.size() != 16 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':') {
    return std::nullopt;
  }
  int year, month, day, hour, minute;
  if (!Number(text.substr(0, 4), &year) || !Number(text.substr(5, 2), &month) ||
      !Number(text.substr(8, 2), &day) || !Number(text.substr(11, 2), &hour) ||
      !Number(text.substr(14, 2), &minute)) {
    return std::nullopt;
  }
  const absl::CivilMinute time(year, month, day, hour, minute);
  // What the calendar had to carry over ("02-30", "24:00") was no such time.
  if (time.month() != month || time.day() != day || time.hour() != hour ||
      time.minute() != minute || year < 1970 || year > 2200) {
    return std::nullopt;
  }
  return time;
}

std::optional<absl::TimeZone> FindZone(const std::string& name) {
  // The loader also takes paths and "localtime": neither is a name of a zone.
  if (name.empty() || name == "localtime" || absl::StartsWith(name, "/") ||
      absl::StrContains(name, "..") || absl::StrContains(name, ":")) {
    return std::nullopt;
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) return std::nullopt;
  return zone;
}

absl::Time ResolveWallTime(absl::CivilMinute local, absl::TimeZone zone) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(local));
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

std::optional<Turn> TurnAt(const v1::Rota& rota, absl::Time at) {
  const std::optional<Plan> plan = MakePlan(rota);
  if (!plan) return std::nullopt;
  if (at < Boundary(*plan, 0) || at >= absl::FromUnixSeconds(kEndOfTimestamps)) return std::nullopt;
  const absl::CivilDay today(plan->zone.At(at).cs);
  int64_t turn = (today - absl::CivilDay(plan->anchor)) / plan->days;
  // The local date is a near guess; the boundaries decide.
  while (Boundary(*plan, turn) > at) --turn;
  while (Boundary(*plan, turn + 1) <= at) ++turn;
  return Turn{turn, rota.people(static_cast<int>(turn % rota.people_size())), Boundary(*plan, turn),
              Boundary(*plan, turn + 1)};
}

std::optional<absl::Time> FirstTurn(const v1::Rota& rota) {
  const std::optional<Plan> plan = MakePlan(rota);
  if (!plan) return std::nullopt;
  return Boundary(*plan, 0);
}

}  // namespace watchbell::escalation
