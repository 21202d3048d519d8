// What is stored, as a decider would see it: for queries that judge.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "common/engine/decision.h"
#include "services/sla/judge_loading.h"

namespace watchbell::sla {

// One thread's. What was loaded stays as it was then, and lives as long as this.
class StoredEntities : public engine::View {
 public:
  // `database` outlives this.
  explicit StoredEntities(db::Database& database) : database_(database) {}

  // Blocks on the database; a key that was loaded is not loaded again.
  absl::Status Load(const engine::EntityKey& key);

  // As if `state` were stored there; before the key is asked for.
  void LayOver(const engine::EntityKey& key, std::unique_ptr<google::protobuf::Message> state);

  int64_t Version(const engine::EntityKey& key) const override;
  bool Loaded(const engine::EntityKey& key) const override { return entities_.contains(key); }

 private:
  struct Entity {
    int64_t version = 0;
    std::unique_ptr<google::protobuf::Message> state;  // null: there is none
  };

  const google::protobuf::Message* Find(const engine::EntityKey& key) const override;

  db::Database& database_;
  std::map<engine::EntityKey, Entity> entities_;
};

// What `load` (LoadPinned or AddEra over `stored`) comes to once all it asks for is loaded. The
// judge lives no longer than `stored` and the caches.
absl::StatusOr<Judge> ReadJudge(StoredEntities& stored, const std::function<LoadedJudge()>& load);

}  // namespace watchbell::sla
