// The entities one batch has loaded, with what its decisions made of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "common/db/db.h"
#include "common/engine/decider.h"
#include "common/engine/decision.h"

namespace watchbell::engine {

using StatePtr = std::shared_ptr<const google::protobuf::Message>;

// The service's classes and the engine's own, by id.
class ClassTable {
 public:
  explicit ClassTable(const std::vector<EntityClass>& classes);
  // The class must exist.
  const EntityClass& Of(int cls) const { return classes_.at(cls); }

 private:
  absl::flat_hash_map<int, EntityClass> classes_;
};

// Parsed states of reference entities, kept over batches. A row is read in each batch; it is parsed
// again only when it moved (version, size and hash of its bytes tell).
struct ReferenceCache {
  struct Entry {
    int64_t version;
    size_t size;
    uint64_t hash;
    StatePtr state;
  };
  absl::flat_hash_map<EntityKey, Entry> entries;
};

class WorkingSet : public View {
 public:
  WorkingSet(const ClassTable& classes, ReferenceCache& references)
      : classes_(classes), references_(references) {}

  // The rows of what is not loaded yet, in locking order; from then on it counts as loaded, once
  // TakeAll got what the database has of them.
  std::vector<db::KeySet> Missing(std::vector<EntityKey> keys);
  // DATA_LOSS if stored bytes cannot be parsed.
  absl::Status TakeAll(const std::vector<db::Row>& rows);
  // Both, in a round trip of its own.
  absl::Status Load(db::Transaction& transaction, std::vector<EntityKey> keys);

  int64_t Version(const EntityKey& key) const override;
  bool Loaded(const EntityKey& key) const override { return entities_.contains(key); }

  // Nothing is stored under this key: it counts as loaded. False: something is known to be.
  bool Create(const EntityKey& key);
  void Put(const EntityKey& key, StatePtr state);
  // The stream's next version.
  int64_t NextVersion(const EntityKey& key);

  // What this batch made of it; null if that is what was stored before.
  StatePtr Changed(const EntityKey& key) const;

  // Writes what changed, and index rows of it.
  absl::Status Store(db::Transaction& transaction, const Decider& decider) const;

 private:
  struct Entity {
    int64_t version = 0;
    StatePtr state;
    StatePtr before;      // as it was loaded, if the state has changed since
    bool stored = false;  // there was a row
    bool dirty = false;
    bool indexed = true;  // state unchanged since the load
  };

  const google::protobuf::Message* Find(const EntityKey& key) const override;
  absl::Status Take(const db::Row& row);

  const ClassTable& classes_;
  ReferenceCache& references_;
  absl::flat_hash_map<EntityKey, Entity> entities_;
};

}  // namespace watchbell::engine
