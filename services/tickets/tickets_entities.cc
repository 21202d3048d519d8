#include "services/tickets/tickets_entities.h"

#include "absl/strings/str_cat.h"
#include "protos/watchbell/events/v1/topics.h"
#include "watchbell/tickets/state/v1/state.pb.h"

namespace watchbell::tickets {

const std::vector<engine::EntityClass>& EntityClasses() {
  static const auto* const classes = new std::vector<engine::EntityClass>{
      {kImportClass, "import", &state::v1::ImportState::default_instance(), ""},
      {kCounterClass, "counter", &state::v1::Counter::default_instance(), ""},
      {kExternalRefClass, "external_ref", &state::v1::ExternalRef::default_instance(), ""},
      {kImportPageClass, "import_page", &state::v1::ImportPage::default_instance(), ""},
      {kCorrelationClass, "correlation", &state::v1::Correlation::default_instance(), ""},
      {kAlertClass, "alert", &state::v1::AlertState::default_instance(), events::kAlertsTopic},
      {kTicketClass, kTicketAggregate, &state::v1::TicketState::default_instance(),
       events::kTicketsTopic},
  };
  return *classes;
}

engine::EntityKey ImportKey(const std::string& tenant, const std::string& source) {
  return {kImportClass, tenant, source};
}

engine::EntityKey CounterKey(const std::string& tenant) {
  return {kCounterClass, tenant, "ticket"};
}

engine::EntityKey ExternalRefKey(const std::string& tenant, const std::string& source,
                                 const std::string& external_id) {
  return {kExternalRefClass, tenant, absl::StrCat(source, "/", external_id)};
}

engine::EntityKey ImportPageKey(const std::string& tenant, const std::string& source, int page) {
  return {kImportPageClass, tenant, absl::StrCat(source, "/", page)};
}

engine::EntityKey CorrelationKey(const std::string& tenant, const std::string& id) {
  return {kCorrelationClass, tenant, id};
}

engine::EntityKey AlertKey(const std::string& tenant, const std::string& fingerprint) {
  return {kAlertClass, tenant, fingerprint};
}

engine::EntityKey TicketKey(const std::string& tenant, const std::string& ticket_id) {
  return {kTicketClass, tenant, ticket_id};
}

}  // namespace watchbell::tickets
