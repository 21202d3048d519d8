// Calendars against counting: every minute's wall label is looked up by rules said a second time,
// without intervals, years or sums. In every zone of this machine's zone data, also in years with
// odd changes of clocks. The whole is sla.md (b) 1-11 at random.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "common/time/hours_described.h"
#include "gtest/gtest.h"
#include "tests/unit/common/calendar_tools.h"

namespace watchbell {
namespace {

constexpr int kCases = 100'000;
constexpr int kCasesACalendar = 50;
constexpr int kDays = 3;  // counted, for each calendar

// Whether a wall label is open, and if not, why.
HoursKind KindOf(const CalendarSpec& spec, absl::CivilMinute label) {
  const absl::CivilDay day(label);
  const int minute = label.hour() * 60 + label.minute();
  const auto within = [&](const std::vector<WallInterval>& hours) {
    return std::any_of(hours.begin(), hours.end(),
                       [&](const WallInterval& h) { return h.from <= minute && minute < h.to; });
  };
  const int today = static_cast<int>(absl::GetWeekday(day)) + 1;
  const int yesterday = today == 1 ? 7 : today - 1;
  bool weekday = false;
  for (const WeekdayHoursSpec& listed : spec.weekly) {
    for (const WallInterval& h : listed.intervals) {
      const bool wraps = h.from > h.to;
      weekday |= listed.weekday == today && h.from <= minute && (wraps || minute < h.to);
      weekday |= listed.weekday == yesterday && wraps && minute < h.to;
    }
  }
  HoursKind kind = weekday ? HoursKind::kOpen : HoursKind::kOutside;
  for (const HolidaySpec& holiday : spec.holidays) {
    const bool here = holiday.yearly ? holiday.date.month() == day.month() &&
                                           holiday.date.day() == day.day() && holiday.date <= day
                                     : holiday.date == day;
    if (here && weekday) kind = HoursKind::kHoliday;
  }
  for (const DatedHoursSpec& dated : spec.overrides) {
    if (dated.date != day) continue;
    kind = within(dated.intervals) ? HoursKind::kOpen
           : weekday               ? HoursKind::kOverride
                                   : HoursKind::kOutside;
  }
  for (const DatedHoursSpec& dated : spec.breaks) {
    if (dated.date == day && kind == HoursKind::kOpen && within(dated.intervals)) {
      kind = HoursKind::kBreak;
    }
  }
  return kind;
}

// A calendar as text, for whoever has to look into a failure.
std::string Show(const CalendarSpec& spec) {
  const auto hours = [](const std::vector<WallInterval>& intervals) {
    return absl::StrJoin(intervals, ",", [](std::string* out, const WallInterval& h) {
      absl::StrAppend(out, FormatWallTime(h.from), "-", FormatWallTime(h.to));
    });
  };
  std::string text = spec.time_zone;
  for (const auto& day : spec.weekly) {
    absl::StrAppend(&text, "\n  weekday ", day.weekday, " ", hours(day.intervals));
  }
  for (const auto& holiday : spec.holidays) {
    absl::StrAppend(&text, "\n  holiday ", FormatLocalDate(holiday.date),
                    holiday.yearly ? " yearly" : "");
  }
  for (const auto& dated : spec.overrides) {
    absl::StrAppend(&text, "\n  override ", FormatLocalDate(dated.date), " ",
                    hours(dated.intervals));
  }
  for (const auto& dated : spec.breaks) {
    absl::StrAppend(&text, "\n  break ", FormatLocalDate(dated.date), " ", hours(dated.intervals));
  }
  return text;
}

// Every zone of the system's zone data, aliases and all.
std::vector<std::string> AllZones() {
  namespace fs = std::filesystem;
  const fs::path root = "/usr/share/zoneinfo";
  std::vector<std::string> zones;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    const std::string name = fs::relative(it->path(), root).string();
    // The same zones once more, with and without leap seconds.
    if (it->is_directory() && (name == "posix" || name == "right")) it.disable_recursion_pending();
    if (!it->is_regular_file()) continue;
    char magic[4] = {};
    std::ifstream(it->path(), std::ios::binary).read(magic, sizeof(magic));
    if (std::string(magic, sizeof(magic)) == "TZif" && LoadZone(name)) zones.push_back(name);
  }
  std::sort(zones.begin(), zones.end());
  return zones;
}

class RandomCalendars {
 public:
  explicit RandomCalendars(uint32_t seed) : random_(seed) {}

  int64_t Below(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(random_); }

  // A calendar whose dates lie around `middle`; drawn again until it is sound.
  CalendarSpec Next(const std::string& zone, absl::CivilDay middle) {
    while (true) {
      CalendarSpec spec;
      spec.time_zone = zone;
      for (int day = 1; day <= 7; ++day) {
        if (Below(4) > 0) spec.weekly.push_back({day, Intervals(true)});
      }
      for (int i = -3; i <= 3; ++i) {
        const absl::CivilDay date = middle + i;
        if (Below(6) == 0) spec.holidays.push_back({date, "", false});
        if (Below(6) == 0) spec.overrides.push_back({date, Intervals(false)});
        if (Below(6) == 0) spec.breaks.push_back({date, Intervals(false)});
        if (Below(12) == 0) {
          // Some begin in a later year than the counted one.
          const absl::CivilDay first(date.year() + 2 - Below(6), date.month(), date.day());
          spec.holidays.push_back({first, "", true});
        }
      }
      if (CheckCalendar(spec).empty()) return spec;
    }
  }

  // A day worth counting: any, or one at a change of the zone's offset.
  absl::CivilDay Middle(const absl::TimeZone& zone) {
    const absl::CivilDay any = absl::CivilDay(1900, 1, 1) + Below(365 * 140);
    if (Below(3) == 0) return any;
    absl::TimeZone::CivilTransition change;
    const absl::Time from = absl::FromCivil(any, zone);
    if (!zone.NextTransition(from, &change) && !zone.PrevTransition(from, &change)) return any;
    return absl::CivilDay(change.from);
  }

 private:
  std::vector<WallInterval> Intervals(bool may_wrap) {
    std::vector<int> edges;
    const int64_t pairs = 1 + Below(3);
    while (static_cast<int64_t>(edges.size()) < 2 * pairs) {
      // Often on an hour, and then at night, where clocks are changed.
      const int64_t edge =
          Below(2) == 0 ? 60 * Below(Below(2) == 0 ? 5 : 25) : Below(kMinutesPerDay + 1);
      if (std::find(edges.begin(), edges.end(), edge) == edges.end()) {
        edges.push_back(static_cast<int>(edge));
      }
    }
    std::sort(edges.begin(), edges.end());
    std::vector<WallInterval> intervals;
    for (size_t i = 0; i < edges.size(); i += 2) intervals.push_back({edges[i], edges[i + 1]});
    if (may_wrap && Below(3) == 0 && intervals.back().from > 240 && intervals.front().from > 120) {
      intervals.back().to = static_cast<int>(Below(120));
    }
    return intervals;
  }

  std::mt19937 random_;
};

// Seconds of one stretch without a change of label, and what they are.
struct Counted {
  int64_t from;  // seconds since 1970
  int64_t to;
  int member;  // of the first that is open; -1 if none is
  HoursKind kind;
  int64_t before;  // open seconds up to `from`
};

// Walks [from, from + kDays) minute by minute.
class Count {
 public:
  Count(const std::vector<CalendarSpec>& specs, absl::Time from) : specs_(specs) {
    for (const CalendarSpec& spec : specs) zones_.push_back(*LoadZone(spec.time_zone));
    from_ = absl::ToUnixSeconds(from);
    for (int64_t at = from_; at < from_ + kDays * 86'400; at += 60) Minute(at);
    to_ = from_ + kDays * 86'400;
  }

  int64_t from() const { return from_; }
  int64_t to() const { return to_; }
  const std::vector<Counted>& pieces() const { return pieces_; }

  // Open microseconds up to an instant.
  int64_t OpenBefore(int64_t micros) const {
    auto it = std::upper_bound(
        pieces_.begin(), pieces_.end(), micros,
        [](int64_t t, const Counted& piece) { return t < piece.from * 1'000'000; });
    const Counted& piece = *--it;
    return piece.before * 1'000'000 + (piece.member < 0 ? 0 : micros - piece.from * 1'000'000);
  }

  // The first instant at which so many open microseconds are over; nothing if that is not counted.
  std::optional<int64_t> After(int64_t open_micros) const {
    for (const Counted& piece : pieces_) {
      const int64_t missing = open_micros - piece.before * 1'000'000;
      if (piece.member >= 0 && missing <= (piece.to - piece.from) * 1'000'000) {
        return piece.from * 1'000'000 + missing;
      }
    }
    return std::nullopt;
  }

 private:
  // Where an offset has seconds a label begins within the minute; where clocks change within it,
  // second by second.
  void Minute(int64_t at) {
    std::set<int64_t> begins = {at, at + 60};
    for (const absl::TimeZone& zone : zones_) {
      const int64_t offset = zone.At(absl::FromUnixSeconds(at)).offset;
      if (offset != zone.At(absl::FromUnixSeconds(at + 59)).offset) {
        for (int64_t second = at; second < at + 60; ++second) begins.insert(second);
      } else {
        begins.insert(at + ((-offset % 60) + 60) % 60);
      }
    }
    for (auto it = begins.begin(); std::next(it) != begins.end(); ++it) Add(*it, *std::next(it));
  }

  void Add(int64_t from, int64_t to) {
    Counted piece{from, to, -1, HoursKind::kOutside, open_};
    for (size_t i = 0; i < specs_.size() && piece.member < 0; ++i) {
      const HoursKind kind =
          KindOf(specs_[i], absl::ToCivilMinute(absl::FromUnixSeconds(from), zones_[i]));
      if (kind == HoursKind::kOpen) piece.member = static_cast<int>(i);
      if (kind == HoursKind::kOpen || piece.kind == HoursKind::kOutside) piece.kind = kind;
    }
    if (piece.member >= 0) open_ += to - from;
    pieces_.push_back(piece);
  }

  const std::vector<CalendarSpec>& specs_;
  std::vector<absl::TimeZone> zones_;
  int64_t from_ = 0;
  int64_t to_ = 0;
  int64_t open_ = 0;
  std::vector<Counted> pieces_;
};

// Every counted piece lies in a stretch of its kind, and stretches touch and differ.
std::string CheckDescription(const BusinessCalendar& calendar, const Count& count) {
  const auto stretches = DescribeHours(calendar, absl::FromUnixSeconds(count.from()),
                                       absl::FromUnixSeconds(count.to()));
  size_t at = 0;
  for (const Counted& piece : count.pieces()) {
    while (at < stretches.size() && absl::ToUnixSeconds(stretches[at].to) <= piece.from) ++at;
    if (at == stretches.size()) return "the description ends too early";
    const HoursStretch& stretch = stretches[at];
    const bool open = stretch.kind == HoursKind::kOpen;
    if (stretch.kind != piece.kind || (open && stretch.member != piece.member) ||
        absl::ToUnixSeconds(stretch.from) > piece.from ||
        absl::ToUnixSeconds(stretch.to) < piece.to) {
      return absl::StrCat("described otherwise at ",
                          FormatRfc3339(absl::FromUnixSeconds(piece.from)));
    }
  }
  for (size_t i = 1; i < stretches.size(); ++i) {
    if (stretches[i].from != stretches[i - 1].to) return "the description has gaps";
  }
  return "";
}

// One random range: what the count says, and "" or what the calendar says instead.
std::string CheckCase(const BusinessCalendar& calendar, const Count& count,
                      RandomCalendars& random) {
  const int64_t span = (count.to() - count.from()) * 1'000'000;
  // Whole minutes, and any microsecond.
  const auto instant = [&] {
    const int64_t t = count.from() * 1'000'000 + random.Below(span);
    return random.Below(2) == 0 ? t : t - t % 60'000'000 + (t % 60'000'000 < 0 ? -60'000'000 : 0);
  };
  int64_t a = std::max(count.from() * 1'000'000, instant());
  int64_t b = std::max(count.from() * 1'000'000, instant());
  if (a > b) std::swap(a, b);
  const absl::Time from = absl::FromUnixMicros(a);
  const int64_t open = count.OpenBefore(b) - count.OpenBefore(a);
  const auto says = [&](const char* what, const std::string& counted, const std::string& got) {
    return absl::StrCat(what, " from ", FormatRfc3339(from), " to ",
                        FormatRfc3339(absl::FromUnixMicros(b)), " (", open,
                        " us counted): counted ", counted, ", calendar ", got);
  };
  const auto elapsed = absl::ToInt64Microseconds(calendar.Elapsed(from, absl::FromUnixMicros(b)));
  if (elapsed != open) return says("elapsed", absl::StrCat(open), absl::StrCat(elapsed));
  const auto show = [](std::optional<int64_t> t) {
    return t ? FormatRfc3339(absl::FromUnixMicros(*t)) : std::string("later");
  };
  const auto micros = [&](std::optional<absl::Time> t) -> std::optional<int64_t> {
    if (!t || absl::ToUnixSeconds(*t) >= count.to()) return std::nullopt;  // beyond the count
    return absl::ToUnixMicros(*t);
  };
  if (open > 0) {
    const auto due = count.After(count.OpenBefore(a) + open);
    const auto got = calendar.Add(from, absl::Microseconds(open));
    if (!got || absl::ToUnixMicros(*got) != due) {
      return says("add", show(due), got ? FormatRfc3339(*got) : "never");
    }
  }
  // The first open instant is where the first microsecond begins.
  auto opens = count.After(count.OpenBefore(a) + 1);
  if (opens) --*opens;
  const auto got = micros(calendar.NextOpen(from));
  if (got != opens) return says("next open", show(opens), show(got));
  if (calendar.IsOpen(from) != (opens == a)) return says("is open", show(opens), "otherwise");
  return "";
}

TEST(BusinessCalendar, AgreesWithCountingMinutesInEveryZone) {
  const uint32_t seed = std::random_device()();
  std::cerr << "seed " << seed << "\n";
  RandomCalendars random(seed);
  const std::vector<std::string> zones = AllZones();
  ASSERT_GT(zones.size(), 400u) << "the system's zone data is not where it should be";
  int cases = 0;
  for (size_t turn = 0; cases < kCases; ++turn) {
    const std::string& zone = zones[turn % zones.size()];
    const absl::CivilDay middle = random.Middle(*LoadZone(zone));
    std::vector<CalendarSpec> specs = {random.Next(zone, middle)};
    for (int64_t more = random.Below(5); more > 2; --more) {
      const auto other =
          zones[static_cast<size_t>(random.Below(static_cast<int64_t>(zones.size())))];
      specs.push_back(random.Next(other, middle));
    }
    const auto calendar = Compiled(specs);
    const absl::Time from = absl::FromCivil(
        absl::CivilMinute(middle - 1) + random.Below(kMinutesPerDay), absl::UTCTimeZone());
    const Count count(specs, from);
    std::string failure = CheckDescription(*calendar, count);
    for (int i = 0; i < kCasesACalendar && failure.empty(); ++i, ++cases) {
      failure = CheckCase(*calendar, count, random);
    }
    ASSERT_EQ(failure, "") << "seed " << seed << ", turn " << turn << ", counted for " << kDays
                           << " days from " << FormatRfc3339(from)
                           << "; first open member counts:\n"
                           << absl::StrJoin(specs, "\n", [](std::string* out, const auto& spec) {
                                out->append(Show(spec));
                              });
  }
  std::cerr << cases << " cases in " << zones.size() << " zones\n";
}

}  // namespace
}  // namespace watchbell
