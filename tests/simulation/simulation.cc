#include "tests/simulation/simulation.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "tests/simulation/promises.h"
#include "tests/support/faulty_subscriber.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::test {
namespace {

constexpr int kSteps = 300;
constexpr int kTickets = 10;

using MessagePtr = std::shared_ptr<const google::protobuf::Message>;

escalation::v1::PutEscalationSetupRequest Escalations() {
  escalation::v1::PutEscalationSetupRequest request;
  auto* setup = request.mutable_setup();
  auto* rota = setup->add_rotas();
  rota->set_rota_id("night");
  rota->set_time_zone("Europe/Berlin");
  rota->set_anchor("2025-12-01T08:00");
  rota->set_turn_days(1);
  for (const char* person : {"ana", "ben", "cem"}) rota->add_people(person);
  const auto policy = [setup](const char* id, escalation::v1::Trigger trigger, int delay_minutes) {
    auto* added = setup->add_policies();
    added->set_escalation_policy_id(id);
    added->set_trigger(trigger);
    added->set_repeats(1);
    added->add_catch_all("dora");
    auto* first = added->add_steps();
    first->add_rotas("night");
    *first->mutable_delay() = ToProto(absl::Minutes(delay_minutes));
    auto* second = added->add_steps();
    second->add_people("eve");  // has no contact point
    second->add_people("ben");
    *second->mutable_delay() = ToProto(absl::Minutes(delay_minutes));
  };
  policy("on-breach", escalation::v1::TRIGGER_BREACH, 10);
  policy("on-open", escalation::v1::TRIGGER_OPENED, 5);
  for (const auto& [team, id] : {std::pair{"network", "on-breach"}, std::pair{"desk", "on-open"}}) {
    auto* added = setup->add_teams();
    added->set_team_id(team);
    added->set_rota_id("night");
    added->set_escalation_policy_id(id);
  }
  auto* rule = setup->add_routing();
  rule->set_rule_id("all");
  rule->set_team_id("network");
  return request;
}

template <typename Request>
std::shared_ptr<Request> Named(const std::string& ticket) {
  auto request = std::make_shared<Request>();
  request->set_name("tickets/" + ticket);
  return request;
}

}  // namespace

struct Simulation::Call {
  engine::Identity identity;
  MessagePtr request;
  std::string request_id;
  std::optional<absl::StatusOr<engine::Reply>> answer;
};

Simulation::Simulation(uint64_t seed, PlantedBug bug, int replicas)
    : random_(seed), replicas_(replicas) {
  World::Options options;
  options.replicas = replicas;
  options.seed = seed;
  options.wrap_decider = bug.wrap_decider;
  options.wrap_subscriber = [this](const std::string&, std::unique_ptr<bus::Subscriber> real) {
    return std::make_unique<FaultySubscriber>(
        std::move(real), [this](int percent) { return faults_ && Chance(percent); });
  };
  world_ = std::make_unique<World>(std::move(options));
  failure_ = SetUp();
  checker_ = std::make_unique<Checker>(*world_, sla_setup_);
  for (const std::string& service : World::Services()) {
    world_->database(service).plan = [this] {
      if (!faults_ || !Chance(2)) return CommitFault::kNone;
      const CommitFault fault = std::array{CommitFault::kRefused, CommitFault::kUnknownDone,
                                           CommitFault::kUnknownNotDone}[Below(3)];
      // Half of the commits without an answer have none because the process died.
      crash_ = crash_ || (fault != CommitFault::kRefused && Chance(50));
      return fault;
    };
  }
  world_->sender.Decide([this](const notifications::v1::Delivery&) {
    if (!faults_ || !Chance(30)) return FakeSender::Answer::kTaken;
    return std::array{FakeSender::Answer::kTryAgain, FakeSender::Answer::kTryAgain,
                      FakeSender::Answer::kRefused, FakeSender::Answer::kNone}[Below(4)];
  });
  world_->may_poke = [this] { return !faults_ || Chance(60); };
  world_->after_step = [this] {
    if (failure_.empty()) failure_ = checker_->CheckStep();
  };
  if (bug.plant) bug.plant(*world_);
}

Simulation::~Simulation() = default;

std::string Simulation::SetUp() {
  auto calendar = std::make_shared<sla::v1::PutCalendarRequest>();
  *calendar->mutable_calendar() = OfficeHours();
  auto policy = std::make_shared<sla::v1::PutPolicySetRequest>();
  *policy->mutable_policy_set() = Promises();
  auto activate = std::make_shared<sla::v1::ActivatePolicySetRequest>();
  activate->set_policy_set_id("sim");
  sla_setup_ = {calendar, policy, activate};
  absl::Status status = world_->Call<sla::v1::Calendar>("sla", *calendar).status();
  status.Update(world_->Call<sla::v1::PolicySet>("sla", *policy).status());
  status.Update(world_->Call<sla::v1::PolicyVersion>("sla", *activate).status());
  status.Update(
      world_->Call<escalation::v1::EscalationSetup>("escalation", Escalations()).status());
  for (const char* person : {"ana", "ben", "cem", "dora"}) {
    notifications::v1::PutContactRequest contact;
    contact.mutable_contact()->set_person(person);
    auto* mail = contact.mutable_contact()->add_points();
    mail->set_medium(notifications::v1::MEDIUM_EMAIL);
    mail->set_address(absl::StrCat(person, "@example.org"));
    status.Update(world_->Call<notifications::v1::Contact>("notifications", contact).status());
  }
  return status.ok() ? "" : absl::StrCat("set-up: ", status.message());
}

std::string Simulation::Run() {
  if (!failure_.empty()) return failure_;
  faults_ = true;
  for (int step = 1; step <= kSteps; ++step) {
    if (std::string failure = Step(); !failure.empty()) {
      return absl::StrCat("step ", step, ": ", failure);
    }
  }
  if (std::string failure = Rest(); !failure.empty()) return absl::StrCat("at rest: ", failure);
  return "";
}

std::string Simulation::Step() {
  const size_t dice = Below(100);
  if (dice < 8 && opened_ < kTickets) {
    auto create = std::make_shared<tickets::v1::CreateTicketRequest>();
    create->set_type(tickets::v1::TICKET_TYPE_INCIDENT);
    create->set_title("simulated");
    create->set_impact(static_cast<tickets::v1::Impact>(1 + Below(2)));
    create->set_urgency(static_cast<tickets::v1::Urgency>(1 + Below(2)));
    if (Chance(50)) create->set_group(Chance(50) ? "network" : "desk");
    if (Chance(50)) create->set_requester_time_zone(Chance(50) ? "Asia/Kolkata" : "America/Lima");
    ++opened_;
    Send(create);
  } else if (dice < 12 && opened_ < kTickets) {
    ++opened_;  // may open one
    Send(RandomAlert());
  } else if (dice < 35) {
    if (MessagePtr move = RandomMove(); move != nullptr) Send(std::move(move));
  } else if (dice < 38 && !calls_.empty()) {
    Submit(calls_[Below(calls_.size())]);  // an impatient client
  } else if (dice < 55) {
    MoveClock();
  } else if (dice < 57) {
    Crash();
  } else if (dice < 65 && replicas_ > 1) {
    DisturbReplica();
  }
  StepServices();
  if (std::exchange(crash_, false)) Crash();
  return failure_.empty() ? TakeAnswers() : failure_;
}

void Simulation::StepServices() {
  for (size_t i = 0, steps = Below(4); i <= steps && !crash_; ++i) {
    world_->RunOnce(World::Services()[Below(World::Services().size())],
                    replicas_ == 1 ? 0 : static_cast<int>(Below(static_cast<size_t>(replicas_))));
  }
}

void Simulation::Send(MessagePtr request) {
  auto call = std::make_shared<Call>();
  call->identity = world_->identity;
  if (request->GetTypeName() == "watchbell.tickets.v1.AddCommentRequest" && Chance(50)) {
    call->identity = {"default", "rita", {"requester"}};
  }
  call->request = std::move(request);
  call->request_id = world_->ids.NewUuid(world_->clock.Now());
  calls_.push_back(call);
  Submit(call);
}

void Simulation::Submit(const std::shared_ptr<Call>& call) {
  engine::Input input;
  input.identity = call->identity;
  input.message = call->request;
  input.request_id = call->request_id;
  input.done = [call](absl::StatusOr<engine::Reply> reply) { call->answer = std::move(reply); };
  // A refusal (storage is down) leaves it to be sent again.
  const int replica = replicas_ == 1 ? 0 : static_cast<int>(Below(static_cast<size_t>(replicas_)));
  (void)world_->core("tickets", replica).engine().Submit(std::move(input));
}

// Some are told of later than they happened; tickets refuse those that lie before their last
// change.
template <typename Request>
std::shared_ptr<Request> Simulation::Dated(std::shared_ptr<Request> request) {
  if (Chance(25)) {
    const absl::Time at = world_->clock.Now() - absl::Seconds(static_cast<int>(Below(1800)));
    *request->mutable_occurred_at() = ToProto(at);
  }
  return request;
}

MessagePtr Simulation::RandomMove() {
  const std::vector<std::string> ids = checker_->TicketIds();
  if (ids.empty()) return nullptr;
  const std::string& id = ids[Below(ids.size())];
  switch (Below(14)) {
    case 0:
      return Named<tickets::v1::AcknowledgeTicketRequest>(id);
    case 1:
    case 2:
      return Dated(Named<tickets::v1::StartWorkRequest>(id));
    case 3:
    case 11: {
      auto request = Dated(Named<tickets::v1::HoldTicketRequest>(id));
      request->set_reason(Chance(50) ? tickets::v1::HOLD_REASON_USER
                                     : tickets::v1::HOLD_REASON_VENDOR);
      return request;
    }
    case 4:
      return Dated(Named<tickets::v1::ResumeTicketRequest>(id));
    case 5:
      return Dated(Named<tickets::v1::ResolveTicketRequest>(id));
    case 6:
      return Named<tickets::v1::ReopenTicketRequest>(id);
    case 7:
      return Named<tickets::v1::CloseTicketRequest>(id);
    case 8:
    case 12: {
      auto request = Dated(Named<tickets::v1::AddCommentRequest>(id));
      request->set_text("any news?");
      request->set_public_(Chance(80));
      return request;
    }
    case 9: {
      auto request = Dated(Named<tickets::v1::AssignTicketRequest>(id));
      request->set_group(Chance(50) ? "network" : "desk");
      return request;
    }
    default: {
      auto request = Named<tickets::v1::UpdateTicketRequest>(id);
      request->mutable_changes()->set_impact(static_cast<tickets::v1::Impact>(1 + Below(2)));
      request->mutable_changes()->set_urgency(static_cast<tickets::v1::Urgency>(1 + Below(2)));
      return request;
    }
  }
}

MessagePtr Simulation::RandomAlert() {
  auto request = std::make_shared<tickets::v1::PublishAlertsRequest>();
  const bool firing = Chance(60);
  request->set_payload(absl::StrCat(
      R"({"version":"4","groupLabels":{"alertname":"Down"},"alerts":[{"status":")",
      firing ? "firing" : "resolved", R"(","labels":{"alertname":"Down","severity":"critical",)",
      R"("instance":"db)", Below(2), R"("},"startsAt":"2025-12-31T23:0)", Below(10), R"(:00Z")",
      firing ? "" : R"(,"endsAt":"2026-01-01T00:30:00Z")", "}]}"));
  return request;
}

void Simulation::MoveClock() {
  if (Chance(5)) {
    world_->clock.Advance(-absl::Seconds(static_cast<int>(Below(120))));
  } else if (Chance(5)) {
    world_->clock.Advance(absl::Hours(static_cast<int>(1 + Below(20))));
  } else {
    world_->clock.Advance(absl::Seconds(static_cast<int>(Below(900))));
  }
}

void Simulation::Crash() {
  const bool faults = std::exchange(faults_, false);  // opening the databases again must succeed
  world_->Restart();
  faults_ = faults;
  for (const std::shared_ptr<Call>& call : calls_) {
    if (!call->answer.has_value()) Submit(call);
  }
}

// One process dies or stops moving; its leases lapse, or it is back before they do.
void Simulation::DisturbReplica() {
  const std::string& service = World::Services()[Below(World::Services().size())];
  const int replica = static_cast<int>(Below(static_cast<size_t>(replicas_)));
  const bool faults = std::exchange(faults_, false);
  switch (Below(3)) {
    case 0:
      world_->RestartReplica(service, replica);
      for (const std::shared_ptr<Call>& call : calls_) {
        if (!call->answer.has_value()) Submit(call);  // its calls were cut
      }
      break;
    case 1:
      world_->SetFrozen(service, replica, true);
      break;
    default:
      world_->SetFrozen(service, replica, false);
  }
  if (Chance(50)) world_->LetLeasesLapse();
  faults_ = faults;
}

void Simulation::WakeReplicas() {
  if (replicas_ == 1) return;
  for (const std::string& service : World::Services()) {
    for (int replica = 0; replica < replicas_; ++replica) {
      world_->SetFrozen(service, replica, false);
      world_->core(service, replica).engine().Look();
    }
  }
  world_->LetLeasesLapse();
}

std::string Simulation::TakeAnswers() {
  for (size_t i = 0; i < calls_.size();) {
    const std::shared_ptr<Call> call = calls_[i];
    if (!call->answer.has_value()) {
      ++i;
      continue;
    }
    const absl::StatusOr<engine::Reply> answer = *std::move(call->answer);
    call->answer.reset();
    if (absl::IsUnavailable(answer.status()) || absl::IsResourceExhausted(answer.status())) {
      ++i;  // sent again some time
      continue;
    }
    calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(i));
    if (absl::IsInternal(answer.status())) return std::string(answer.status().message());
    if (!answer.ok()) continue;  // refused by the rules of the desk
    tickets::v1::Ticket ticket;
    if (call->request->GetTypeName() == "watchbell.tickets.v1.PublishAlertsRequest") continue;
    if (!ticket.ParseFromString(answer->bytes)) return "an answer is no ticket";
    if (std::string failure = checker_->CheckAcknowledged(ticket.ticket_id(), ticket.version());
        !failure.empty()) {
      return failure;
    }
  }
  return "";
}

std::string Simulation::Rest() {
  faults_ = false;
  WakeReplicas();
  for (int round = 0; round < 20; ++round) {
    world_->AdvanceTo(world_->clock.Now() + absl::Hours(4));
    for (const std::shared_ptr<Call>& call : calls_) {
      if (!call->answer.has_value()) Submit(call);
    }
    world_->Settle();
    if (!failure_.empty()) return failure_;
    if (std::string failure = TakeAnswers(); !failure.empty()) return failure;
  }
  if (!calls_.empty()) return absl::StrCat(calls_.size(), " commands were never answered");
  return checker_->CheckAtRest();
}

}  // namespace watchbell::test
