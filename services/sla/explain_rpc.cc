#include "services/sla/explain_rpc.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "services/sla/explain.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {
namespace {

// Stored entities as a decider would see them.
class StoredEntities : public engine::View {
 public:
  explicit StoredEntities(db::Database& database) : database_(database) {}

  absl::Status Load(const engine::EntityKey& key) {
    Entity& entity = entities_[key];
    ASSIGN_OR_RETURN(
        const std::string bytes,
        runtime::ReadEntityBytes(database_, key.cls, key.tenant, key.id, &entity.version));
    if (bytes.empty() && entity.version < 0) return absl::OkStatus();
    for (const engine::EntityClass& of : Classes()) {
      if (of.cls == key.cls) entity.state.reset(of.prototype->New());
    }
    if (entity.state == nullptr || !entity.state->ParseFromString(bytes)) {
      return absl::DataLossError("stored state cannot be read");
    }
    return absl::OkStatus();
  }

  int64_t Version(const engine::EntityKey& key) const override {
    const auto it = entities_.find(key);
    return it == entities_.end() ? 0 : std::max<int64_t>(0, it->second.version);
  }
  bool Loaded(const engine::EntityKey& key) const override { return entities_.contains(key); }

 private:
  struct Entity {
    int64_t version = 0;
    std::unique_ptr<google::protobuf::Message> state;  // null: there is none
  };

  const google::protobuf::Message* Find(const engine::EntityKey& key) const override {
    const auto it = entities_.find(key);
    return it == entities_.end() ? nullptr : it->second.state.get();
  }

  db::Database& database_;
  std::map<engine::EntityKey, Entity> entities_;
};

// The judge lives no longer than `stored` and `caches`.
absl::StatusOr<Judge> ReadJudge(StoredEntities& stored, JudgeCaches& caches,
                                const std::string& tenant, const state::v1::TicketClocks& ticket) {
  while (true) {
    LoadedJudge loaded = LoadPinned(stored, caches, tenant, ticket);
    RETURN_IF_ERROR(loaded.error);
    if (loaded.judge) return *std::move(loaded.judge);
    // Each round asks for what is not loaded, so this ends.
    for (const engine::EntityKey& key : loaded.missing) RETURN_IF_ERROR(stored.Load(key));
  }
}

}  // namespace

absl::StatusOr<v1::ClockExplanation> AnswerExplainClock(runtime::ServiceCore& core,
                                                        JudgeCaches& caches,
                                                        const std::string& tenant,
                                                        const v1::ExplainClockRequest& request) {
  ASSIGN_OR_RETURN(const ClockId id, ReadClockId(request.clock_id()));
  StoredEntities stored(core.database());
  const engine::EntityKey key = TicketKey(tenant, id.ticket);
  RETURN_IF_ERROR(stored.Load(key));
  const auto* ticket = stored.Get<state::v1::TicketClocks>(key);
  if (ticket == nullptr || ticket->clocks().empty()) {
    return NotFound(absl::StrCat("clocks/", request.clock_id()));
  }
  ASSIGN_OR_RETURN(const Judge judge, ReadJudge(stored, caches, tenant, *ticket));
  return Explain(judge, *ticket, id, absl::ToUnixMicros(core.clock().Now()));
}

}  // namespace watchbell::sla
