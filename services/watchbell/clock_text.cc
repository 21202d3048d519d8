#include "services/watchbell/clock_text.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/proto_time.h"
#include "common/time/rfc3339.h"
#include "services/sla/policies/policy_words.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

using sla::v1::Clock;
using sla::v1::ClockExplanation;
using sla::v1::ClockSegment;
using sla::v1::TimeUse;

std::string Instant(const google::protobuf::Timestamp& time) {
  return FormatRfc3339(FromProto(time));
}

// Below a minute with a tenth of a second, so that short stretches add up.
std::string Span(absl::Duration span) {
  const int64_t tenths =
      absl::ToInt64Milliseconds(absl::AbsDuration(span) + absl::Milliseconds(50)) / 100;
  if (tenths >= 600) {
    const absl::Duration least = absl::Minutes(span < absl::ZeroDuration() ? -1 : 1);
    return sla::DurationInWords(absl::AbsDuration(span) < absl::Minutes(1) ? least : span);
  }
  const std::string text =
      tenths % 10 == 0 ? absl::StrCat(tenths / 10) : absl::StrCat(tenths / 10, ".", tenths % 10);
  return absl::StrCat(span < absl::ZeroDuration() && tenths > 0 ? "-" : "", text, " s");
}

std::string Span(const google::protobuf::Duration& duration) { return Span(FromProto(duration)); }

std::string StateName(sla::v1::ClockState state) {
  return PlainName(sla::v1::ClockState_Name(state), "CLOCK_STATE_");
}

std::string PriorityName(tickets::v1::Priority priority) {
  return PlainName(tickets::v1::Priority_Name(priority), "PRIORITY_");
}

std::string HoldReasonName(int reason) {
  return PlainName(tickets::v1::HoldReason_Name(reason), "HOLD_REASON_");
}

// "policy set standard 3", "a draft of policy set standard".
std::string PolicyText(const std::string& id, int64_t version) {
  return version == 0 ? absl::StrCat("a draft of policy set ", id)
                      : absl::StrCat("policy set ", id, " version ", version);
}

void AppendUse(const char* what, const TimeUse& use, std::string* out) {
  absl::StrAppend(out, "  ", what, ": ", Span(use.elapsed()));
  if (use.has_allowed()) {
    const bool over = FromProto(use.remaining()) < absl::ZeroDuration();
    absl::StrAppend(out, " of ", Span(use.allowed()));
    // A deadline at or before the start allows nothing, of which there are no percent.
    if (FromProto(use.allowed()) > absl::ZeroDuration()) {
      absl::StrAppend(out, ", ", use.percent(), " %");
    }
    absl::StrAppend(out, "; ", Span(absl::AbsDuration(FromProto(use.remaining()))),
                    over ? " over" : " left");
  }
  *out += '\n';
}

const char* ZoneOriginText(sla::v1::ZoneOrigin origin) {
  switch (origin) {
    case sla::v1::ZONE_ORIGIN_SITE:
      return "the site's zone";
    case sla::v1::ZONE_ORIGIN_REQUESTER:
      return "the requester's zone";
    case sla::v1::ZONE_ORIGIN_FALLBACK:
      return "the calendar's own zone: the ticket's is not known, or the calendar is a union";
    default:
      return "the calendar's own zone";
  }
}

// "excused: 1 min 29 s by ana at 2026-01-05T09:00:00Z: power cut; counts as met".
std::string WaiverText(const Clock& clock) {
  const sla::v1::Waiver& waiver = clock.waiver();
  std::string text = absl::StrCat("excused: ", Span(waiver.excused()));
  if (!waiver.approved_by().empty()) absl::StrAppend(&text, " by ", waiver.approved_by());
  const bool met = clock.effective_verdict() == sla::v1::VERDICT_MET;
  return absl::StrCat(text, " at ", Instant(waiver.approved_at()), ": ", waiver.reason(), "; ",
                      met ? "counts as met" : "counts as missed still");
}

// Of a union: " of berlin version 2, tokyo version 1".
std::string MembersText(const ClockExplanation& told) {
  std::vector<std::string> members;
  for (int i = 1; i < told.calendars_size(); ++i) {
    members.push_back(
        absl::StrCat(told.calendars(i).calendar_id(), " version ", told.calendars(i).version()));
  }
  return members.empty() ? "" : absl::StrCat(" of ", absl::StrJoin(members, ", "));
}

void AppendHead(const ClockExplanation& told, std::string* out) {
  const Clock& clock = told.clock();
  absl::StrAppend(out, clock.clock_id(), ": ", ClockStandsText(clock), "\n  as of ",
                  Instant(told.as_of()), ", started ", Instant(clock.started_at()), "\n  target ",
                  clock.target_id(), " of ",
                  PolicyText(clock.policy_set_id(), clock.policy_version()));
  if (clock.leg() > 1) {
    absl::StrAppend(out, ", leg ", clock.leg(), " of the clock, since ",
                    Instant(clock.leg_started_at()));
  }
  *out += '\n';
  if (!clock.calendar_id().empty()) {
    absl::StrAppend(out, "  calendar ", clock.calendar_id(), " version ", clock.calendar_version(),
                    MembersText(told), ", in ", absl::StrJoin(told.time_zones(), ", "), " (",
                    ZoneOriginText(told.zone_origin()), ")\n");
  }
  AppendUse("counted", told.counted(), out);
  AppendUse("all time", told.calendar(), out);
  if (clock.earlier_breaches() > 0) {
    absl::StrAppend(out, "  breached before, under earlier targets: ", clock.earlier_breaches(),
                    "\n");
  }
  if (clock.has_waiver()) absl::StrAppend(out, "  ", WaiverText(clock), "\n");
}

std::string Remarks(const ClockSegment& segment) {
  std::vector<std::string> remarks;
  if (!segment.holiday().empty()) remarks.push_back(segment.holiday());
  if (segment.has_cause()) {
    remarks.push_back(
        absl::StrCat("since ", segment.cause().event(), " at ", Instant(segment.cause().at())));
  }
  if (segment.hold_reason() != tickets::v1::HOLD_REASON_UNSPECIFIED) {
    remarks.push_back(absl::StrCat("on hold for ", HoldReasonName(segment.hold_reason())));
  }
  if (segment.set_aside()) remarks.push_back("set aside by a later target");
  if (segment.expected()) remarks.push_back("to come");
  return absl::StrJoin(remarks, ", ");
}

using Row = std::array<std::string, 6>;

// Columns of at least these widths, and two spaces between what is in them; the last is open.
void AppendTable(const std::vector<Row>& rows, std::string* out) {
  std::array<size_t, std::tuple_size_v<Row> - 1> widths = {28, 28, 15, 16, 20};
  for (const Row& row : rows) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + 2);
  }
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      absl::StrAppendFormat(&line, "%-*s", static_cast<int>(widths[i]), row[i]);
    }
    line += row.back();
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(out, line, "\n");
  }
}

void AppendSegments(const ClockExplanation& told, std::string* out) {
  std::vector<Row> rows = {{"from", "to", "what", "counted", "target", "why"}};
  for (const ClockSegment& segment : told.segments()) {
    rows.push_back(
        {Instant(segment.from()), Instant(segment.to()),
         PlainName(sla::v1::ClockSegmentKind_Name(segment.kind()), "CLOCK_SEGMENT_KIND_"),
         Span(segment.counted()), segment.target_id(), Remarks(segment)});
  }
  *out += '\n';
  AppendTable(rows, out);
  if (told.more_segments()) absl::StrAppend(out, "and more\n");
}

void AppendReasons(const ClockExplanation& told, std::string* out) {
  absl::StrAppend(out, "\nTargets of this clock, by rank\n");
  for (const sla::v1::TargetReason& reason : told.targets()) {
    absl::StrAppend(out, "  ", reason.target_id(), ": ",
                    reason.applies() ? "applies" : reason.why_not(), "\n");
  }
}

void AppendOutcomes(const ClockExplanation& told, std::string* out) {
  if (told.priorities().empty() && told.pausing_hold_reasons().empty()) return;
  absl::StrAppend(out, "\nWhat would change it now\n");
  for (const sla::v1::PriorityOutcome& outcome : told.priorities()) {
    absl::StrAppend(out, "  priority ", PriorityName(outcome.priority()), ": ",
                    StateName(outcome.state()));
    if (!outcome.target_id().empty()) absl::StrAppend(out, ", target ", outcome.target_id());
    if (outcome.has_due_at()) absl::StrAppend(out, ", due ", Instant(outcome.due_at()));
    absl::StrAppend(out, outcome.breached() ? ", which is over" : "", "\n");
  }
  if (told.pausing_hold_reasons().empty()) return;
  std::vector<std::string> reasons;
  for (const int reason : told.pausing_hold_reasons()) reasons.push_back(HoldReasonName(reason));
  absl::StrAppend(out, "  on hold for ", absl::StrJoin(reasons, " or "), ": paused\n");
}

void AppendBurned(const char* what,
                  const google::protobuf::RepeatedPtrField<sla::v1::TimeBurned>& burned,
                  bool of_hold, std::string* out) {
  std::vector<std::string> parts;
  for (const sla::v1::TimeBurned& one : burned) {
    const std::string value = of_hold ? PlainName(one.value(), "HOLD_REASON_") : one.value();
    parts.push_back(absl::StrCat(value.empty() ? "none" : value, " ", Span(one.counted())));
  }
  if (!parts.empty()) absl::StrAppend(out, "  by ", what, ": ", absl::StrJoin(parts, ", "), "\n");
}

bool SamePolicy(const Clock& a, const Clock& b) {
  return a.policy_set_id() == b.policy_set_id() && a.policy_version() == b.policy_version();
}

bool SameCalendar(const Clock& a, const Clock& b) {
  return a.calendar_id() == b.calendar_id() && a.calendar_version() == b.calendar_version();
}

std::string PolicyOf(const Clock& clock) {
  return absl::StrCat(" of ", PolicyText(clock.policy_set_id(), clock.policy_version()));
}

std::string CalendarOf(const Clock& clock) {
  if (clock.calendar_id().empty()) return ", all time counts";
  return absl::StrCat(", calendar ", clock.calendar_id(), " version ", clock.calendar_version());
}

// What `clock` has surely counted at `now`. Its `elapsed` is up to its last change; since then at
// least what is missing if all the time from now to the deadline counts, of which closed hours do
// not.
absl::Duration CountedAtLeast(const Clock& clock, absl::Time now) {
  const absl::Duration elapsed = FromProto(clock.elapsed());
  if (clock.state() != sla::v1::CLOCK_STATE_RUNNING || !clock.has_due_at() || clock.breached()) {
    return elapsed;
  }
  const absl::Duration to_due = std::max(FromProto(clock.due_at()) - now, absl::ZeroDuration());
  return elapsed + std::max(FromProto(clock.remaining()) - to_due, absl::ZeroDuration());
}

// Time so far is carried over, unless the new leg's target restarts: then what was counted is gone.
// Nothing gone, nothing said; nor where closed hours leave open whether something was counted.
bool CountsFromZero(const Clock& before, const Clock& after) {
  const bool goes_on =
      after.state() == sla::v1::CLOCK_STATE_RUNNING || after.state() == sla::v1::CLOCK_STATE_PAUSED;
  return goes_on && after.leg() > before.leg() &&
         FromProto(after.elapsed()) == absl::ZeroDuration() &&
         CountedAtLeast(before, FromProto(after.leg_started_at())) > absl::ZeroDuration();
}

// What is used, or left, when it warns.
std::string ThresholdText(const sla::v1::PreviewedWarning& warning) {
  return warning.percent() > 0 ? absl::StrCat(warning.percent(), " % used")
                               : absl::StrCat(Span(warning.time_left()), " left");
}

void AppendPreviewed(const sla::v1::PreviewedClock& one, std::string* out) {
  const Clock& clock = one.clock();
  absl::StrAppend(out, clock.clock(), ": ", ClockStandsText(clock), ", by ", clock.target_id(),
                  "\n");
  if (one.has_opens_at()) absl::StrAppend(out, "  counts from ", Instant(one.opens_at()), "\n");
  for (const sla::v1::PreviewedWarning& warning : one.warnings()) {
    absl::StrAppend(out, "  warns at ", Instant(warning.at()), ", ", ThresholdText(warning), "\n");
  }
}

}  // namespace

std::string ClockStandsText(const Clock& clock) {
  std::string text = StateName(clock.state());
  if (clock.verdict() != sla::v1::VERDICT_UNSPECIFIED) {
    absl::StrAppend(&text, ", ", PlainName(sla::v1::Verdict_Name(clock.verdict()), "VERDICT_"));
  }
  if (clock.has_due_at()) absl::StrAppend(&text, ", due ", Instant(clock.due_at()));
  if (clock.state() == sla::v1::CLOCK_STATE_PAUSED) {
    absl::StrAppend(&text, ", ", Span(clock.remaining()), " left");
  }
  if (clock.breached() && clock.verdict() == sla::v1::VERDICT_UNSPECIFIED) {
    absl::StrAppend(&text, ", breached");
    if (clock.has_breached_at()) absl::StrAppend(&text, " at ", Instant(clock.breached_at()));
  }
  return text;
}

std::string ClockMoveText(const sla::v1::ClockMove& move) {
  const Clock& before = move.before();
  const Clock& after = move.after();
  const bool both = move.has_before() && move.has_after();
  const auto side = [&](bool exists, const Clock& clock) {
    return exists ? absl::StrCat(ClockStandsText(clock), ", by ", clock.target_id(),
                                 both && !SamePolicy(before, after) ? PolicyOf(clock) : "",
                                 both && !SameCalendar(before, after) ? CalendarOf(clock) : "")
                  : std::string("not there");
  };
  const bool restarts = both && CountsFromZero(before, after);
  return absl::StrCat(move.has_before() ? before.clock_id() : after.clock_id(), ": ",
                      side(move.has_before(), before), "; then ", side(move.has_after(), after),
                      restarts ? ", counts from zero" : "");
}

std::string PreviewedClocksText(const sla::v1::PreviewClocksResponse& preview,
                                const tickets::v1::Ticket& ticket) {
  const std::string policy = PolicyText(preview.policy_set_id(), preview.policy_version());
  std::string text;
  if (preview.policy_set_id().empty()) {
    text = "no clocks: no policy set is in force\n";
  } else if (preview.clocks().empty()) {
    text = absl::StrCat("no clocks: no target of ", policy, " selects the ticket\n");
  } else {
    text = absl::StrCat("by ", policy, ": ", Counted(preview.clocks_size(), "clock"), "\n");
  }
  for (const sla::v1::PreviewedClock& one : preview.clocks()) AppendPreviewed(one, &text);
  if (ticket.impact() != tickets::v1::IMPACT_UNSPECIFIED &&
      ticket.urgency() != tickets::v1::URGENCY_UNSPECIFIED &&
      ticket.priority() == tickets::v1::PRIORITY_UNSPECIFIED) {
    absl::StrAppend(&text, "priority is not given: a preview does not make it of impact and ",
                    "urgency, as a ticket that is opened would\n");
  }
  return text;
}

std::string ExplanationText(const ClockExplanation& told) {
  std::string out;
  AppendHead(told, &out);
  AppendSegments(told, &out);
  AppendReasons(told, &out);
  AppendOutcomes(told, &out);
  if (!told.by_group().empty()) absl::StrAppend(&out, "\nTime counted\n");
  AppendBurned("group", told.by_group(), false, &out);
  AppendBurned("assignee", told.by_assignee(), false, &out);
  AppendBurned("hold reason", told.by_hold_reason(), true, &out);
  return out;
}

}  // namespace watchbell::cli
