#include "common/engine/working_set.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "common/engine/dead_letters.h"
#include "common/engine/tables.h"

namespace watchbell::engine {
namespace {

db::Row KeyRow(const EntityKey& key) { return {int64_t{key.cls}, key.tenant, key.id}; }

// Collects index rows by table, the last change of a key winning.
class BatchedIndex : public IndexWriter {
 public:
  void Upsert(const db::Table& table, db::Row row) override {
    tables_[&table].upserts.push_back(std::move(row));
  }
  void Delete(const db::Table& table, db::Row key) override {
    tables_[&table].deletes.push_back(std::move(key));
  }
  absl::Status Write(db::Transaction& transaction) const {
    for (const auto& [table, changes] : tables_) {
      if (!changes.deletes.empty()) RETURN_IF_ERROR(transaction.Delete(*table, changes.deletes));
      if (!changes.upserts.empty()) RETURN_IF_ERROR(transaction.Upsert(*table, changes.upserts));
    }
    return absl::OkStatus();
  }

 private:
  struct Changes {
    std::vector<db::Row> upserts;
    std::vector<db::Row> deletes;
  };
  std::map<const db::Table*, Changes> tables_;
};

}  // namespace

ClassTable::ClassTable(const std::vector<EntityClass>& classes) {
  classes_[DeadLetterClass().cls] = DeadLetterClass();
  for (const EntityClass& entity_class : classes) classes_[entity_class.cls] = entity_class;
}

std::vector<db::KeySet> WorkingSet::Missing(std::vector<EntityKey> keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<db::KeySet> sets;
  for (const EntityKey& key : keys) {
    if (!entities_.try_emplace(key).second) continue;
    // Reference data is read by every batch of every replica: readers must not wait for each other.
    const db::Lock lock = classes_.Of(key.cls).reference ? db::Lock::kShare : db::Lock::kUpdate;
    if (sets.empty() || sets.back().lock != lock) sets.push_back({&EntityTable(), {}, lock});
    sets.back().keys.push_back(KeyRow(key));
  }
  return sets;
}

absl::Status WorkingSet::TakeAll(const std::vector<db::Row>& rows) {
  for (const db::Row& row : rows) RETURN_IF_ERROR(Take(row));
  return absl::OkStatus();
}

absl::Status WorkingSet::Load(db::Transaction& transaction, std::vector<EntityKey> keys) {
  const std::vector<db::KeySet> sets = Missing(std::move(keys));
  if (sets.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto found, transaction.LoadAll(sets));
  for (const std::vector<db::Row>& rows : found) RETURN_IF_ERROR(TakeAll(rows));
  return absl::OkStatus();
}

absl::Status WorkingSet::Take(const db::Row& row) {
  EntityKey key{static_cast<int>(db::AsInt(row[0])), db::AsText(row[1]), db::AsText(row[2])};
  Entity& entity = entities_[key];
  entity.stored = true;
  entity.version = db::AsInt(row[3]);
  const std::string& body = db::AsBytes(row[4]);
  const EntityClass& entity_class = classes_.Of(key.cls);
  uint64_t hash = 0;
  if (entity_class.reference) {
    hash = Fnv1a(body);
    auto cached = references_.entries.find(key);
    if (cached != references_.entries.end() && cached->second.version == entity.version &&
        cached->second.size == body.size() && cached->second.hash == hash) {
      entity.state = cached->second.state;
      return absl::OkStatus();
    }
  }
  std::shared_ptr<google::protobuf::Message> state(entity_class.prototype->New());
  if (!state->ParseFromString(body)) {
    return absl::DataLossError(
        absl::StrCat("stored state of ", entity_class.name, " ", key.id, " cannot be read"));
  }
  entity.state = std::move(state);
  if (entity_class.reference) {
    references_.entries[key] = {entity.version, body.size(), hash, entity.state};
  }
  return absl::OkStatus();
}

const google::protobuf::Message* WorkingSet::Find(const EntityKey& key) const {
  auto it = entities_.find(key);
  return it == entities_.end() ? nullptr : it->second.state.get();
}

int64_t WorkingSet::Version(const EntityKey& key) const {
  auto it = entities_.find(key);
  return it == entities_.end() ? 0 : it->second.version;
}

bool WorkingSet::Create(const EntityKey& key) {
  const Entity& entity = entities_.try_emplace(key).first->second;
  return !entity.stored && !entity.dirty;
}

void WorkingSet::Put(const EntityKey& key, StatePtr state) {
  Entity& entity = entities_[key];
  if (entity.indexed) entity.before = std::move(entity.state);
  entity.state = std::move(state);
  entity.dirty = true;
  entity.indexed = false;
}

int64_t WorkingSet::NextVersion(const EntityKey& key) {
  Entity& entity = entities_[key];
  entity.dirty = true;
  return ++entity.version;
}

StatePtr WorkingSet::Changed(const EntityKey& key) const {
  const auto found = entities_.find(key);
  return found == entities_.end() || found->second.indexed ? nullptr : found->second.state;
}

absl::Status WorkingSet::Store(db::Transaction& transaction, const Decider& decider) const {
  std::vector<db::Row> created;
  std::vector<db::Row> changed;
  BatchedIndex index;
  for (const auto& [key, entity] : entities_) {
    if (!entity.dirty) continue;
    (entity.stored ? changed : created)
        .push_back({int64_t{key.cls}, key.tenant, key.id, entity.version,
                    db::Bytes{entity.state ? entity.state->SerializeAsString() : std::string()}});
    if (entity.indexed) continue;
    if (key.cls == DeadLetterClass().cls) {
      IndexDeadLetter(static_cast<const admin::v1::DeadLetter&>(*entity.state), index);
    } else {
      decider.Index(key, entity.before.get(), *entity.state, index);
    }
  }
  // A row that was not there could not be locked: should another replica have made it meanwhile,
  // this fails and the batch sees the other's.
  // In one order, lest two wait for each other.
  std::sort(created.begin(), created.end());
  if (!created.empty()) RETURN_IF_ERROR(transaction.Insert(EntityTable(), created));
  if (!changed.empty()) RETURN_IF_ERROR(transaction.Upsert(EntityTable(), changed));
  return index.Write(transaction);
}

}  // namespace watchbell::engine
