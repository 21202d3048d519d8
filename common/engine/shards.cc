// Which shards are open here, and what other replicas did to them.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/bus/event_registry.h"
#include "common/engine/dead_letters.h"
#include "common/engine/engine_impl.h"
#include "common/telemetry/log.h"
#include "watchbell/events/v1/dead_letters.pb.h"

namespace watchbell::engine {
namespace {

// Timers due within this time are loaded before a shard is open; the others follow, some each step.
constexpr absl::Duration kNear = absl::Minutes(15);
constexpr int kFarChunk = 20'000;
constexpr int kLookChunk = 1'000;

constexpr char kTimerColumns[] = "SELECT class, tenant, id, name, due FROM timers";

TimerKey KeyOf(const db::Row& row) {
  return {{static_cast<int>(db::AsInt(row[0])), db::AsText(row[1]), db::AsText(row[2])},
          db::AsText(row[3])};
}

absl::Time DueOf(const db::Row& row) { return absl::FromUnixMicros(db::AsInt(row[4])); }

}  // namespace

absl::Status Engine::Impl::FollowLeases(absl::Time now) {
  if (parts_.leases == nullptr) return absl::OkStatus();
  const uint64_t generation = parts_.leases->generation();
  if (generation_ == generation) return absl::OkStatus();
  const std::map<int, int64_t> held = parts_.leases->Held();
  std::vector<int> lost;
  for (const auto& [shard, epoch] : open_) {
    const auto still = held.find(shard);
    if (still == held.end() || still->second != epoch) lost.push_back(shard);
  }
  for (const int shard : lost) CloseShard(shard);
  std::map<int, int64_t> gained;
  for (const auto& [shard, epoch] : held) {
    if (open_.count(shard) == 0) gained.emplace(shard, epoch);
  }
  const absl::Status opened = OpenShards(gained, now);
  if (!opened.ok()) {
    // Nothing stays half open: by the next try its lease may be another's.
    for (const auto& [shard, epoch] : gained) CloseShard(shard);
    return opened;
  }
  generation_ = generation;
  return absl::OkStatus();
}

absl::Status Engine::Impl::OpenShards(const std::map<int, int64_t>& shards, absl::Time now) {
  if (shards.empty()) return absl::OkStatus();
  std::set<int> numbers;
  for (const auto& [shard, epoch] : shards) numbers.insert(shard);
  ASSIGN_OR_RETURN(const auto rows,
                   parts_.database.Read("SELECT shard, sequence FROM relay_positions", {}));
  std::map<int, int64_t> relayed;
  for (const db::Row& row : rows) relayed[static_cast<int>(db::AsInt(row[0]))] = db::AsInt(row[1]);
  RETURN_IF_ERROR(LoadTimers(numbers, now));
  RETURN_IF_ERROR(intake_.OpenShards(numbers));
  for (const auto& [shard, epoch] : shards) {
    if (parts_.recover != nullptr) RETURN_IF_ERROR(parts_.recover(shard));
  }
  for (const auto& [shard, epoch] : shards) {
    open_[shard] = epoch;
    if (parts_.publisher != nullptr) parts_.publisher->Hold(shard, relayed[shard]);
  }
  if (parts_.leases != nullptr) {
    telemetry::Log(telemetry::Level::kInfo, "shards opened",
                   {{"service", options_.service}, {"shards", absl::StrJoin(numbers, ",")}});
  }
  return absl::OkStatus();
}

void Engine::Impl::CloseShard(int shard) {
  const bool was_open = open_.erase(shard) > 0;
  relayed_.erase(shard);
  far_shards_.erase(shard);
  intake_.CloseShard(shard);
  gate_.CloseShard(shard);
  if (parts_.publisher != nullptr) parts_.publisher->Release(shard);
  timers_.EraseIf([this, shard](const TimerKey& key) {
    return ShardOf(key.entity.id, options_.shards) == shard;
  });
  timer_count_ = timers_.size();
  if (!was_open) return;
  telemetry::Log(telemetry::Level::kInfo, "shard closed",
                 {{"service", options_.service}, {"shard", absl::StrCat(shard)}});
}

absl::Status Engine::Impl::LoadTimers(const std::set<int>& shards, absl::Time now) {
  std::string sql = kTimerColumns;
  const bool all = parts_.leases == nullptr;
  // With replicas a shard must be open within seconds, however many timers it has.
  const absl::Time far = all ? absl::InfiniteFuture() : now + kNear;
  std::vector<db::Value> params;
  if (!all) {
    absl::StrAppend(&sql, " WHERE shard IN (", absl::StrJoin(shards, ","), ") AND due < $1");
    params.emplace_back(absl::ToUnixMicros(far));
  }
  ASSIGN_OR_RETURN(const auto rows,
                   parts_.database.Read(absl::StrCat(sql, " ORDER BY due"), params));
  for (const db::Row& row : rows) timers_.Set(KeyOf(row), DueOf(row));
  timer_count_ = timers_.size();
  if (!all) {
    far_ = far_.has_value() ? std::min(*far_, far) : far;
    far_shards_.insert(shards.begin(), shards.end());
  }
  return absl::OkStatus();
}

absl::Status Engine::Impl::LoadFarTimers() {
  if (!far_.has_value()) return absl::OkStatus();
  if (far_shards_.empty()) {
    far_.reset();
    return absl::OkStatus();
  }
  // A due time is never split: whoever has the chunk's last one has them all.
  const std::string of_shards = absl::StrCat("shard IN (", absl::StrJoin(far_shards_, ","), ")");
  ASSIGN_OR_RETURN(
      const auto end,
      parts_.database.Read(absl::StrCat("SELECT due FROM timers WHERE ", of_shards,
                                        " AND due >= $1 ORDER BY due LIMIT 1 OFFSET $2"),
                           {absl::ToUnixMicros(*far_), int64_t{kFarChunk}}));
  const int64_t upto = end.empty() ? std::numeric_limits<int64_t>::max() : db::AsInt(end[0][0]);
  ASSIGN_OR_RETURN(const auto rows,
                   parts_.database.Read(absl::StrCat(kTimerColumns, " WHERE ", of_shards,
                                                     " AND due >= $1 AND due <= $2 ORDER BY due"),
                                        {absl::ToUnixMicros(*far_), upto}));
  for (const db::Row& row : rows) timers_.Set(KeyOf(row), DueOf(row));
  timer_count_ = timers_.size();
  if (end.empty()) {
    far_.reset();
    far_shards_.clear();
  } else {
    far_ = absl::FromUnixMicros(upto) + absl::Microseconds(1);
  }
  return absl::OkStatus();
}

absl::Status Engine::Impl::LookAtOthers(absl::Time now) {
  if (parts_.leases == nullptr) return absl::OkStatus();
  bool asked = false;
  {
    MutexLock lock(mu_);
    asked = std::exchange(look_, false);
  }
  // A wait longer than the longest is none: the clock went back.
  if (!asked && now < look_at_ && look_at_ - now <= options_.look_every) return absl::OkStatus();
  look_at_ = now + options_.look_every;
  const journal::Reader reader(parts_.database);
  ASSIGN_OR_RETURN(const int64_t head, reader.Head());
  int64_t after = seen_;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(
        const auto rows,
        parts_.database.Read("SELECT class, tenant, id, name, due, shard, changed FROM "
                             "timers WHERE changed > $1 ORDER BY changed LIMIT $2",
                             {after, int64_t{kLookChunk}}));
    for (const db::Row& row : rows) {
      if (open_.count(static_cast<int>(db::AsInt(row[5]))) > 0) timers_.Set(KeyOf(row), DueOf(row));
      after = db::AsInt(row[6]);
    }
    more = rows.size() == kLookChunk;
  }
  ASSIGN_OR_RETURN(const auto letters, reader.After(DeadLetterClass().name, seen_, kLookChunk));
  for (const journal::JournalRow& row : letters) {
    events::v1::DeadLetterReleased released;
    if (row.type != bus::EventTypeOf(*released.descriptor())) continue;
    if (released.ParseFromString(row.payload)) intake_.Released(released.dead_letter());
  }
  seen_ = std::max({seen_, head, after});
  timer_count_ = timers_.size();
  if (parts_.publisher != nullptr && asked) parts_.publisher->Look();
  return absl::OkStatus();
}

void Engine::Impl::TellOthers(const Batch& batch) const {
  if (parts_.leases == nullptr || parts_.poke == nullptr) return;
  std::set<int> foreign;
  for (const int shard : batch.touched()) {
    if (open_.count(shard) == 0) foreign.insert(shard);
  }
  if (!foreign.empty()) parts_.poke(foreign);
}

}  // namespace watchbell::engine
