// Records that could not be read or applied: entities of the engine's own class, journaled like
// everything else.
//
// A parked one holds its key back: nothing behind it is applied until an operator retries it (it is
// applied again from the producer's journal) or skips it. One that is not parked harmed no key.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "common/engine/decider.h"
#include "common/engine/decision.h"
#include "common/engine/entity.h"
#include "common/engine/item.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::engine {

EntityClass DeadLetterClass();

// The same record gives the same key, however often it fails.
EntityKey DeadLetterKey(const Item& item);

// The dead letter of an item that failed for `why`; `before` is what was stored of it, or null.
admin::v1::DeadLetter MakeDeadLetter(const Item& item, const std::string& service, bool parked,
                                     const absl::Status& why, absl::Time now,
                                     const admin::v1::DeadLetter* before);

// The record a dead letter was made of.
bus::Record RecordOf(const admin::v1::DeadLetter& dead_letter);

// Its row beside the entities.
void IndexDeadLetter(const admin::v1::DeadLetter& letter, IndexWriter& writer);

// Oldest first, at most 1,000, without values; open ones only unless `all`. Those of a tenant and
// those whose tenant could not be read; an empty tenant lists
// every tenant's.
absl::StatusOr<std::vector<admin::v1::DeadLetter>> ListDeadLetters(db::Database& database,
                                                                   const std::string& tenant,
                                                                   bool all);

// Those of these shards that are not parked and that an operator let go, with their values: a kill
// may have come before they were tried again.
absl::StatusOr<std::vector<admin::v1::DeadLetter>> RetriedDeadLetters(db::Database& database,
                                                                      const std::set<int>& shards);

// The ids of those of these shards that hold a key back for the type of their event alone
// (UNKNOWN_TYPE), which this program knows.
absl::StatusOr<std::vector<std::string>> ReadableDeadLetters(db::Database& database,
                                                             const std::set<int>& shards);

}  // namespace watchbell::engine
