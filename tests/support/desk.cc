#include "tests/support/desk.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "gtest/gtest.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/events/v1/notifications.pb.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::test {
namespace {

template <typename T>
T Must(absl::StatusOr<T> value, const char* what) {
  if (!value.ok()) {
    ADD_FAILURE() << what << ": " << value.status();
    std::abort();
  }
  return *std::move(value);
}

tickets::v1::Impact ImpactFor(tickets::v1::Priority priority) {
  return priority == P1 ? tickets::v1::IMPACT_HIGH : tickets::v1::IMPACT_MEDIUM;
}
tickets::v1::Urgency UrgencyFor(tickets::v1::Priority priority) {
  return priority == P3 ? tickets::v1::URGENCY_MEDIUM : tickets::v1::URGENCY_HIGH;
}

template <typename Request>
Request Named(const std::string& ticket) {
  Request request;
  request.set_name("tickets/" + ticket);
  return request;
}

}  // namespace

absl::Time ParseStoryTime(const std::string& text) {
  absl::Time time;
  std::string error;
  for (const char* format : {"%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d %H:%M"}) {
    if (absl::ParseTime(format, text, absl::UTCTimeZone(), &time, &error)) return time;
  }
  ADD_FAILURE() << "not a time: " << text;
  return absl::InfinitePast();
}

std::string FormatStoryTime(absl::Time time) {
  const bool whole_minutes = time == absl::FromUnixSeconds(absl::ToUnixSeconds(time) / 60 * 60);
  return absl::FormatTime(whole_minutes ? "%Y-%m-%d %H:%M" : "%Y-%m-%d %H:%M:%E*S", time,
                          absl::UTCTimeZone());
}

Desk::Desk(const std::string& opens_at) : world_({.start = ParseStoryTime(opens_at)}) {
  policy_.set_policy_set_id("story");
}

Desk& Desk::Hours(const std::string& from, const std::string& to, const std::string& zone) {
  calendar_.set_calendar_id("hours");
  calendar_.set_time_zone(zone);
  for (int day = 1; day <= 5; ++day) {
    auto* weekday = calendar_.add_weekly();
    weekday->set_weekday(day);
    auto* interval = weekday->add_intervals();
    interval->set_from(from);
    interval->set_to(to);
  }
  sla::v1::PutCalendarRequest request;
  *request.mutable_calendar() = calendar_;
  Must(world_.Call<sla::v1::Calendar>("sla", request), "PutCalendar");
  return *this;
}

Desk& Desk::Promise(tickets::v1::Priority priority, sla::v1::Metric metric, absl::Duration within,
                    std::vector<int> warn_percent, std::vector<tickets::v1::HoldReason> pause_on) {
  auto* target = policy_.add_targets();
  target->set_target_id(absl::StrCat("target-", policy_.targets_size()));
  target->set_metric(metric);
  target->add_priorities(priority);
  *target->mutable_duration() = ToProto(within);
  const bool business = !calendar_.calendar_id().empty();
  target->set_basis(business ? sla::v1::TIME_BASIS_BUSINESS : sla::v1::TIME_BASIS_CALENDAR);
  target->set_calendar_id(calendar_.calendar_id());
  for (const int percent : warn_percent) target->add_warn_percent(percent);
  for (const auto reason : pause_on) target->add_pause_on(reason);
  PutPolicy();
  return *this;
}

Desk& Desk::Promise(sla::v1::Target target) {
  if (target.basis() == sla::v1::TIME_BASIS_BUSINESS && target.calendar_id().empty()) {
    target.set_calendar_id(calendar_.calendar_id());
  }
  *policy_.add_targets() = std::move(target);
  PutPolicy();
  return *this;
}

void Desk::PutPolicy() {
  sla::v1::PutPolicySetRequest put;
  *put.mutable_policy_set() = policy_;
  Must(world_.Call<sla::v1::PolicySet>("sla", put), "PutPolicySet");
  sla::v1::ActivatePolicySetRequest activate;
  activate.set_policy_set_id(policy_.policy_set_id());
  Must(world_.Call<sla::v1::PolicyVersion>("sla", activate), "ActivatePolicySet");
}

Desk& Desk::Team(const std::string& team, const std::vector<std::string>& people,
                 absl::Duration delay) {
  escalation::v1::PutEscalationSetupRequest request;
  auto* policy = request.mutable_setup()->add_policies();
  policy->set_escalation_policy_id("policy");
  policy->set_trigger(escalation::v1::TRIGGER_BREACH);
  for (const std::string& person : people) {
    auto* step = policy->add_steps();
    step->add_people(person);
    *step->mutable_delay() = ToProto(delay);
    notifications::v1::PutContactRequest contact;
    contact.mutable_contact()->set_person(person);
    auto* point = contact.mutable_contact()->add_points();
    point->set_medium(notifications::v1::MEDIUM_EMAIL);
    point->set_address(person + "@example.org");
    Must(world_.Call<notifications::v1::Contact>("notifications", contact), "PutContact");
  }
  auto* added = request.mutable_setup()->add_teams();
  added->set_team_id(team);
  added->set_escalation_policy_id("policy");
  auto* rule = request.mutable_setup()->add_routing();
  rule->set_rule_id("everything");
  rule->set_team_id(team);
  Must(world_.Call<escalation::v1::EscalationSetup>("escalation", request), "PutEscalationSetup");
  return *this;
}

Desk& Desk::At(const std::string& time) {
  world_.AdvanceTo(ParseStoryTime(time));
  return *this;
}

std::string Desk::Open(tickets::v1::Priority priority, const std::string& group) {
  tickets::v1::CreateTicketRequest request;
  request.set_type(tickets::v1::TICKET_TYPE_INCIDENT);
  request.set_title("It is broken");
  request.set_impact(ImpactFor(priority));
  request.set_urgency(UrgencyFor(priority));
  request.set_group(group);
  const auto ticket = Must(world_.Call<tickets::v1::Ticket>("tickets", request), "CreateTicket");
  EXPECT_EQ(ticket.priority(), priority);
  return ticket.ticket_id();
}

void Desk::Acknowledge(const std::string& ticket, const std::string& who) {
  auto request = Named<tickets::v1::AcknowledgeTicketRequest>(ticket);
  request.set_by(who);
  Must(world_.Call<tickets::v1::Ticket>("tickets", request), "AcknowledgeTicket");
}

void Desk::StartWork(const std::string& ticket) {
  const auto request = Named<tickets::v1::StartWorkRequest>(ticket);
  Must(world_.Call<tickets::v1::Ticket>("tickets", request), "StartWork");
}

void Desk::Hold(const std::string& ticket, tickets::v1::HoldReason reason) {
  auto request = Named<tickets::v1::HoldTicketRequest>(ticket);
  request.set_reason(reason);
  Must(world_.Call<tickets::v1::Ticket>("tickets", request), "HoldTicket");
}

void Desk::Resume(const std::string& ticket) {
  const auto request = Named<tickets::v1::ResumeTicketRequest>(ticket);
  Must(world_.Call<tickets::v1::Ticket>("tickets", request), "ResumeTicket");
}

void Desk::Resolve(const std::string& ticket) {
  const auto request = Named<tickets::v1::ResolveTicketRequest>(ticket);
  Must(world_.Call<tickets::v1::Ticket>("tickets", request), "ResolveTicket");
}

void Desk::Reopen(const std::string& ticket) {
  const auto request = Named<tickets::v1::ReopenTicketRequest>(ticket);
  Must(world_.Call<tickets::v1::Ticket>("tickets", request), "ReopenTicket");
}

void Desk::Comment(const std::string& ticket) {
  auto request = Named<tickets::v1::AddCommentRequest>(ticket);
  request.set_text("About your ticket");
  request.set_public_(true);
  Must(world_.Call<tickets::v1::Ticket>("tickets", request), "AddComment");
}

void Desk::Reply(const std::string& ticket) { Comment(ticket); }

void Desk::Ask(const std::string& ticket) {
  const engine::Identity agent =
      std::exchange(world_.identity, engine::Identity{"default", "rita", {}});
  Comment(ticket);
  world_.identity = agent;
}

void Desk::Reprioritize(const std::string& ticket, tickets::v1::Impact impact,
                        tickets::v1::Urgency urgency) {
  auto request = Named<tickets::v1::UpdateTicketRequest>(ticket);
  request.mutable_changes()->set_impact(impact);
  request.mutable_changes()->set_urgency(urgency);
  Must(world_.Call<tickets::v1::Ticket>("tickets", request), "UpdateTicket");
}

std::vector<std::string> Desk::Breaches(const std::string& ticket) const {
  std::vector<std::string> times;
  for (const auto& [row, event] : world_.Events<events::v1::ClockBreached>("sla", ticket)) {
    times.push_back(FormatStoryTime(FromProto(event.due_at())));
  }
  return times;
}

std::vector<std::string> Desk::Warnings(const std::string& ticket) const {
  std::vector<std::string> times;
  for (const auto& [row, event] : world_.Events<events::v1::ClockWarned>("sla", ticket)) {
    times.push_back(FormatStoryTime(row.occurred_at));
  }
  return times;
}

std::vector<std::string> Desk::PagedPeople(const std::string& ticket) const {
  std::vector<std::string> people;
  for (const auto& [row, event] : world_.Events<events::v1::PageRequested>("escalation", ticket)) {
    people.push_back(event.page().person());
  }
  return people;
}

std::vector<std::string> Desk::Mailed(const std::string& ticket) const {
  std::vector<std::string> addresses;
  for (const auto& [row, event] :
       world_.Events<events::v1::DeliverySent>("notifications", ticket)) {
    addresses.push_back(event.delivery().address());
  }
  return addresses;
}

std::vector<std::string> Desk::Told(const std::string& ticket) const {
  std::vector<std::string> lines;
  for (const journal::JournalRow& row : world_.Journal("sla")) {
    if (row.stream_id != ticket) continue;
    const std::string last = row.type.substr(row.type.find("sla.") + 4);
    lines.push_back(
        absl::StrCat(FormatStoryTime(row.occurred_at), " ", last.substr(0, last.find(".v1"))));
  }
  return lines;
}

std::string Desk::Verdict(const std::string& ticket, sla::v1::Metric metric) {
  sla::v1::Clock last;
  for (const journal::JournalRow& row : world_.Journal("sla")) {
    if (row.stream_id != ticket) continue;
    const auto event = bus::DecodeEvent(row.type, row.payload);
    if (!event.ok()) continue;
    const auto* field = (*event)->GetDescriptor()->FindFieldByName("clock");
    if (field == nullptr) continue;
    const auto& clock =
        static_cast<const sla::v1::Clock&>((*event)->GetReflection()->GetMessage(**event, field));
    if (clock.metric() == metric) last = clock;
  }
  switch (last.state()) {
    case sla::v1::CLOCK_STATE_RUNNING:
      return "running";
    case sla::v1::CLOCK_STATE_PAUSED:
      return "paused";
    case sla::v1::CLOCK_STATE_STOPPED:
      return last.verdict() == sla::v1::VERDICT_MET ? "met" : "missed";
    case sla::v1::CLOCK_STATE_CANCELLED:
      return "cancelled";
    default:
      return "none";
  }
}

}  // namespace watchbell::test
