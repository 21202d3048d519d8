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
#include "common/base/errors.h"
#include "common/time/wall_time.h"

namespace watchbell {
namespace {

constexpr int kEventLimit = 5000;
constexpr int kRuleLimit = 100;
constexpr int kStepLimit = 100'000;
constexpr int kIntervalLimit = 100;
constexpr int kDaysLimit = 366;
constexpr int kFirstYear = 1900;
constexpr size_t kNameLimit = 200;
constexpr size_t kFaultLimit = 20;

struct FreeComponent {
  void operator()(icalcomponent* component) const { icalcomponent_free(component); }
};
struct FreeIterator {
  void operator()(icalrecur_iterator* iterator) const { icalrecur_iterator_free(iterator); }
};

// Nothing for a date that does not exist.
std::optional<absl::CivilDay> ToDay(const icaltimetype& time) {
  const absl::CivilDay day(time.year, time.month, time.day);
  if (icaltime_is_null_time(time) || day.month() != time.month || day.day() != time.day) {
    return std::nullopt;
  }
  return day;
}

std::string NameOf(icalcomponent* event) {
  const char* summary = icalcomponent_get_summary(event);
  std::string name = summary == nullptr ? "" : summary;
  for (char& c : name) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  absl::StripAsciiWhitespace(&name);
  return name;
}

// Cut where a character of UTF-8 begins.
void Cut(std::string& name) {
  if (name.size() <= kNameLimit) return;
  size_t end = kNameLimit;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  name.resize(end);
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
    const std::unique_ptr<icalcomponent, FreeComponent> root(
        icalparser_parse_string(std::string(ics).c_str()));
    if (root == nullptr) return absl::InvalidArgumentError(kNoCalendar);
    if (icalcomponent_isa(root.get()) == ICAL_XROOT_COMPONENT) {
      for (icalcomponent* part = icalcomponent_get_first_component(root.get(), ICAL_ANY_COMPONENT);
           part != nullptr;
           part = icalcomponent_get_next_component(root.get(), ICAL_ANY_COMPONENT)) {
        Gather(part);
      }
    } else {
      Gather(root.get());
    }
    if (calendars_ == 0) return absl::InvalidArgumentError(kNoCalendar);
    if (events_.size() > kEventLimit) {
      return absl::InvalidArgumentError(absl::StrCat("more than ", kEventLimit, " events"));
    }
    for (const Event& event : events_) Take(event);
    if (!faults_.empty()) return InvalidFields(std::move(faults_));
    return Collected();
  }

 private:
  static constexpr char kNoCalendar[] = "is no iCalendar text (BEGIN:VCALENDAR ... END:VCALENDAR)";

  void Fault(const Event& event, absl::string_view what) {
    if (faults_.size() == kFaultLimit) return;
    faults_.push_back({event.path, absl::StrCat("event \"", event.name, "\" ", what)});
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
      for (int i = 0; i < event.days; ++i) AddYearly(event.first + i, event.name);
      return;
    }
    for (const icalrecurrencetype& rule : rules) {
      if (!Expand(event, rule, starts)) return;
    }
    for (const absl::CivilDay& start : starts) {
      if (except.contains(start)) continue;
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
        rule.interval > kIntervalLimit) {
      Fault(event, absl::StrCat("has a rule that is not DAILY, WEEKLY, MONTHLY or YEARLY with an "
                                "INTERVAL of at most ",
                                kIntervalLimit));
      return false;
    }
    // A rule that fits no day takes the library a second: one is enough.
    if (fruitless_) return false;
    const std::unique_ptr<icalrecur_iterator, FreeIterator> iterator(
        icalrecur_iterator_new(rule, icalcomponent_get_dtstart(event.component)));
    bool any = false;
    while (iterator != nullptr) {
      const std::optional<absl::CivilDay> day = ToDay(icalrecur_iterator_next(iterator.get()));
      if (!day) break;
      any = true;
      if (*day > to_) break;
      if (++steps_ > kStepLimit) {
        fruitless_ = true;
        Fault(event, absl::StrCat("makes it more than ", kStepLimit, " dates"));
        return false;
      }
      starts.insert(*day);
    }
    if (!any) {
      fruitless_ = true;
      Fault(event, "has a rule that fits no date");
    }
    return any;
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
  int steps_ = 0;
  bool fruitless_ = false;
  std::map<absl::CivilDay, std::string> dated_;
  std::map<std::pair<int, int>, HolidaySpec> yearly_;
};

}  // namespace

absl::StatusOr<std::vector<HolidaySpec>> ReadHolidays(absl::string_view ics, int from_year,
                                                      int to_year) {
  return Reader(from_year, to_year).Read(ics);
}

}  // namespace watchbell
