#include "services/notifications/ticket_deliveries.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/proto_time.h"
#include "services/notifications/message.h"
#include "services/notifications/retry.h"
#include "watchbell/events/v1/notifications.pb.h"

namespace watchbell::notifications {
namespace {

constexpr char kSendTimer[] = "send/";
constexpr char kClaimTimer[] = "claim/";

std::string SendTimer(const v1::Delivery& delivery) {
  return absl::StrCat(kSendTimer, delivery.delivery_id());
}
std::string ClaimTimer(const v1::Delivery& delivery) {
  return absl::StrCat(kClaimTimer, delivery.delivery_id());
}

// Attempts that reached for the other side, as far as we know.
int Begun(const v1::Delivery& delivery) { return delivery.attempts() - delivery.not_begun(); }

absl::string_view MediumName(v1::Medium medium) {
  switch (medium) {
    case v1::MEDIUM_EMAIL:
      return "email";
    case v1::MEDIUM_WEBHOOK:
      return "webhook";
    default:
      return "unknown";  // PutContact refuses it
  }
}

}  // namespace

TicketDeliveries::TicketDeliveries(engine::EntityKey ticket,
                                   const state::v1::TicketDeliveries* stored,
                                   const engine::Input& input)
    : ticket_(std::move(ticket)),
      input_(input),
      occurred_at_(stored != nullptr && stored->has_last_change()
                       ? std::max(input.now, FromProto(stored->last_change()))
                       : input.now) {
  if (stored != nullptr) state_ = *stored;
}

void TicketDeliveries::RequestPage(const events::v1::PageRequested& event,
                                   const v1::Contact* contact) {
  const escalation::v1::Page& page = event.page();
  // Historic tickets are judged, nothing acts on them. A page of a withdrawn run cannot come (its
  // end is the run's last event); if it did, the withdrawal would have to win.
  if (event.ticket().import().historic() || Seen(page.page_id()) || Withdrawn(page.run_id()))
    return;
  changed_ = true;
  if (contact == nullptr || contact->points().empty()) {
    state_.add_unreachable_pages(page.page_id());
    events::v1::PersonUnreachable unreachable;
    unreachable.set_page_id(page.page_id());
    unreachable.set_ticket_id(ticket_.id);
    unreachable.set_person(page.person());
    decision_.Emit(ticket_, std::move(unreachable), occurred_at_);
    return;
  }
  const PageText text = WritePage(page, event.ticket(), event.summary(), *contact);
  std::map<v1::Medium, int> used;
  for (const v1::ContactPoint& point : contact->points()) {
    v1::Delivery& delivery = *state_.add_deliveries();
    delivery.set_delivery_id(
        absl::StrCat(page.page_id(), "/", MediumName(point.medium()), ++used[point.medium()]));
    delivery.set_page_id(page.page_id());
    delivery.set_run_id(page.run_id());
    delivery.set_ticket_id(ticket_.id);
    delivery.set_person(page.person());
    delivery.set_medium(point.medium());
    delivery.set_address(point.address());
    delivery.set_state(v1::DELIVERY_STATE_PENDING);
    *delivery.mutable_next_attempt_at() = ToProto(input_.now);
    delivery.set_subject(text.subject);
    delivery.set_body(text.body);
    *delivery.mutable_created_at() = ToProto(occurred_at_);
    delivery.set_traceparent(input_.envelope.traceparent.empty() ? input_.traceparent
                                                                 : input_.envelope.traceparent);
    decision_.Arm(ticket_, SendTimer(delivery), input_.now);
    Tell<events::v1::DeliveryQueued>(delivery);
  }
}

void TicketDeliveries::EndRun(const escalation::v1::Run& run) {
  switch (run.end()) {
    case escalation::v1::RUN_END_ACKNOWLEDGED:
    case escalation::v1::RUN_END_RESOLVED:
    case escalation::v1::RUN_END_WITHDRAWN:
    case escalation::v1::RUN_END_REASSIGNED:
      break;
    default:
      return;
  }
  if (Withdrawn(run.run_id())) return;
  changed_ = true;
  // Kept, for what is in flight now: should it fail, it is not tried again.
  state_.add_withdrawn_runs(run.run_id());
  for (v1::Delivery& delivery : *state_.mutable_deliveries()) {
    if (delivery.run_id() != run.run_id() || delivery.state() != v1::DELIVERY_STATE_PENDING)
      continue;
    Settle(delivery, v1::DELIVERY_STATE_CANCELLED);
    Tell<events::v1::DeliveryCancelled>(delivery);
  }
}

void TicketDeliveries::Fire(absl::string_view timer_name, absl::Time due) {
  if (absl::ConsumePrefix(&timer_name, kSendTimer)) {
    v1::Delivery* delivery = Find(timer_name);
    if (delivery == nullptr || delivery->state() != v1::DELIVERY_STATE_PENDING) return;
    if (FromProto(delivery->next_attempt_at()) > due)
      return;  // it was moved; the later timer will come
    StartSend(*delivery);
  } else if (absl::ConsumePrefix(&timer_name, kClaimTimer)) {
    v1::Delivery* delivery = Find(timer_name);
    if (delivery == nullptr || delivery->state() != v1::DELIVERY_STATE_SENDING) return;
    changed_ = true;
    delivery->set_last_result("no outcome came back");
    TryAgainOrGiveUp(*delivery, {.pause = absl::ZeroDuration(), .possible_repeat = true});
  }
}

void TicketDeliveries::Answer(const state::v1::DeliveryOutcome& outcome) {
  v1::Delivery* delivery = Find(outcome.delivery_id());
  if (delivery == nullptr || delivery->state() == v1::DELIVERY_STATE_SENT) return;
  if (outcome.ok()) {
    // Whatever we had concluded meanwhile, it was taken: a late word of success ends every further
    // attempt.
    changed_ = true;
    delivery->set_last_result(outcome.result());
    *delivery->mutable_sent_at() = ToProto(occurred_at_);
    Settle(*delivery, v1::DELIVERY_STATE_SENT);
    Tell<events::v1::DeliverySent>(*delivery);
    return;
  }
  if (delivery->state() != v1::DELIVERY_STATE_SENDING || delivery->attempts() != outcome.attempt())
    return;
  changed_ = true;
  if (outcome.not_begun()) {
    delivery->set_not_begun(delivery->not_begun() + 1);
    TryAgain(
        *delivery,
        {.pause = RetryDelay(delivery->delivery_id(), 1), .possible_repeat = false, .tell = false});
    return;
  }
  delivery->set_last_result(outcome.result());
  if (outcome.broken_off()) {
    TryAgain(*delivery, {.pause = RetryDelay(delivery->delivery_id(), 1),
                         .possible_repeat = outcome.maybe_taken()});
    return;
  }
  if (outcome.permanent()) {
    Settle(*delivery, v1::DELIVERY_STATE_FAILED);
    Tell<events::v1::DeliveryFailed>(*delivery);
    return;
  }
  TryAgainOrGiveUp(*delivery, {.pause = RetryDelay(delivery->delivery_id(), Begun(*delivery)),
                               .possible_repeat = outcome.maybe_taken()});
}

void TicketDeliveries::Recover(const state::v1::RecoverDeliveries& recover) {
  for (const state::v1::Claim& claim : recover.claims()) {
    v1::Delivery* delivery = Find(claim.delivery_id());
    if (delivery == nullptr || delivery->state() != v1::DELIVERY_STATE_SENDING) continue;
    if (delivery->attempts() != claim.attempt()) continue;  // claimed anew by this process
    changed_ = true;
    delivery->set_last_result("the process ended while it was being sent");
    // However many attempts there were: it was us who failed, not the other side.
    TryAgain(*delivery, {.pause = absl::ZeroDuration(), .possible_repeat = true});
  }
}

engine::Decision TicketDeliveries::Finish() && {
  if (changed_) {
    if (!decision_.events().empty()) *state_.mutable_last_change() = ToProto(occurred_at_);
    decision_.Put(ticket_, std::move(state_));
  }
  return std::move(decision_);
}

v1::Delivery* TicketDeliveries::Find(absl::string_view delivery_id) {
  for (v1::Delivery& delivery : *state_.mutable_deliveries()) {
    if (delivery.delivery_id() == delivery_id) return &delivery;
  }
  return nullptr;
}

bool TicketDeliveries::Seen(const std::string& page_id) const {
  const auto& unreachable = state_.unreachable_pages();
  return std::find(unreachable.begin(), unreachable.end(), page_id) != unreachable.end() ||
         std::any_of(
             state_.deliveries().begin(), state_.deliveries().end(),
             [&page_id](const v1::Delivery& delivery) { return delivery.page_id() == page_id; });
}

bool TicketDeliveries::Withdrawn(const std::string& run_id) const {
  const auto& runs = state_.withdrawn_runs();
  return std::find(runs.begin(), runs.end(), run_id) != runs.end();
}

void TicketDeliveries::StartSend(v1::Delivery& delivery) {
  changed_ = true;
  delivery.set_state(v1::DELIVERY_STATE_SENDING);
  delivery.set_attempts(delivery.attempts() + 1);
  delivery.set_claimed_by(input_.replica);
  delivery.clear_next_attempt_at();
  decision_.Arm(ticket_, ClaimTimer(delivery), input_.now + kClaimTime);
  decision_.Run({ticket_, std::make_shared<v1::Delivery>(delivery), delivery.traceparent()});
}

void TicketDeliveries::TryAgainOrGiveUp(v1::Delivery& delivery, const Again& again) {
  if (Begun(delivery) < kMaxAttempts || Withdrawn(delivery.run_id())) {
    TryAgain(delivery, again);
    return;
  }
  Settle(delivery, v1::DELIVERY_STATE_FAILED);
  Tell<events::v1::DeliveryFailed>(delivery);
}

void TicketDeliveries::TryAgain(v1::Delivery& delivery, const Again& again) {
  if (Withdrawn(delivery.run_id())) {
    Settle(delivery, v1::DELIVERY_STATE_CANCELLED);
    Tell<events::v1::DeliveryCancelled>(delivery);
    return;
  }
  decision_.Disarm(ticket_, ClaimTimer(delivery));
  delivery.set_state(v1::DELIVERY_STATE_PENDING);
  delivery.clear_claimed_by();
  if (again.possible_repeat) delivery.set_possible_repeat(true);
  *delivery.mutable_next_attempt_at() = ToProto(input_.now + again.pause);
  decision_.Arm(ticket_, SendTimer(delivery), input_.now + again.pause);
  if (again.tell) Tell<events::v1::DeliveryRetried>(delivery);
}

void TicketDeliveries::Settle(v1::Delivery& delivery, v1::DeliveryState state) {
  if (delivery.state() == v1::DELIVERY_STATE_PENDING)
    decision_.Disarm(ticket_, SendTimer(delivery));
  if (delivery.state() == v1::DELIVERY_STATE_SENDING)
    decision_.Disarm(ticket_, ClaimTimer(delivery));
  delivery.set_state(state);
  delivery.clear_claimed_by();
  delivery.clear_next_attempt_at();
}

template <typename Event>
void TicketDeliveries::Tell(const v1::Delivery& delivery) {
  Event event;
  *event.mutable_delivery() = delivery;
  decision_.Emit(ticket_, std::move(event), occurred_at_);
}

}  // namespace watchbell::notifications
