// What analytics stores: the class of its entities, their index rows, and the reads of the rpcs.
//
// Reads go in chunks of kChunk tickets by key, each a statement of its own: memory is bounded and
// no look at the database is long. A ticket that changes between two chunks is seen before or after
// the change, never half.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/db/db.h"
#include "common/engine/decider.h"
#include "common/engine/entity.h"
#include "services/analytics/ticket_facts.h"

namespace watchbell::analytics {

inline constexpr int kTicketClass = 1;
inline constexpr int kChunk = 1000;

// Facts of a ticket; `ticket_id` is the id alone.
engine::EntityKey TicketKey(const std::string& tenant, const std::string& ticket_id);

// Writes the index row of an opened ticket; none before that.
void IndexTicket(const engine::EntityKey& key, const TicketFacts& facts,
                 engine::IndexWriter& writer);

// How far an import has been counted.
struct ImportProgress {
  int64_t tickets = 0;
  int64_t finished = 0;      // ImportFinished applied
  int64_t settled = 0;       // settled by sla up to that
  absl::Time first_opening;  // meaningless without tickets
};
absl::StatusOr<ImportProgress> ReadImportProgress(db::Database& database, const std::string& tenant,
                                                  const std::string& source);

// Calls `visit` for each ticket of the import, by ticket id; `source` empty: that came with none.
absl::Status VisitImport(db::Database& database, const std::string& tenant,
                         const std::string& source,
                         const std::function<void(const TicketFacts&)>& visit);

// Calls `visit` for each ticket opened in [from, to), by opening.
absl::Status VisitOpened(db::Database& database, const std::string& tenant, absl::Time from,
                         absl::Time to, const std::function<void(const TicketFacts&)>& visit);

}  // namespace watchbell::analytics
