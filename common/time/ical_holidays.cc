#include "common/time/ical_holidays.h"

#include <libical/ical.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/time/wall_time.h"

namespace watchbell {
namespace {

constexpr int kEventLimit = 5000;
constexpr int kRuleLimit = 100;
constexpr int kStepLimit = 20'000;
constexpr int kUnreadableLimit = 100;
constexpr int kIntervalLimit = 100;
constexpr int kDaysLimit = 366;
constexpr int kFirstYear = 1900;
constexpr size_t kNameLimit = 200;
constexpr size_t kFaultLimit = 20;

struct FreeComponent {
  void operator()(icalcomponent* component) const { icalcomponent_free(component); }
};
struct FreeParser {
  void operator()(icalparser* parser) const { icalparser_free(parser); }
};
struct FreeLine {
  void operator()(char* line) const { icalmemory_free_buffer(line); }
};
struct FreeIterator {
  void operator()(icalrecur_iterator* iterator) const { icalrecur_iterator_free(iterator); }
};

// What is left of a text.
struct Rest {
  absl::string_view text;
  char line_end;
};

// As the library wants it: the next line, or a part of one that is longer than `size`.
char* NextLine(char* out, size_t size, void* of) {
  Rest& rest = *static_cast<Rest*>(of);
  if (rest.text.empty()) return nullptr;
  const size_t end = rest.text.find(rest.line_end);
  const size_t length =
      std::min(end == absl::string_view::npos ? rest.text.size() : end + 1, size - 1);
  std::copy_n(rest.text.begin(), length, out);
  out[length] = '\0';
  if (length == end + 1) out[length - 1] = '\n';
  rest.text.remove_prefix(length);
  return out;
}

using Component = std::unique_ptr<icalcomponent, FreeComponent>;

// The components of a text. Line by line, as each that cannot be read costs the library a walk
// through all of its component: with too many of them the text is refused.
absl::StatusOr<std::vector<Component>> Parse(absl::string_view ics) {
  absl::ConsumePrefix(&ics, "\xEF\xBB\xBF");
  // Some programs end lines with CR alone.
  Rest rest{ics, absl::StrContains(ics, '\n') ? '\n' : '\r'};
  const std::unique_ptr<icalparser, FreeParser> parser(icalparser_new());
  icalparser_set_gen_data(parser.get(), &rest);
  std::vector<Component> roots;
  int unreadable = 0;
  while (true) {
    const std::unique_ptr<char, FreeLine> line(icalparser_get_line(parser.get(), &NextLine));
    if (line == nullptr) return roots;
    if (*line == '\0') continue;
    if (icalcomponent* root = icalparser_add_line(parser.get(), line.get())) {
      roots.emplace_back(root);
    }
    if (icalparser_get_state(parser.get()) == ICALPARSER_ERROR && ++unreadable > kUnreadableLimit) {
      return absl::InvalidArgumentError(
          absl::StrCat("has more than ", kUnreadableLimit, " lines that cannot be read"));
    }
  }
}

// Nothing for a date that does not exist.
std::optional<absl::CivilDay> ToDay(const icaltimetype& time) {
  const absl::CivilDay day(time.year, time.month, time.day);
  if (icaltime_is_null_time(time) || day.month() != time.month || day.day() != time.day) {
    return std::nullopt;
  }
  return day;
}

// Cut where a character of UTF-8 begins.
void Cut(std::string& name) {
  if (name.size() <= kNameLimit) return;
  size_t end = kNameLimit;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  name.resize(end);
}

std::string NameOf(icalcomponent* event) {
  const char* summary = icalcomponent_get_summary(event);
  std::string name = summary == nullptr ? "" : summary;
  for (char& c : name) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  absl::StripAsciiWhitespace(&name);
  Cut(name);
  return name;
}

// Days of a period of a rule, in each of which the library looks for dates.
int DaysOfPeriod(const icalrecurrencetype& rule) {
  switch (rule.freq) {
    case ICAL_YEARLY_RECURRENCE:
      return 366 * rule.interval;
    case ICAL_MONTHLY_RECURRENCE:
      return 31 * rule.interval;
    case ICAL_WEEKLY_RECURRENCE:
      return 7 * rule.interval;
    default:
      return rule.interval;
  }
}

icaltimetype ToICal(absl::CivilDay day) {
  icaltimetype time = icaltime_null_date();
  time.year = static_cast<int>(day.year());
  time.month = day.month();
  time.day = day.day();
  return time;
}

bool Unused(const short* values) { return values[0] == ICAL_RECURRENCE_ARRAY_MAX; }

bool IsOnly(const short* values, int value) {
  return values[0] == value && values[1] == ICAL_RECURRENCE_ARRAY_MAX;
}

// The same day of every year, for ever.
bool IsPlainYearly(const icalrecurrencetype& rule, absl::CivilDay first) {
  if (rule.freq != ICAL_YEARLY_RECURRENCE || rule.interval != 1 || rule.count != 0 ||
      !icaltime_is_null_time(rule.until) || rule.rscale != nullptr) {
    return false;
  }
  const bool no_month = Unused(rule.by_month);
  const bool own_month = IsOnly(rule.by_month, first.month());
  const bool no_day = Unused(rule.by_month_day);
  const bool own_day = IsOnly(rule.by_month_day, first.day());
  return Unused(rule.by_day) && Unused(rule.by_year_day) && Unused(rule.by_week_no) &&
         Unused(rule.by_set_pos) && Unused(rule.by_hour) && Unused(rule.by_minute) &&
         Unused(rule.by_second) && ((no_day && (no_month || own_month)) || (own_day && own_month));
}

struct Event {
  icalcomponent* component;
  std::string path;
  std::string uid;
  std::string name;
  absl::CivilDay first;
  int days = 1;
  std::optional<absl::CivilDay> instance;  // of a series: the date it stands for
};

class Reader {
 public:
  Reader(int from_year, int to_year)
      : from_(from_year, 1, 1), to_(absl::CivilDay(to_year + 1, 1, 1) - 1) {}

  absl::StatusOr<std::vector<HolidaySpec>> Read(absl::string_view ics) {
    if (absl::StrContains(ics, '\0')) return absl::InvalidArgumentError(kNoCalendar);
    ASSIGN_OR_RETURN(const std::vector<Component> roots, Parse(ics));
    for (const Component& root : roots) Gather(root.get());
    if (calendars_ == 0) return absl::InvalidArgumentError(kNoCalendar);
    if (events_.size() > kEventLimit) {
      return absl::InvalidArgumentError(absl::StrCat("more than ", kEventLimit, " events"));
    }
    for (const Event& event : events_) {
      if (!too_much_) Take(event);
    }
    if (!faults_.empty()) return InvalidFields(std::move(faults_));
    return Collected();
  }

 private:
  static constexpr char kNoCalendar[] = "is no iCalendar text (BEGIN:VCALENDAR ... END:VCALENDAR)";

  void Fault(const Event& event, absl::string_view what) {
    if (faults_.size() == kFaultLimit) return;
    faults_.push_back({event.path, absl::StrCat("event \"", event.name, "\" ", what)});
  }

  // Takes that many steps; false if there are none left, which is told once. Whatever is done once
  // a date is one, as is each period of a rule.
  bool Step(const Event& event, int64_t steps = 1) {
    steps_ += steps;
    if (steps_ <= kStepLimit) return true;
    if (!too_much_) Fault(event, absl::StrCat("makes it more than ", kStepLimit, " dates"));
    too_much_ = true;
    return false;
  }

  void Gather(icalcomponent* calendar) {
    if (icalcomponent_isa(calendar) != ICAL_VCALENDAR_COMPONENT) return;
    ++calendars_;
    for (icalcomponent* part = icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT);
         part != nullptr && events_.size() <= kEventLimit;
         part = icalcomponent_get_next_component(calendar, ICAL_VEVENT_COMPONENT)) {
      Event event;
      event.component = part;
      event.path = absl::StrCat("events[", place_++, "]");
      event.name = NameOf(part);
      if (const char* uid = icalcomponent_get_uid(part)) event.uid = uid;
      if (!Sound(event)) continue;
      if (event.instance) instances_.emplace(event.uid, *event.instance);
      events_.push_back(std::move(event));
    }
  }

  // Reads the event's dates.
  bool Sound(Event& event) {
    if (icalcomponent_count_errors(event.component) > 0) {
      Fault(event, "has a property that cannot be read");
      return false;
    }
    const icaltimetype start = icalcomponent_get_dtstart(event.component);
    if (!icaltime_is_null_time(start) && !start.is_date) {
      Fault(event, "is not all-day: days off are");
      return false;
    }
    const std::optional<absl::CivilDay> first = ToDay(start);
    if (!first || first->year() < kFirstYear) {
      Fault(event, absl::StrCat("has no date of a year from ", kFirstYear, " on as its DTSTART"));
      return false;
    }
    event.first = *first;
    const icaltimetype end = icalcomponent_get_dtend(event.component);
    if (!icaltime_is_null_time(end)) {
      const std::optional<absl::CivilDay> last = ToDay(end);
      if (!last || *last < *first || *last - *first > kDaysLimit) {
        Fault(event, absl::StrCat("does not end within ", kDaysLimit, " days of its beginning"));
        return false;
      }
      // Many programs end a one-day event on its own date.
      event.days = std::max(1, static_cast<int>(*last - *first));
    }
    if (icalcomponent_get_first_property(event.component, ICAL_RECURRENCEID_PROPERTY) != nullptr) {
      event.instance = ToDay(icalcomponent_get_recurrenceid(event.component));
      if (!event.instance) {
        Fault(event, "has a RECURRENCE-ID that is no date");
        return false;
      }
    }
    return true;
  }

  void Take(const Event& event) {
    if (icalcomponent_get_status(event.component) == ICAL_STATUS_CANCELLED) return;
    std::set<absl::CivilDay> except;
    for (auto it = instances_.lower_bound({event.uid, absl::CivilDay::min()});
         !event.instance && it != instances_.end() && it->first == event.uid; ++it) {
      if (!Step(event)) return;
      except.insert(it->second);
    }
    if (!ReadExceptions(event, except)) return;
    std::set<absl::CivilDay> starts = {event.first};
    std::vector<icalrecurrencetype> rules;
    for (icalproperty* p = First(event, ICAL_RRULE_PROPERTY); p != nullptr;
         p = Next(event, ICAL_RRULE_PROPERTY)) {
      rules.push_back(icalproperty_get_rrule(p));
    }
    if (!ReadAdditions(event, starts)) return;
    if (rules.size() == 1 && starts.size() == 1 && except.empty() && !CrossesFebruarysEnd(event) &&
        IsPlainYearly(rules[0], event.first)) {
      if (!Step(event, event.days)) return;
      for (int i = 0; i < event.days; ++i) AddYearly(event.first + i, event.name);
      return;
    }
    for (const icalrecurrencetype& rule : rules) {
      if (!Expand(event, rule, starts)) return;
    }
    for (const absl::CivilDay& start : starts) {
      if (except.contains(start)) continue;
      if (!Step(event, event.days)) return;
      for (int i = 0; i < event.days; ++i) AddDate(start + i, event.name);
    }
  }

  static icalproperty* First(const Event& event, icalproperty_kind kind) {
    return icalcomponent_get_first_property(event.component, kind);
  }
  static icalproperty* Next(const Event& event, icalproperty_kind kind) {
    return icalcomponent_get_next_property(event.component, kind);
  }

  bool ReadExceptions(const Event& event, std::set<absl::CivilDay>& except) {
    for (icalproperty* p = First(event, ICAL_EXDATE_PROPERTY); p != nullptr;
         p = Next(event, ICAL_EXDATE_PROPERTY)) {
      const std::optional<absl::CivilDay> day = ToDay(icalproperty_get_exdate(p));
      if (!day) {
        Fault(event, "has an EXDATE that is no date");
        return false;
      }
      except.insert(*day);
    }
    return true;
  }

  bool ReadAdditions(const Event& event, std::set<absl::CivilDay>& starts) {
    for (icalproperty* p = First(event, ICAL_RDATE_PROPERTY); p != nullptr;
         p = Next(event, ICAL_RDATE_PROPERTY)) {
      const icaltimetype time = icalproperty_get_rdate(p).time;
      const std::optional<absl::CivilDay> day = ToDay(time);
      if (!day || !time.is_date) {
        Fault(event, "has an RDATE that is no date");
        return false;
      }
      starts.insert(*day);
    }
    return true;
  }

  // Of such an event the days after do not keep their dates in leap years.
  static bool CrossesFebruarysEnd(const Event& event) {
    const absl::CivilDay last = event.first + (event.days - 1);
    for (auto year = event.first.year(); year <= last.year(); ++year) {
      const absl::CivilDay march(year, 3, 1);
      if (event.first < march && march <= last) return true;
    }
    return false;
  }

  bool Expand(const Event& event, icalrecurrencetype rule, std::set<absl::CivilDay>& starts) {
    if (++rules_ > kRuleLimit) {
      if (rules_ == kRuleLimit + 1) {
        Fault(event, absl::StrCat("has one rule too many: ", kRuleLimit, " can be expanded"));
      }
      return false;
    }
    if (rule.freq < ICAL_DAILY_RECURRENCE || rule.freq > ICAL_YEARLY_RECURRENCE ||
        rule.interval < 1 || rule.interval > kIntervalLimit) {
      Fault(event, absl::StrCat("has a rule that is not DAILY, WEEKLY, MONTHLY or YEARLY with an "
                                "INTERVAL of at most ",
                                kIntervalLimit));
      return false;
    }
    const absl::CivilDay last = std::min(ToDay(rule.until).value_or(to_), to_);
    if (event.first > to_) return true;
    // The library looks no further than the steps that are left go.
    const int64_t period = DaysOfPeriod(rule);
    const auto periods = [&](int64_t days) { return (days + period - 1) / period; };
    rule.until = ToICal(std::min(last, event.first + (kStepLimit - steps_ + 1) * period));
    const std::unique_ptr<icalrecur_iterator, FreeIterator> iterator(
        icalrecur_iterator_new(rule, icalcomponent_get_dtstart(event.component)));
    int dates = 0;
    absl::CivilDay at = event.first;
    while (iterator != nullptr) {
      const std::optional<absl::CivilDay> day = ToDay(icalrecur_iterator_next(iterator.get()));
      if (!day) break;
      if (!Step(event, std::max<int64_t>(1, periods(*day - at)))) return false;
      ++dates;
      at = *day;
      starts.insert(at);
    }
    const bool all = rule.count > 0 && dates == rule.count;
    if (!all && last > at && !Step(event, periods(last - at))) return false;
    if (dates > 0) return true;
    // To find that out takes the library long: once is enough.
    too_much_ = true;
    Fault(event, absl::StrCat("has a rule that fits no date until ", FormatLocalDate(last)));
    return false;
  }

  void AddDate(absl::CivilDay date, const std::string& name) {
    if (date < from_ || date > to_) return;
    Join(dated_[date], name);
  }

  void AddYearly(absl::CivilDay date, const std::string& name) {
    auto [it, added] = yearly_.try_emplace({date.month(), date.day()}, HolidaySpec{date, "", true});
    it->second.date = std::min(it->second.date, date);
    Join(it->second.name, name);
  }

  static void Join(std::string& names, const std::string& name) {
    if (names.empty()) {
      names = name;
    } else if (!name.empty() && !absl::StrContains(names, name)) {
      absl::StrAppend(&names, " / ", name);
    }
    Cut(names);
  }

  std::vector<HolidaySpec> Collected() {
    for (auto& [day, yearly] : yearly_) {
      // One entry a date: the yearly one says more.
      if (auto it = dated_.find(yearly.date); it != dated_.end()) {
        Join(yearly.name, it->second);
        dated_.erase(it);
      }
    }
    std::map<absl::CivilDay, HolidaySpec> all;
    for (auto& [date, name] : dated_) all[date] = {date, std::move(name), false};
    for (auto& [day, yearly] : yearly_) all[yearly.date] = std::move(yearly);
    std::vector<HolidaySpec> holidays;
    for (auto& [date, holiday] : all) holidays.push_back(std::move(holiday));
    return holidays;
  }

  const absl::CivilDay from_;
  const absl::CivilDay to_;
  std::vector<FieldViolation> faults_;
  int calendars_ = 0;
  int place_ = 0;
  std::vector<Event> events_;
  std::set<std::pair<std::string, absl::CivilDay>> instances_;  // dates other events stand for
  int rules_ = 0;
  int64_t steps_ = 0;
  bool too_much_ = false;  // work: the rest is not looked at
  std::map<absl::CivilDay, std::string> dated_;
  std::map<std::pair<int, int>, HolidaySpec> yearly_;
};

}  // namespace

absl::StatusOr<std::vector<HolidaySpec>> ReadHolidays(absl::string_view ics, int from_year,
                                                      int to_year) {
  return Reader(from_year, to_year).Read(ics);
}

}  // namespace watchbell
