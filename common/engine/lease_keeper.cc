#include "common/engine/lease_keeper.h"

#include <algorithm>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/engine/lease_plan.h"
#include "common/telemetry/log.h"

namespace watchbell::engine {
namespace {

std::string ShardList(const std::vector<LeaseRow>& leases) {
  std::vector<int> shards;
  for (const LeaseRow& lease : leases) shards.push_back(lease.shard);
  std::sort(shards.begin(), shards.end());
  return absl::StrJoin(shards, ",");
}

std::string HolderList(const std::vector<LeaseRow>& leases) {
  std::set<std::string> holders;
  for (const LeaseRow& lease : leases) {
    if (!lease.holder.empty()) holders.insert(lease.holder);
  }
  return absl::StrJoin(holders, ",");
}

// What one look saw.
struct View {
  absl::Duration began;
  std::vector<LeaseRow> leases;
  std::vector<ReplicaRow> replicas;
  std::set<std::string> dead;
};

}  // namespace

class LeaseKeeper::Impl {
 public:
  Impl(Options options, Parts parts)
      : options_(std::move(options)),
        parts_(std::move(parts)),
        watch_(options_.dead_after, options_.longest_gap) {}

  absl::Status RunOnce();
  void Start();
  void Stop();
  const std::string& replica() const { return options_.replica; }
  uint64_t generation() const;
  std::map<int, int64_t> Held() const;
  std::string HolderAddress(int shard) const;
  int LiveReplicas() const;
  absl::Status Health() const;

 private:
  void Loop();
  absl::Status Beat();
  absl::StatusOr<View> Read();
  absl::Status AddMissing(View& view);
  absl::Status Bury(View& view);
  void SetHealth(const absl::Status& burial);
  absl::Status EndSessionsOf(const std::string& replica);
  absl::StatusOr<bool> BuryOne(const ReplicaRow& replica);
  void Remember(const View& view);
  absl::Status Rebalance(const View& view, std::map<int, int64_t> held);
  // Makes `holder` the holder of `count` of these, "" for nobody; `done` are those where it worked.
  absl::Status Move(absl::Duration began, std::vector<LeaseRow> leases, size_t count,
                    const std::string& holder, std::vector<LeaseRow>* done);
  absl::StatusOr<bool> MoveOne(const LeaseRow& lease, const std::string& holder);
  void SetHeld(std::map<int, int64_t> held);
  absl::Status GiveEverythingUp();

  const Options options_;
  const Parts parts_;
  HeartbeatWatch watch_;
  int64_t beat_ = 0;
  // Leases that could not be moved, by when: they are tried last, so that one that is locked for
  // long does not stand in the way of the others.
  std::map<int, int64_t> refused_;
  int64_t refusals_ = 0;
  bool joined_ = false;
  // Of the others, also of those buried that hold leases still.
  std::map<std::string, std::string> sessions_;

  std::optional<absl::Duration> unburied_since_;  // on the steady clock

  mutable Mutex mu_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<int, int64_t> held_ ABSL_GUARDED_BY(mu_);
  std::map<int, std::string> addresses_ ABSL_GUARDED_BY(mu_);  // of others, by the shard they hold
  int live_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status health_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

absl::Status LeaseKeeper::Impl::RunOnce() {
  if (!joined_ && parts_.ready != nullptr && !parts_.ready()) return absl::OkStatus();
  joined_ = true;
  // The heartbeat goes first and alone: what follows may have to wait for locks.
  RETURN_IF_ERROR(Beat());
  ASSIGN_OR_RETURN(View view, Read());
  std::map<int, int64_t> held;
  std::vector<LeaseRow> lost;
  const std::map<int, int64_t> before = Held();
  for (const LeaseRow& lease : view.leases) {
    // Also one that we did not know of: the answer to a commit was lost.
    if (lease.holder == options_.replica) held[lease.shard] = lease.epoch;
    const auto known = before.find(lease.shard);
    if (known != before.end() && known->second != lease.epoch) lost.push_back(lease);
  }
  if (!lost.empty()) {
    telemetry::Log(telemetry::Level::kWarning, "leases moved on without this replica's doing",
                   {{"service", options_.service},
                    {"replica", options_.replica},
                    {"shards", ShardList(lost)},
                    {"to", HolderList(lost)}});
  }
  SetHeld(held);
  absl::Status status = AddMissing(view);
  status.Update(Bury(view));
  Remember(view);
  status.Update(Rebalance(view, std::move(held)));
  return status;
}

absl::Status LeaseKeeper::Impl::Beat() {
  ASSIGN_OR_RETURN(const auto transaction, parts_.database.Begin());
  RETURN_IF_ERROR(
      transaction->Upsert(ReplicaTable(), {db::Row{options_.replica, options_.address, ++beat_,
                                                   absl::StrJoin(parts_.sessions(), ",")}}));
  return transaction->Commit();
}

absl::StatusOr<View> LeaseKeeper::Impl::Read() {
  View view;
  view.began = parts_.clock.Steady();
  // Leases first: every replica beats before it takes, so a holder whose row is missing afterwards
  // has been buried.
  ASSIGN_OR_RETURN(const auto leases,
                   parts_.database.Read("SELECT shard, holder, address, epoch FROM leases", {}));
  ASSIGN_OR_RETURN(const auto replicas,
                   parts_.database.Read("SELECT id, address, beat, sessions FROM replicas", {}));
  for (const db::Row& row : leases) {
    if (db::AsInt(row[0]) >= options_.shards) continue;
    view.leases.push_back({static_cast<int>(db::AsInt(row[0])), db::AsText(row[1]),
                           db::AsText(row[2]), db::AsInt(row[3])});
  }
  for (const db::Row& row : replicas) {
    if (db::AsText(row[0]) == options_.replica) continue;
    view.replicas.push_back(
        {db::AsText(row[0]), db::AsText(row[1]), db::AsInt(row[2]), db::AsText(row[3])});
  }
  for (const ReplicaRow& replica : view.replicas) sessions_[replica.id] = replica.sessions;
  std::erase_if(sessions_, [&view](const auto& known) {
    return std::none_of(view.replicas.begin(), view.replicas.end(),
                        [&known](const ReplicaRow& r) { return r.id == known.first; }) &&
           std::none_of(view.leases.begin(), view.leases.end(),
                        [&known](const LeaseRow& lease) { return lease.holder == known.first; });
  });
  view.dead = watch_.Look(view.began, parts_.clock.Steady(), view.replicas);
  return view;
}

absl::Status LeaseKeeper::Impl::AddMissing(View& view) {
  std::set<int> missing;
  for (int shard = 0; shard < options_.shards; ++shard) missing.insert(shard);
  for (const LeaseRow& lease : view.leases) missing.erase(lease.shard);
  if (missing.empty()) return absl::OkStatus();
  std::vector<db::Row> rows;
  for (const int shard : missing) rows.push_back({int64_t{shard}, "", "", int64_t{0}});
  ASSIGN_OR_RETURN(const auto transaction, parts_.database.Begin());
  absl::Status status = transaction->Insert(LeaseTable(), rows);
  if (status.ok()) status = transaction->Commit();
  // Another one that starts for the first time, too: the next look finds its rows.
  if (absl::IsAlreadyExists(status)) return absl::OkStatus();
  RETURN_IF_ERROR(status);
  for (const int shard : missing) view.leases.push_back({shard, "", "", 0});
  return absl::OkStatus();
}

absl::Status LeaseKeeper::Impl::Bury(View& view) {
  absl::Status first_error;
  std::set<std::string> buried;
  for (const ReplicaRow& replica : view.replicas) {
    if (view.dead.count(replica.id) == 0) continue;
    // If it was we who stood still meanwhile, what was seen may be long past.
    if (parts_.clock.Steady() - view.began > options_.longest_gap) break;
    const absl::StatusOr<bool> done = BuryOne(replica);
    first_error.Update(done.status());
    if (done.ok() && *done) buried.insert(replica.id);
  }
  const auto gone = [&buried](const ReplicaRow& r) { return buried.count(r.id) > 0; };
  view.replicas.erase(std::remove_if(view.replicas.begin(), view.replicas.end(), gone),
                      view.replicas.end());
  SetHealth(first_error);
  return first_error;
}

void LeaseKeeper::Impl::SetHealth(const absl::Status& burial) {
  const absl::Duration now = parts_.clock.Steady();
  if (burial.ok()) {
    unburied_since_.reset();
  } else if (!unburied_since_.has_value()) {
    unburied_since_ = now;
  }
  const bool lasts = !burial.ok() && now - *unburied_since_ >= options_.dead_after;
  MutexLock lock(mu_);
  if (lasts && health_.ok()) {
    telemetry::Log(telemetry::Level::kError,
                   "a dead replica cannot be buried: its shards stand still",
                   {{"service", options_.service},
                    {"replica", options_.replica},
                    {"error", std::string(burial.message())}});
  }
  health_ = lasts ? absl::Status(burial.code(),
                                 absl::StrCat("a dead replica's shards cannot be taken over: ",
                                              burial.message()))
                  : absl::OkStatus();
}

absl::Status LeaseKeeper::Impl::EndSessionsOf(const std::string& replica) {
  const auto known = sessions_.find(replica);
  if (known == sessions_.end()) return absl::OkStatus();
  const std::vector<std::string> sessions = absl::StrSplit(known->second, ',', absl::SkipEmpty());
  return parts_.database.EndSessions(sessions);
}

absl::StatusOr<bool> LeaseKeeper::Impl::BuryOne(const ReplicaRow& replica) {
  RETURN_IF_ERROR(EndSessionsOf(replica.id));
  ASSIGN_OR_RETURN(const auto transaction, parts_.database.Begin());
  ASSIGN_OR_RETURN(const int64_t deleted,
                   transaction->Execute("DELETE FROM replicas WHERE id = $1 AND beat = $2",
                                        {replica.id, replica.beat}));
  // It beats again, or another one buried it: the next look says which.
  if (deleted == 0) return false;
  RETURN_IF_ERROR(transaction->Commit());
  telemetry::Log(telemetry::Level::kInfo,
                 "another replica is dead; its database sessions are ended",
                 {{"service", options_.service},
                  {"replica", options_.replica},
                  {"dead", replica.id},
                  {"address", replica.address}});
  return true;
}

void LeaseKeeper::Impl::Remember(const View& view) {
  std::set<std::string> others;
  for (const ReplicaRow& replica : view.replicas) others.insert(replica.id);
  MutexLock lock(mu_);
  live_ = static_cast<int>(others.size()) + 1;
  addresses_.clear();
  for (const LeaseRow& lease : view.leases) {
    if (others.count(lease.holder) > 0) addresses_[lease.shard] = lease.address;
  }
}

absl::Status LeaseKeeper::Impl::Rebalance(const View& view, std::map<int, int64_t> held) {
  std::set<std::string> live = {options_.replica};
  for (const ReplicaRow& replica : view.replicas) live.insert(replica.id);
  LeasePlan plan = PlanLeases(view.leases, live, options_.replica);

  std::vector<LeaseRow> given;
  absl::Status status = Move(view.began, std::move(plan.ours), plan.give_up, "", &given);
  if (!given.empty()) {
    for (const LeaseRow& lease : given) held.erase(lease.shard);
    telemetry::Log(telemetry::Level::kInfo, "shards are given up to other replicas",
                   {{"service", options_.service},
                    {"replica", options_.replica},
                    {"shards", ShardList(given)}});
    SetHeld(held);
  }
  std::vector<LeaseRow> taken;
  if (status.ok()) {
    status = Move(view.began, std::move(plan.free), plan.take, options_.replica, &taken);
  }
  if (!taken.empty()) {
    for (const LeaseRow& lease : taken) held[lease.shard] = lease.epoch + 1;
    telemetry::Log(telemetry::Level::kInfo, "shards are taken",
                   {{"service", options_.service},
                    {"replica", options_.replica},
                    {"shards", ShardList(taken)},
                    {"from", HolderList(taken)}});
    SetHeld(std::move(held));
  }
  return status;
}

absl::Status LeaseKeeper::Impl::Move(absl::Duration began, std::vector<LeaseRow> leases,
                                     size_t count, const std::string& holder,
                                     std::vector<LeaseRow>* done) {
  const auto refused = [this](const LeaseRow& lease) {
    const auto found = refused_.find(lease.shard);
    return found == refused_.end() ? 0 : found->second;
  };
  std::stable_sort(leases.begin(), leases.end(), [&refused](const LeaseRow& a, const LeaseRow& b) {
    return refused(a) < refused(b);
  });
  for (const LeaseRow& lease : leases) {
    if (done->size() == count) break;
    const absl::StatusOr<bool> moved = MoveOne(lease, holder);
    if (!moved.ok()) {
      refused_[lease.shard] = ++refusals_;
      // A dead holder may have come back for a moment after its burial, and locked it since.
      if (holder == options_.replica) EndSessionsOf(lease.holder).IgnoreError();
      return moved.status();
    }
    refused_.erase(lease.shard);
    if (*moved) done->push_back(lease);
    // The heartbeat must go on, and our reads may not be too far apart.
    if (parts_.clock.Steady() - began > options_.longest_gap / 2) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> LeaseKeeper::Impl::MoveOne(const LeaseRow& lease, const std::string& holder) {
  // One lease a transaction: who acts for a shard locks its row until its commit, and only that
  // shard waits for it here.
  ASSIGN_OR_RETURN(const auto transaction, parts_.database.Begin());
  ASSIGN_OR_RETURN(
      const int64_t changed,
      transaction->Execute("UPDATE leases SET holder = $3, address = $4, epoch = epoch + 1 "
                           "WHERE shard = $1 AND epoch = $2",
                           {int64_t{lease.shard}, lease.epoch, holder,
                            holder.empty() ? std::string() : options_.address}));
  if (changed == 0) return false;  // another one was quicker
  RETURN_IF_ERROR(transaction->Commit());
  return true;
}

void LeaseKeeper::Impl::SetHeld(std::map<int, int64_t> held) {
  {
    MutexLock lock(mu_);
    if (held == held_) return;
    held_ = std::move(held);
    ++generation_;
  }
  if (parts_.changed) parts_.changed();
}

void LeaseKeeper::Impl::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void LeaseKeeper::Impl::Loop() {
  bool well = true;
  while (true) {
    const absl::Duration began = parts_.clock.Steady();
    const absl::Status status = RunOnce();
    if (!status.ok() && well) {
      telemetry::Log(telemetry::Level::kWarning, "leases cannot be kept up; it is tried again",
                     {{"service", options_.service},
                      {"replica", options_.replica},
                      {"error", std::string(status.message())}});
    }
    well = status.ok();
    MutexLock lock(mu_);
    while (!stopping_) {
      // Steps of the wall clock change nothing: what is left is measured on the steady one.
      const absl::Duration left = began + options_.tick - parts_.clock.Steady();
      if (left <= absl::ZeroDuration()) break;
      parts_.clock.WaitUntil(mu_, stop_, parts_.clock.Now() + left);
    }
    if (stopping_) return;
  }
}

void LeaseKeeper::Impl::Stop() {
  {
    MutexLock lock(mu_);
    if (stopping_) return;
    stopping_ = true;
    stop_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  if (beat_ == 0) return;  // nobody has heard of us
  if (const absl::Status status = GiveEverythingUp(); !status.ok()) {
    telemetry::Log(telemetry::Level::kWarning,
                   "leases cannot be given up; the others take them when they miss our heartbeat",
                   {{"service", options_.service},
                    {"replica", options_.replica},
                    {"error", std::string(status.message())}});
  }
  MutexLock lock(mu_);
  if (!held_.empty()) ++generation_;
  held_.clear();
}

absl::Status LeaseKeeper::Impl::GiveEverythingUp() {
  ASSIGN_OR_RETURN(const auto transaction, parts_.database.Begin());
  RETURN_IF_ERROR(transaction
                      ->Execute("UPDATE leases SET holder = '', address = '', epoch = epoch + 1 "
                                "WHERE holder = $1",
                                {options_.replica})
                      .status());
  RETURN_IF_ERROR(transaction->Delete(ReplicaTable(), {db::Row{options_.replica}}));
  return transaction->Commit();
}

uint64_t LeaseKeeper::Impl::generation() const {
  MutexLock lock(mu_);
  return generation_;
}

std::map<int, int64_t> LeaseKeeper::Impl::Held() const {
  MutexLock lock(mu_);
  return held_;
}

std::string LeaseKeeper::Impl::HolderAddress(int shard) const {
  MutexLock lock(mu_);
  const auto found = addresses_.find(shard);
  return held_.count(shard) > 0 || found == addresses_.end() ? std::string() : found->second;
}

int LeaseKeeper::Impl::LiveReplicas() const {
  MutexLock lock(mu_);
  return live_;
}

absl::Status LeaseKeeper::Impl::Health() const {
  MutexLock lock(mu_);
  return health_;
}

LeaseKeeper::LeaseKeeper(Options options, Parts parts)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(parts))) {}
LeaseKeeper::~LeaseKeeper() { Stop(); }

absl::Status LeaseKeeper::RunOnce() { return impl_->RunOnce(); }
void LeaseKeeper::Start() { impl_->Start(); }
void LeaseKeeper::Stop() { impl_->Stop(); }
const std::string& LeaseKeeper::replica() const { return impl_->replica(); }
uint64_t LeaseKeeper::generation() const { return impl_->generation(); }
std::map<int, int64_t> LeaseKeeper::Held() const { return impl_->Held(); }
std::string LeaseKeeper::HolderAddress(int shard) const { return impl_->HolderAddress(shard); }
int LeaseKeeper::LiveReplicas() const { return impl_->LiveReplicas(); }
absl::Status LeaseKeeper::Health() const { return impl_->Health(); }

}  // namespace watchbell::engine
