#include "services/analytics/analytics_decider.h"

#include <memory>

#include "services/analytics/analytics_store.h"
#include "services/analytics/ticket_facts.h"

namespace watchbell::analytics {
namespace {

bool Concerns(const engine::Input& input) {
  return input.kind == engine::Input::Kind::kEvent && input.message != nullptr &&
         ChangesFacts(*input.message);
}

}  // namespace

AnalyticsDecider::AnalyticsDecider()
    : classes_({{kTicketClass, "ticket", &TicketFacts::default_instance(), ""}}) {}

std::vector<engine::EntityKey> AnalyticsDecider::Needs(const engine::Input& input) const {
  if (!Concerns(input)) return {};
  // Every event about a ticket is on the stream of that ticket, whichever service wrote it.
  return {TicketKey(input.identity.tenant, input.envelope.subject)};
}

engine::Decision AnalyticsDecider::Decide(const engine::View& view,
                                          const engine::Input& input) const {
  if (input.kind == engine::Input::Kind::kCommand) {
    return engine::Decision::Refuse(absl::UnimplementedError("analytics takes no commands"));
  }
  engine::Decision decision;
  if (!Concerns(input)) return decision;
  const engine::EntityKey key = TicketKey(input.identity.tenant, input.envelope.subject);
  const TicketFacts* before = view.Get<TicketFacts>(key);
  auto facts =
      before == nullptr ? std::make_shared<TicketFacts>() : std::make_shared<TicketFacts>(*before);
  ApplyEvent(*input.message, {input.envelope.occurred_at, input.envelope.source_recorded_at},
             *facts);
  decision.Put(key, std::shared_ptr<const google::protobuf::Message>(std::move(facts)));
  return decision;
}

void AnalyticsDecider::Index(const engine::EntityKey& key, const google::protobuf::Message*,
                             const google::protobuf::Message& after,
                             engine::IndexWriter& writer) const {
  // The row has all the facts: what changed is in it.
  if (key.cls == kTicketClass) IndexTicket(key, static_cast<const TicketFacts&>(after), writer);
}

}  // namespace watchbell::analytics
