#include "services/watchbell/demo_scene.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/watchbell/demo_alerts.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/policy_file.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::cli {
namespace {

constexpr int kStorm = 40;
constexpr absl::Duration kBound = absl::Seconds(20);
constexpr absl::Duration kLookEvery = absl::Milliseconds(50);
constexpr char kSecondStep[] = "margaret";
constexpr char kMonitoring[] = "alertmanager";

rpc::CallOptions As(const std::string& subject) {
  rpc::CallOptions options;
  options.metadata["x-watchbell-subject"] = subject;
  return options;
}

// Outcomes with their counts: "1 opened, 39 joined".
std::string Outcomes(const tickets::v1::PublishAlertsResponse& response) {
  std::map<std::string, int> counts;
  for (const auto& outcome : response.outcomes()) ++counts[outcome.outcome()];
  std::string text;
  for (const char* first : {"opened", "joined"}) {
    if (const auto found = counts.find(first); found != counts.end()) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", found->second, " ", first);
      counts.erase(found);
    }
  }
  for (const auto& [name, count] : counts)
    absl::StrAppend(&text, text.empty() ? "" : ", ", count, " ", name);
  return text;
}

}  // namespace

DemoScene::DemoScene(rpc::Client& client, Clock& clock, DemoView& view, std::string hook_url)
    : client_(client), clock_(clock), view_(view), hook_url_(std::move(hook_url)) {}

absl::Status DemoScene::Call(const std::string& method, const google::protobuf::Message& request,
                             google::protobuf::Message* response, const rpc::CallOptions& options) {
  absl::Status called =
      client_.Call(absl::StrCat("watchbell.", method), request, response, options);
  if (called.ok()) return called;
  return absl::Status(called.code(), absl::StrCat(method, ": ", called.message()));
}

absl::Status DemoScene::Prepare() {
  const CallSla sla = [this](const std::string& method, const auto& request,
                             google::protobuf::Message* response) {
    return Call(absl::StrCat("sla.v1.SlaService/", method), request, response);
  };
  ASSIGN_OR_RETURN(
      const StoredPolicy stored,
      StorePolicy(EmbeddedMessage<sla::v1::PolicyFile>("live_policy.json"), "", clock_, sla));
  RETURN_IF_ERROR(ActivatePolicy(stored.policy_set, std::nullopt, "", clock_, sla).status());

  escalation::v1::PutEscalationSetupRequest setup;
  ParseEmbedded("live_setup.json", setup.mutable_setup());
  escalation::v1::EscalationSetup stored_setup;
  RETURN_IF_ERROR(Call("escalation.v1.EscalationService/PutEscalationSetup", setup, &stored_setup));
  std::set<std::string> people;
  for (const auto& rota : setup.setup().rotas())
    people.insert(rota.people().begin(), rota.people().end());
  for (const auto& policy : setup.setup().policies()) {
    for (const auto& step : policy.steps())
      people.insert(step.people().begin(), step.people().end());
    people.insert(policy.catch_all().begin(), policy.catch_all().end());
  }
  for (const std::string& person : people) RETURN_IF_ERROR(PutContact(person));
  return absl::OkStatus();
}

absl::Status DemoScene::PutContact(const std::string& person) {
  notifications::v1::PutContactRequest request;
  notifications::v1::Contact& contact = *request.mutable_contact();
  contact.set_person(person);
  contact.set_display_name(person);
  notifications::v1::ContactPoint* mail = contact.add_points();
  mail->set_medium(notifications::v1::MEDIUM_EMAIL);
  mail->set_address(absl::StrCat(person, "@desk.example"));
  notifications::v1::ContactPoint* hook = contact.add_points();
  hook->set_medium(notifications::v1::MEDIUM_WEBHOOK);
  hook->set_address(absl::StrCat(hook_url_, "/", person));
  notifications::v1::Contact stored;
  return Call("notifications.v1.NotificationService/PutContact", request, &stored);
}

absl::Status DemoScene::SendStorm(absl::Time since) {
  tickets::v1::PublishAlertsRequest storm;
  storm.set_payload(AlertStorm(kStorm, since));
  std::set<std::string> tickets;
  for (int time = 1; time <= 2; ++time) {
    tickets::v1::PublishAlertsResponse response;
    RETURN_IF_ERROR(
        Call("tickets.v1.TicketService/PublishAlerts", storm, &response, As(kMonitoring)));
    for (const auto& outcome : response.outcomes()) tickets.insert(outcome.ticket());
    view_.Say(Colour::kYellow, "alerts",
              absl::StrCat(kStorm, time == 1 ? " alerts: " : " alerts, the same once more: ",
                           Outcomes(response)));
  }
  if (tickets.size() != 1 || tickets.begin()->empty()) {
    return absl::InternalError(
        absl::StrCat("the storm should have made one ticket, not ", tickets.size()));
  }
  ticket_ = *tickets.begin();
  if (ticket_.rfind("tickets/", 0) != 0) ticket_ = absl::StrCat("tickets/", ticket_);
  view_.Follow(ticket_);
  return absl::OkStatus();
}

absl::Status DemoScene::Acknowledge(const std::string& person) {
  tickets::v1::AcknowledgeTicketRequest request;
  request.set_name(ticket_);
  tickets::v1::Ticket ticket;
  return Call("tickets.v1.TicketService/AcknowledgeTicket", request, &ticket, As(person));
}

absl::Status DemoScene::Await(const std::string& what, const std::function<bool()>& come) {
  const absl::Time give_up = clock_.Now() + kBound;
  while (true) {
    RETURN_IF_ERROR(view_.Look());
    if (come()) return absl::OkStatus();
    if (clock_.Now() > give_up) {
      return absl::DeadlineExceededError(
          absl::StrCat("this did not happen within ", HumanDuration(kBound), ": ", what));
    }
    RETURN_IF_ERROR(Pause(clock_, kLookEvery));
  }
}

absl::Status DemoScene::Play() {
  const auto response_clock = [&]() -> const sla::v1::Clock& {
    return view_.clock_of("first-response");
  };
  const auto resolution_clock = [&]() -> const sla::v1::Clock& {
    return view_.clock_of("resolution");
  };
  const absl::Time since = clock_.Now();
  view_.Begin();
  RETURN_IF_ERROR(SendStorm(since));
  RETURN_IF_ERROR(
      Await("the ticket is routed to a group", [&] { return view_.Happened("assigned"); }));
  RETURN_IF_ERROR(Await("both clocks run", [&] {
    return !response_clock().clock_id().empty() && !resolution_clock().clock_id().empty();
  }));
  RETURN_IF_ERROR(
      Await("the response clock warns", [&] { return response_clock().warned_percent() > 0; }));
  RETURN_IF_ERROR(
      Await("the response clock breaches", [&] { return response_clock().breached(); }));
  RETURN_IF_ERROR(Await("step one is paged by mail and webhook", [&] {
    return view_.run().step() >= 1 && view_.mails() >= 1 && view_.hooks() >= 1;
  }));
  RETURN_IF_ERROR(Await("step two is paged by mail and webhook", [&] {
    return view_.run().step() >= 2 && view_.sent(kSecondStep) == 2 && view_.mails() >= 2 &&
           view_.hooks() >= 2;
  }));
  RETURN_IF_ERROR(Acknowledge(kSecondStep));
  RETURN_IF_ERROR(Await("the acknowledgement ends the run and stops the response clock", [&] {
    return view_.run().end() == escalation::v1::RUN_END_ACKNOWLEDGED &&
           response_clock().verdict() == sla::v1::VERDICT_MISSED;
  }));
  tickets::v1::PublishAlertsRequest clear;
  clear.set_payload(AlertStorm(kStorm, since, clock_.Now()));
  tickets::v1::PublishAlertsResponse cleared;
  RETURN_IF_ERROR(Call("tickets.v1.TicketService/PublishAlerts", clear, &cleared, As(kMonitoring)));
  view_.Say(Colour::kYellow, "alerts", absl::StrCat("all clear: ", Outcomes(cleared)));
  RETURN_IF_ERROR(Await("the clear resolves the ticket and its resolution clock is met", [&] {
    return view_.Happened("resolved") && resolution_clock().verdict() == sla::v1::VERDICT_MET;
  }));
  RETURN_IF_ERROR(Await("every delivery has its receipt",
                        [&] { return view_.sent() == view_.mails() + view_.hooks(); }));
  if (view_.bad_signatures() > 0)
    return absl::InternalError("a webhook came with a wrong signature");
  return absl::OkStatus();
}

}  // namespace watchbell::cli
