// For tests of explanations: a ticket that can be asked about, and what was answered as readable
// lines.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "services/sla/explain/explain.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla::test {

inline int64_t Micros(const google::protobuf::Timestamp& time) {
  return absl::ToUnixMicros(FromProto(time));
}
inline int64_t Micros(const google::protobuf::Duration& time) {
  return absl::ToInt64Microseconds(FromProto(time));
}
inline int64_t Minutes(const google::protobuf::Duration& time) { return Micros(time) / 60'000'000; }

inline std::string Line(const v1::ClockSegment& segment) {
  std::string kind = v1::ClockSegmentKind_Name(segment.kind());
  absl::AsciiStrToLower(&kind);
  std::string line = absl::StrCat(Show(Micros(segment.from())), " - ", Show(Micros(segment.to())),
                                  " ", absl::StripPrefix(kind, "clock_segment_kind_"));
  if (Micros(segment.counted()) > 0) absl::StrAppend(&line, " ", Minutes(segment.counted()));
  if (!segment.holiday().empty()) absl::StrAppend(&line, " (", segment.holiday(), ")");
  if (segment.has_cause()) {
    absl::StrAppend(&line, " by ", segment.cause().event(), " ", segment.cause().sequence(), " at ",
                    Show(Micros(segment.cause().at())), " ", segment.cause().actor_kind());
  }
  if (segment.leg() > 1) absl::StrAppend(&line, " leg ", segment.leg(), " ", segment.target_id());
  if (segment.set_aside()) absl::StrAppend(&line, " set aside");
  if (segment.expected()) absl::StrAppend(&line, " expected");
  return line;
}

inline TicketInput Told(TicketInput input, state::v1::TicketEventKind event) {
  input.set_event(event);
  input.set_actor_kind(events::v1::ACTOR_KIND_AGENT);
  return input;
}
inline TicketInput Held(tickets::v1::HoldReason reason = tickets::v1::HOLD_REASON_USER) {
  return Told(Hold(reason), state::v1::TICKET_EVENT_KIND_HELD);
}
inline TicketInput Resumed() { return Told(Work(), state::v1::TICKET_EVENT_KIND_RESUMED); }
inline TicketInput Resolved() { return Told(Resolve(), state::v1::TICKET_EVENT_KIND_RESOLVED); }
inline TicketInput Reopened() { return Told(Work(), state::v1::TICKET_EVENT_KIND_REOPENED); }

// One ticket and who asks about it.
class Question {
 public:
  explicit Question(std::vector<v1::Target> targets, std::map<std::string, std::string> zones = {})
      : bench_(std::move(targets), std::move(zones)), judge(bench_.judge()) {}

  Question& Do(absl::string_view at, TicketInput input) {
    input.set_at(At(at));
    return Hear(std::move(input));
  }
  Question& Hear(TicketInput input) {
    Happenings unheard;
    input.set_sequence(++sequence_);
    ApplyInput(judge, ticket, input, unheard);
    return *this;
  }
  v1::ClockExplanation Ask(absl::string_view now, const std::string& name = "resolution",
                           int cycle = 1) const {
    return Explain(judge, ticket, {"inc-1", name, cycle}, At(now)).value();
  }
  // Every target of business time counts by these hours.
  void Count(const CalendarSpec& spec) {
    const std::shared_ptr<const BusinessCalendar> calendar = *BusinessCalendar::Compile(spec);
    JudgeEra era = judge.era(0);
    for (TargetHours& hours : era.hours) {
      if (hours.calendar != nullptr) hours = {calendar, 1, {{"another", 1}}, nullptr};
    }
    judge = Judge();
    judge.Add(std::move(era));
  }

 private:
  const Bench bench_;
  int64_t sequence_ = 0;

 public:
  Judge judge;
  state::v1::TicketClocks ticket;
};

}  // namespace watchbell::sla::test
