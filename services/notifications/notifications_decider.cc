#include "services/notifications/notifications_decider.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/errors.h"
#include "services/notifications/contact.h"
#include "services/notifications/notifications_store.h"
#include "services/notifications/ticket_deliveries.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/notifications/state/v1/state.pb.h"
#include "watchbell/notifications/v1/notifications_service.pb.h"

namespace watchbell::notifications {
namespace {

// The ticket an input is about; class 0 if it is about none.
engine::EntityKey TicketOf(const engine::Input& input) {
  const std::string& tenant = input.identity.tenant;
  if (input.kind == engine::Input::Kind::kTimer) return input.timer.entity;
  if (const auto* page = input.As<events::v1::PageRequested>())
    return TicketKey(tenant, page->page().ticket_id());
  if (const auto* ended = input.As<events::v1::RunEnded>())
    return TicketKey(tenant, ended->run().ticket_id());
  if (const auto* outcome = input.As<state::v1::DeliveryOutcome>()) {
    return TicketKey(outcome->tenant(), outcome->ticket_id());
  }
  if (const auto* recover = input.As<state::v1::RecoverDeliveries>()) {
    return TicketKey(recover->tenant(), recover->ticket_id());
  }
  return {};
}

// How many deliveries of a ticket are being sent.
int64_t InFlight(const google::protobuf::Message& ticket) {
  const auto& deliveries = static_cast<const state::v1::TicketDeliveries&>(ticket).deliveries();
  return std::count_if(deliveries.begin(), deliveries.end(), [](const v1::Delivery& delivery) {
    return delivery.state() == v1::DELIVERY_STATE_SENDING;
  });
}

engine::Decision PutContact(const engine::View& view, const engine::Input& input,
                            const v1::PutContactRequest& request) {
  if (std::vector<FieldViolation> violations = CheckContact(request.contact());
      !violations.empty()) {
    return engine::Decision::Refuse(InvalidFields(std::move(violations)));
  }
  const engine::EntityKey key = ContactKey(input.identity.tenant, request.contact().person());
  const auto* stored = view.Get<state::v1::ContactState>(key);
  engine::Decision decision;
  if (stored != nullptr && SameContact(stored->contact(), request.contact())) {
    decision.Reply(stored->contact());
    return decision;
  }
  state::v1::ContactState state;
  *state.mutable_contact() = request.contact();
  state.mutable_contact()->set_version(stored == nullptr ? 1 : stored->contact().version() + 1);
  decision.Reply(state.contact());
  decision.Put(key, std::move(state));
  return decision;
}

}  // namespace

const std::vector<engine::EntityClass>& NotificationsDecider::classes() const {
  return EntityClasses();
}

std::vector<engine::EntityKey> NotificationsDecider::Needs(const engine::Input& input) const {
  if (const auto* put = input.As<v1::PutContactRequest>()) {
    return {ContactKey(input.identity.tenant, put->contact().person())};
  }
  const engine::EntityKey ticket = TicketOf(input);
  if (ticket.cls == 0) return {};
  if (const auto* page = input.As<events::v1::PageRequested>()) {
    return {ContactKey(input.identity.tenant, page->page().person()), ticket};
  }
  return {ticket};
}

engine::Decision NotificationsDecider::Decide(const engine::View& view,
                                              const engine::Input& input) const {
  if (const auto* put = input.As<v1::PutContactRequest>()) return PutContact(view, input, *put);
  const engine::EntityKey ticket = TicketOf(input);
  if (ticket.cls == 0) return engine::Decision();

  TicketDeliveries deliveries(ticket, view.Get<state::v1::TicketDeliveries>(ticket), input);
  if (input.kind == engine::Input::Kind::kTimer) {
    deliveries.Fire(input.timer.name, input.due);
  } else if (const auto* page = input.As<events::v1::PageRequested>()) {
    const auto* contact =
        view.Get<state::v1::ContactState>(ContactKey(input.identity.tenant, page->page().person()));
    deliveries.RequestPage(*page, contact == nullptr ? nullptr : &contact->contact());
  } else if (const auto* ended = input.As<events::v1::RunEnded>()) {
    deliveries.EndRun(ended->run());
  } else if (const auto* outcome = input.As<state::v1::DeliveryOutcome>()) {
    deliveries.Answer(*outcome);
  } else if (const auto* recover = input.As<state::v1::RecoverDeliveries>()) {
    deliveries.Recover(*recover);
  }
  return std::move(deliveries).Finish();
}

void NotificationsDecider::Index(const engine::EntityKey& key,
                                 const google::protobuf::Message* before,
                                 const google::protobuf::Message& after,
                                 engine::IndexWriter& writer) const {
  if (key.cls != kTicketClass) return;
  const int64_t in_flight = InFlight(after);
  if (in_flight == (before == nullptr ? 0 : InFlight(*before))) return;
  if (in_flight > 0) {
    writer.Upsert(InFlightTable(), {key.tenant, key.id, in_flight});
  } else {
    writer.Delete(InFlightTable(), {key.tenant, key.id});
  }
}

}  // namespace watchbell::notifications
