#include "services/sla/stored_entities.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/runtime/service_core.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {

absl::Status StoredEntities::Load(const engine::EntityKey& key) {
  if (Loaded(key)) return absl::OkStatus();
  Entity entity;
  ASSIGN_OR_RETURN(const std::string bytes, runtime::ReadEntityBytes(database_, key.cls, key.tenant,
                                                                     key.id, &entity.version));
  if (!bytes.empty() || entity.version >= 0) {
    for (const engine::EntityClass& of : Classes()) {
      if (of.cls == key.cls) entity.state.reset(of.prototype->New());
    }
    if (entity.state == nullptr || !entity.state->ParseFromString(bytes)) {
      return absl::DataLossError("stored state cannot be read");
    }
  }
  entities_.emplace(key, std::move(entity));
  return absl::OkStatus();
}

void StoredEntities::LayOver(const engine::EntityKey& key,
                             std::unique_ptr<google::protobuf::Message> state) {
  entities_[key].state = std::move(state);
}

int64_t StoredEntities::Version(const engine::EntityKey& key) const {
  const auto it = entities_.find(key);
  return it == entities_.end() ? 0 : std::max<int64_t>(0, it->second.version);
}

const google::protobuf::Message* StoredEntities::Find(const engine::EntityKey& key) const {
  const auto it = entities_.find(key);
  return it == entities_.end() ? nullptr : it->second.state.get();
}

absl::StatusOr<Judge> ReadJudge(StoredEntities& stored, const std::function<LoadedJudge()>& load) {
  while (true) {
    LoadedJudge loaded = load();
    RETURN_IF_ERROR(loaded.error);
    if (loaded.judge) return *std::move(loaded.judge);
    // Each round asks for what is not loaded, so this ends.
    for (const engine::EntityKey& key : loaded.missing) RETURN_IF_ERROR(stored.Load(key));
  }
}

}  // namespace watchbell::sla
