// The entities of the tickets service: classes in locking order and their keys.
#pragma once

#include <string>
#include <vector>

#include "common/engine/entity.h"

namespace watchbell::tickets {

// Aggregate type of tickets in the journal.
inline constexpr char kTicketAggregate[] = "ticket";

// Class ids, in locking order; the numbers are stored and never change.
enum EntityClassId : int {
  kImportClass = 1,
  kCounterClass = 2,
  kExternalRefClass = 3,
  kImportPageClass = 4,
  kCorrelationClass = 5,
  kAlertClass = 6,
  kTicketClass = 7,
};

const std::vector<engine::EntityClass>& EntityClasses();

engine::EntityKey ImportKey(const std::string& tenant, const std::string& source);
engine::EntityKey CounterKey(const std::string& tenant);
engine::EntityKey ExternalRefKey(const std::string& tenant, const std::string& source,
                                 const std::string& external_id);
engine::EntityKey ImportPageKey(const std::string& tenant, const std::string& source, int page);
engine::EntityKey CorrelationKey(const std::string& tenant, const std::string& id);
engine::EntityKey AlertKey(const std::string& tenant, const std::string& fingerprint);
engine::EntityKey TicketKey(const std::string& tenant, const std::string& ticket_id);

}  // namespace watchbell::tickets
