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
constexpr int kLetterChunk = 16;  // a dead letter may be large
constexpr absl::Duration kLastShardRetry = absl::Seconds(2);

constexpr char kTimerColumns[] = "SELECT class, tenant, id, name, due FROM timers";

TimerKey KeyOf(const db::Row& row) {
  return {{static_cast<int>(db::AsInt(row[0])), db::AsText(row[1]), db::AsText(row[2])},
          db::AsText(row[3])};
}

absl::Time DueOf(const db::Row& row) { return absl::FromUnixMicros(db::AsInt(row[4])); }

}  // namespace

absl::Status Engine::Impl::FollowLeases(absl::Time now) {
  const bool moved = parts_.leases != nullptr && generation_ != parts_.leases->generation();
  // A wait longer than the longest is none: the clock went back.
  const bool due = std::any_of(stuck_.begin(), stuck_.end(), [now](const auto& entry) {
    return now >= entry.second.retry_at || entry.second.retry_at - now > kLastShardRetry;
  });
  if (!moved && !due) return absl::OkStatus();
  const uint64_t generation = parts_.leases == nullptr ? 0 : parts_.leases->generation();
  const std::map<int, int64_t> held = HeldShards();
  std::vector<int> lost;
  for (const auto& [shard, epoch] : open_) {
    const auto still = held.find(shard);
    if (still == held.end() || still->second != epoch) lost.push_back(shard);
  }
  for (const int shard : lost) CloseShard(shard);
  std::erase_if(stuck_, [&held](const auto& entry) { return held.count(entry.first) == 0; });
  std::map<int, int64_t> gained;
  for (const auto& [shard, epoch] : held) {
    if (open_.count(shard) == 0 && MayOpen(shard, epoch, now)) gained.emplace(shard, epoch);
  }
  const absl::Status opened = OpenShards(gained, now);
  ReportShards();
  if (!opened.ok()) {
    // Nothing stays half open: by the next try its lease may be another's.
    for (const auto& [shard, epoch] : gained) CloseShard(shard);
    return opened;
  }
  generation_ = generation;
  return absl::OkStatus();
}

std::map<int, int64_t> Engine::Impl::HeldShards() const {
  if (parts_.leases != nullptr) return parts_.leases->Held();
  std::map<int, int64_t> all;
  for (int shard = 0; shard < options_.shards; ++shard) all[shard] = 0;
  return all;
}

bool Engine::Impl::MayOpen(int shard, int64_t epoch, absl::Time now) const {
  const auto stuck = stuck_.find(shard);
  return stuck == stuck_.end() || stuck->second.epoch != epoch || now >= stuck->second.retry_at ||
         stuck->second.retry_at - now > kLastShardRetry;
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
    const absl::Status recovered =
        parts_.recover == nullptr ? absl::OkStatus() : parts_.recover(shard);
    if (recovered.ok()) {
      stuck_.erase(shard);
      continue;
    }
    // It waits by itself; the others are none the worse.
    numbers.erase(shard);
    CloseShard(shard);
    SetStuck(shard, epoch, recovered, now);
  }
  for (const int shard : numbers) {
    open_[shard] = shards.at(shard);
    if (parts_.publisher != nullptr) parts_.publisher->Hold(shard, relayed[shard]);
  }
  if (parts_.leases != nullptr && !numbers.empty()) {
    telemetry::Log(telemetry::Level::kInfo, "shards opened",
                   {{"service", options_.service}, {"shards", absl::StrJoin(numbers, ",")}});
  }
  return ReleaseReadable(numbers);
}

// What an older version of this program did not know the type of, it parked. This one may know it.
absl::Status Engine::Impl::ReleaseReadable(const std::set<int>& shards) {
  if (parts_.subscriber == nullptr || shards.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> ids, ReadableDeadLetters(parts_.database, shards));
  std::vector<Item> releases;
  for (std::string& id : ids) {
    Item item;
    item.kind = Item::Kind::kRelease;
    item.dead_letter_id = std::move(id);
    item.input.identity.subject = absl::StrCat("service:", options_.service);
    releases.push_back(std::move(item));
  }
  if (releases.empty()) return absl::OkStatus();
  telemetry::Log(telemetry::Level::kInfo, "events of types that are known by now are tried again",
                 {{"service", options_.service}, {"keys", absl::StrCat(releases.size())}});
  queue_.PutBack(std::move(releases));  // no caller waits: never refused for a full queue
  return absl::OkStatus();
}

void Engine::Impl::SetStuck(int shard, int64_t epoch, const absl::Status& why, absl::Time now) {
  const auto before = stuck_.find(shard);
  const bool again = before != stuck_.end() && before->second.epoch == epoch;
  const absl::Duration retry =
      again ? std::min(2 * before->second.retry, kLastShardRetry) : kFirstRetry;
  stuck_[shard] = {epoch, why, now + retry, retry};
  if (again) return;
  telemetry::Log(telemetry::Level::kError, "a shard cannot be opened; it is tried again",
                 {{"service", options_.service},
                  {"shard", absl::StrCat(shard)},
                  {"error", std::string(why.message())}});
}

void Engine::Impl::ReportShards() {
  absl::Status status;
  if (!stuck_.empty()) {
    const auto& [shard, first] = *stuck_.begin();
    std::vector<int> numbers;
    for (const auto& [number, stuck] : stuck_) numbers.push_back(number);
    status = absl::UnavailableError(absl::StrCat("not opened: shard ", absl::StrJoin(numbers, ", "),
                                                 "; ", shard, ": ", first.why.message()));
  }
  MutexLock lock(mu_);
  shard_health_ = std::move(status);
}

absl::Time Engine::Impl::ShardRetryAt() const {
  absl::Time first = absl::InfiniteFuture();
  for (const auto& [shard, stuck] : stuck_) first = std::min(first, stuck.retry_at);
  return first;
}

void Engine::Impl::CloseShard(int shard) {
  const bool was_open = open_.erase(shard) > 0;
  marks_.relayed.erase(shard);
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
      if (open_.count(static_cast<int>(db::AsInt(row[5]))) > 0) {
        const TimerKey key = KeyOf(row);
        gate_.Forget(key);  // it waits for what precedes its new due time
        timers_.Set(key, DueOf(row));
      }
      after = db::AsInt(row[6]);
    }
    more = rows.size() == kLookChunk;
  }
  RETURN_IF_ERROR(LookAtLetters());
  seen_ = std::max({seen_, head, after});
  timer_count_ = timers_.size();
  if (parts_.publisher != nullptr && asked) parts_.publisher->Look();
  return absl::OkStatus();
}

// What others released since the last look.
absl::Status Engine::Impl::LookAtLetters() {
  int64_t after = seen_;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(
        const auto rows,
        parts_.database.Read(
            "SELECT sequence, payload FROM journal WHERE aggregate = $1 AND type = $2 AND "
            "sequence > $3 ORDER BY sequence LIMIT $4",
            {DeadLetterClass().name,
             bus::EventTypeOf(*events::v1::DeadLetterReleased::descriptor()), after,
             int64_t{kLetterChunk}}));
    for (const db::Row& row : rows) {
      events::v1::DeadLetterReleased released;
      if (released.ParseFromString(db::AsBytes(row[1]))) intake_.Released(released.dead_letter());
      after = db::AsInt(row[0]);
    }
    more = rows.size() == kLetterChunk;
  }
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
