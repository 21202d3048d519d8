// A small desk for tests of the clock machine: targets, one ticket, and what was told of it as
// readable lines.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "common/time/wall_time.h"
#include "gtest/gtest.h"
#include "services/sla/clocks/clock_machine.h"
#include "services/sla/clocks/late_inputs.h"

namespace watchbell::sla::test {

using state::v1::TicketInput;

inline constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

// "Mon 09:20" in the week of Monday 2026-01-05, UTC; "+Mon 09:20" is a week later.
inline int64_t At(absl::string_view text) {
  const bool later = text[0] == '+';
  const std::vector<std::string> parts = absl::StrSplit(text.substr(later ? 1 : 0), ' ');
  absl::CivilDay day(2026, 1, later ? 12 : 5);
  for (int i = 0; i < 7 && parts[0] != kDays[i]; ++i) ++day;
  const int minutes = ParseWallTime(parts[1]).value();
  return absl::ToUnixMicros(absl::FromCivil(absl::CivilMinute(day) + minutes, absl::UTCTimeZone()));
}

inline std::string Show(int64_t micros) {
  const absl::CivilSecond cs =
      absl::ToCivilSecond(absl::FromUnixMicros(micros), absl::UTCTimeZone());
  const int64_t days = absl::CivilDay(cs) - absl::CivilDay(2026, 1, 5);
  const char* plus = days >= 7 ? "+" : "";
  return absl::StrCat(plus, kDays[((days % 7) + 7) % 7], " ",
                      FormatWallTime(cs.hour() * 60 + cs.minute()));
}

inline CalendarSpec OfficeHours() {
  CalendarSpec spec;
  spec.time_zone = "UTC";
  for (int day = 1; day <= 5; ++day) spec.weekly.push_back({day, {{9 * 60, 17 * 60}}});
  return spec;
}

// A target of calendar time; Business() makes it one of office hours.
inline v1::Target MakeTarget(const std::string& id, v1::Metric metric, int minutes,
                             std::vector<tickets::v1::Priority> priorities = {}) {
  v1::Target target;
  target.set_target_id(id);
  target.set_metric(metric);
  target.mutable_duration()->set_seconds(minutes * 60);
  target.set_basis(v1::TIME_BASIS_CALENDAR);
  for (const auto priority : priorities) target.add_priorities(priority);
  return target;
}

inline v1::Target Business(v1::Target target) {
  target.set_basis(v1::TIME_BASIS_BUSINESS);
  target.set_calendar_id("office");
  return target;
}

inline v1::Target PausedBy(v1::Target target, tickets::v1::HoldReason reason) {
  target.add_pause_on(reason);
  return target;
}

inline v1::Target WarnedAt(v1::Target target, std::vector<int> percents) {
  for (const int percent : percents) target.add_warn_percent(percent);
  return target;
}

// A judge over its own copy of the targets.
class Bench {
 public:
  explicit Bench(std::vector<v1::Target> targets,
                 std::map<std::string, std::string> site_time_zones = {}) {
    policy_.mutable_site_time_zones()->insert(site_time_zones.begin(), site_time_zones.end());
    static const std::shared_ptr<const BusinessCalendar> office =
        *BusinessCalendar::Compile(OfficeHours());
    const auto office_in = [](const std::string& zone) {
      CalendarSpec spec = OfficeHours();
      spec.time_zone = zone;
      return std::shared_ptr<const BusinessCalendar>(*BusinessCalendar::Compile(spec));
    };
    JudgeEra era;
    for (v1::Target& target : targets) {
      const bool business = target.basis() == v1::TIME_BASIS_BUSINESS;
      era.hours.push_back(business ? TargetHours{office, 1, {{"office", 1}}, office_in}
                                   : TargetHours());
      *policy_.add_targets() = std::move(target);
    }
    era.policy = &policy_;
    era.compiled = std::make_shared<const CompiledPolicy>(CompilePolicy(policy_));
    judge_.Add(std::move(era));
  }
  Bench(const Bench&) = delete;
  const Judge& judge() const { return judge_; }

 private:
  v1::PolicySet policy_;
  Judge judge_;
};

// Inputs.
inline TicketInput Move(tickets::v1::State to,
                        tickets::v1::HoldReason reason = tickets::v1::HOLD_REASON_UNSPECIFIED) {
  TicketInput input;
  input.mutable_change()->set_state(to);
  input.mutable_change()->set_hold_reason(reason);
  return input;
}
inline TicketInput Hold(tickets::v1::HoldReason reason = tickets::v1::HOLD_REASON_USER) {
  return Move(tickets::v1::STATE_ON_HOLD, reason);
}
inline TicketInput Work() { return Move(tickets::v1::STATE_IN_PROGRESS); }
inline TicketInput Resolve() { return Move(tickets::v1::STATE_RESOLVED); }
inline TicketInput Reopen() {
  TicketInput input = Move(tickets::v1::STATE_IN_PROGRESS);
  input.set_event(state::v1::TICKET_EVENT_KIND_REOPENED);
  return input;
}
inline TicketInput Respond() {
  TicketInput input;
  input.mutable_change()->set_responded(true);
  return input;
}
// A public comment.
inline TicketInput Say(events::v1::ActorKind author) {
  TicketInput input;
  input.set_event(state::v1::TICKET_EVENT_KIND_COMMENTED);
  input.set_actor_kind(author);
  input.set_public_(true);
  if (author == events::v1::ACTOR_KIND_AGENT) input.mutable_change()->set_responded(true);
  return input;
}
inline TicketInput GiveTo(const std::string& group) {
  TicketInput input;
  input.set_event(state::v1::TICKET_EVENT_KIND_ASSIGNED);
  input.mutable_change()->set_group(group);
  return input;
}
inline TicketInput Raise(tickets::v1::Priority to) {
  TicketInput input;
  input.mutable_change()->set_priority(to);
  return input;
}
inline TicketInput Opened(tickets::v1::Priority priority,
                          tickets::v1::State state = tickets::v1::STATE_NEW) {
  TicketInput input = Move(state);
  input.set_event(state::v1::TICKET_EVENT_KIND_CREATED);
  input.mutable_change()->set_priority(priority);
  input.mutable_change()->set_category("");
  input.mutable_change()->set_site("");
  return input;
}

inline std::string Line(const Happening& h) {
  static constexpr const char* kKinds[] = {"attached",   "paused",  "resumed",
                                           "retargeted", "warned",  "breached",
                                           "withdrawn",  "stopped", "cancelled"};
  const std::string name =
      h.clock.metric() == v1::METRIC_FIRST_RESPONSE ? "response" : h.clock.name();
  const std::string cycle = h.clock.cycle() > 1 ? absl::StrCat("#", h.clock.cycle()) : "";
  std::string line =
      absl::StrCat(Show(h.at), " ", name, cycle, " ", kKinds[static_cast<int>(h.kind)]);
  if (h.threshold.percent() > 0) absl::StrAppend(&line, " ", h.threshold.percent(), "%");
  if (h.threshold.time_left() > 0) {
    absl::StrAppend(&line, " ", h.threshold.time_left() / 60'000'000, " min left");
  }
  if (h.skipped) absl::StrAppend(&line, " skipped");
  if (h.kind == Happening::Kind::kBreached) {
    absl::StrAppend(&line, " leg ", h.leg, " due ", Show(h.due));
  }
  if (h.kind == Happening::Kind::kWithdrawn) absl::StrAppend(&line, " leg ", h.leg);
  if (h.on_attach) absl::StrAppend(&line, " on attach");
  if (h.kind == Happening::Kind::kStopped) {
    absl::StrAppend(&line, h.clock.verdict() == v1::VERDICT_MET ? " met" : " missed");
  }
  if (h.restated) absl::StrAppend(&line, " restated");
  if (!h.cause.empty()) absl::StrAppend(&line, " (", h.cause, ")");
  return line;
}

// One ticket under one bench.
class Life {
 public:
  explicit Life(const Bench& bench) : bench_(bench) {}

  // Opens the ticket, or anything that comes after; each input is heard when it is given.
  void Do(absl::string_view at, TicketInput input) {
    input.set_at(At(at));
    input.set_sequence(++sequence_);
    if (sequence_ == 1) ticket.set_opened_at(input.at());
    ApplyInput(bench_.judge(), ticket, input, told_);
  }
  // Lets time pass: timers due before `at` fire.
  void Until(absl::string_view at) { Settle(ticket, At(at), told_); }

  // What was told since the last look.
  std::vector<std::string> Told() {
    std::vector<std::string> lines;
    for (const Happening& happening : told_) lines.push_back(Line(happening));
    told_.clear();
    return lines;
  }

  const state::v1::ClockRecord& Clock(v1::Metric metric = v1::METRIC_RESOLUTION) const {
    for (const state::v1::ClockRecord& clock : ticket.clocks()) {
      if (clock.metric() == metric) return clock;
    }
    ADD_FAILURE() << "no such clock";
    return state::v1::ClockRecord::default_instance();
  }
  std::string Due() const { return Clock().has_due() ? Show(Clock().due()) : "none"; }
  int64_t ElapsedMinutes() const { return Clock().elapsed() / 60'000'000; }

  state::v1::TicketClocks ticket;

 private:
  const Bench& bench_;
  Happenings told_;
  int64_t sequence_ = 0;
};

}  // namespace watchbell::sla::test
