#include "services/watchbell/demo_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/watchbell/text.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::cli {
namespace {

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.0f s", absl::ToDoubleSeconds(duration));
}

const char* EndName(escalation::v1::RunEnd end) {
  switch (end) {
    case escalation::v1::RUN_END_ACKNOWLEDGED:
      return "acknowledged";
    case escalation::v1::RUN_END_RESOLVED:
      return "resolved";
    case escalation::v1::RUN_END_WITHDRAWN:
      return "cause withdrawn";
    case escalation::v1::RUN_END_EXHAUSTED:
      return "nobody answered";
    default:
      return "reassigned";
  }
}

}  // namespace

DemoView::DemoView(rpc::Client& client, Clock& clock, Screen& screen)
    : client_(client), clock_(clock), screen_(screen), began_(clock.Now()) {}

void DemoView::Arrived(const SinkMail& mail) {
  MutexLock lock(mu_);
  new_mails_.push_back(mail);
}

void DemoView::Arrived(const SinkHook& hook) {
  MutexLock lock(mu_);
  new_hooks_.push_back(hook);
}

void DemoView::Begin() { began_ = clock_.Now(); }

void DemoView::Say(Colour colour, absl::string_view who, absl::string_view what) {
  const std::string at = absl::StrFormat("%6.1f s", absl::ToDoubleSeconds(clock_.Now() - began_));
  screen_.Line(absl::StrCat(screen_.Paint(Colour::kDim, at), "  ",
                            screen_.Paint(colour, absl::StrFormat("%-13s", who)), " ", what));
}

absl::Status DemoView::Ask(const std::string& method, const google::protobuf::Message& request,
                           google::protobuf::Message* response) {
  return client_.Call(absl::StrCat("watchbell.", method), request, response);
}

absl::Status DemoView::Look() {
  if (!ticket_.empty()) {
    RETURN_IF_ERROR(LookAtTicket());
    RETURN_IF_ERROR(LookAtClocks());
    RETURN_IF_ERROR(LookAtRuns());
    RETURN_IF_ERROR(LookAtDeliveries());
  }
  ShowArrivals();
  return absl::OkStatus();
}

absl::Status DemoView::LookAtTicket() {
  tickets::v1::GetTicketRequest get;
  get.set_name(ticket_);
  tickets::v1::Ticket ticket;
  RETURN_IF_ERROR(Ask("tickets.v1.TicketService/GetTicket", get, &ticket));
  if (ticket.version() == version_) return absl::OkStatus();
  tickets::v1::ListTicketHistoryRequest request;
  request.set_name(ticket_);
  request.set_page_size(500);
  tickets::v1::ListTicketHistoryResponse response;
  RETURN_IF_ERROR(Ask("tickets.v1.TicketService/ListTicketHistory", request, &response));
  for (const tickets::v1::HistoryEntry& entry : response.entries()) {
    if (entry.version() <= version_) continue;
    if (entry.version() > ticket.version()) break;  // the next look has its facts
    version_ = entry.version();
    ShowTicketEvent(entry, ticket);
  }
  return absl::OkStatus();
}

void DemoView::ShowTicketEvent(const tickets::v1::HistoryEntry& entry,
                               const tickets::v1::Ticket& ticket) {
  absl::string_view type = entry.type();
  absl::ConsumePrefix(&type, "io.watchbell.ticket.");
  absl::ConsumeSuffix(&type, ".v1");
  types_.emplace(type);
  std::string text;
  if (type == "created") {
    text = absl::StrCat(ticket.ticket_id(), " opened, P", static_cast<int>(ticket.priority()), ": ",
                        ticket.title());
  } else if (type == "assigned") {
    text = absl::StrCat("assigned to ", ticket.group(),
                        ticket.assignee().empty() ? "" : ", on call: ", ticket.assignee());
  } else if (type == "acknowledged") {
    text = absl::StrCat("acknowledged by ", ticket.acknowledged_by());
  } else {
    text = absl::StrCat(type, entry.actor().empty() ? "" : " by ", entry.actor());
  }
  Say(Colour::kCyan, "ticket", text);
}

absl::Status DemoView::LookAtClocks() {
  sla::v1::ListClocksRequest request;
  request.set_ticket(ticket_);
  sla::v1::ListClocksResponse response;
  const absl::Status asked = Ask("sla.v1.SlaService/ListClocks", request, &response);
  if (absl::IsNotFound(asked)) return absl::OkStatus();  // sla has not heard of it yet
  RETURN_IF_ERROR(asked);
  for (const sla::v1::Clock& now : response.clocks()) {
    sla::v1::Clock& before = clocks_[now.clock()];
    if (now.cycle() < before.cycle()) continue;  // over and shown
    ShowClock(now.cycle() == before.cycle() ? before : sla::v1::Clock(), now);
    before = now;
  }
  return absl::OkStatus();
}

void DemoView::ShowClock(const sla::v1::Clock& before, const sla::v1::Clock& now) {
  const std::string name = absl::StrReplaceAll(now.clock(), {{"-", " "}});
  if (before.clock_id().empty()) {
    Say(Colour::kBlue, "sla",
        absl::StrCat(name, " clock runs, due ",
                     Seconds(FromProto(now.due_at()) - FromProto(now.started_at())),
                     " after opening"));
  }
  if (now.warned_percent() > before.warned_percent()) {
    Say(Colour::kYellow, "sla",
        absl::StrCat("WARNING: ", now.warned_percent(), " % of the ", name, " time is used"));
  }
  if (now.breached() && !before.breached()) {
    Say(Colour::kRed, "sla",
        absl::StrCat("BREACH: ", name, " was due ",
                     Seconds(FromProto(now.breached_at()) - FromProto(now.started_at())),
                     " after opening"));
  }
  if (now.verdict() != before.verdict()) {
    const bool met = now.verdict() == sla::v1::VERDICT_MET;
    Say(met ? Colour::kGreen : Colour::kRed, "sla",
        absl::StrCat(name, " clock stopped after ",
                     Seconds(FromProto(now.stopped_at()) - FromProto(now.started_at())), ": ",
                     met ? "met" : "missed"));
  }
}

absl::Status DemoView::LookAtRuns() {
  escalation::v1::ListRunsRequest request;
  request.set_ticket(ticket_);
  escalation::v1::ListRunsResponse response;
  const absl::Status asked = Ask("escalation.v1.EscalationService/ListRuns", request, &response);
  if (absl::IsNotFound(asked)) return absl::OkStatus();
  RETURN_IF_ERROR(asked);
  if (response.runs().empty()) return absl::OkStatus();
  ShowRun(run_, response.runs(0));
  run_ = response.runs(0);
  return absl::OkStatus();
}

void DemoView::ShowRun(const escalation::v1::Run& before, const escalation::v1::Run& now) {
  if (before.run_id().empty()) {
    Say(Colour::kMagenta, "escalation",
        absl::StrCat("policy ", now.policy().escalation_policy_id(), " starts"));
  }
  if (now.step() > before.step() && now.step() <= now.policy().steps_size()) {
    const escalation::v1::Step& step = now.policy().steps(now.step() - 1);
    std::vector<std::string> whom(step.people().begin(), step.people().end());
    for (const std::string& rota : step.rotas())
      whom.push_back(absl::StrCat("whoever is on call in ", rota));
    Say(Colour::kMagenta, "escalation",
        absl::StrCat("step ", now.step(), ": page ", absl::StrJoin(whom, ", ")));
  }
  if (now.end() != before.end())
    Say(Colour::kMagenta, "escalation", absl::StrCat("over: ", EndName(now.end())));
}

absl::Status DemoView::LookAtDeliveries() {
  notifications::v1::ListDeliveriesRequest request;
  request.set_ticket(ticket_);
  notifications::v1::ListDeliveriesResponse response;
  const absl::Status asked =
      Ask("notifications.v1.NotificationService/ListDeliveries", request, &response);
  if (absl::IsNotFound(asked)) return absl::OkStatus();
  RETURN_IF_ERROR(asked);
  deliveries_.assign(response.deliveries().begin(), response.deliveries().end());
  return absl::OkStatus();
}

int DemoView::sent(const std::string& person) const {
  return static_cast<int>(
      std::count_if(deliveries_.begin(), deliveries_.end(), [&](const auto& delivery) {
        return delivery.state() == notifications::v1::DELIVERY_STATE_SENT &&
               (person.empty() || delivery.person() == person);
      }));
}

void DemoView::ShowArrivals() {
  std::vector<SinkMail> mails;
  std::vector<SinkHook> hooks;
  {
    MutexLock lock(mu_);
    mails.swap(new_mails_);
    hooks.swap(new_hooks_);
  }
  for (const SinkMail& mail : mails) {
    ++mails_;
    Say(Colour::kGreen, "mail", absl::StrCat("to ", mail.to, ": ", TruncateUtf8(mail.subject, 90)));
  }
  for (const SinkHook& hook : hooks) {
    ++hooks_;
    if (!hook.signature_ok) ++bad_signatures_;
    Say(hook.signature_ok ? Colour::kGreen : Colour::kRed, "webhook",
        absl::StrCat("to ", hook.path,
                     hook.signature_ok ? ", signature verified: " : ", WRONG SIGNATURE: ",
                     TruncateUtf8(hook.subject, 80)));
  }
}

}  // namespace watchbell::cli
