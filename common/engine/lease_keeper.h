// Holds this process's share of the shards of one service: beats, watches the others, takes free
// leases and gives up what is too much.
//
// A lease is free when nobody holds it, or when its holder's heartbeat was seen unchanged for
// `dead_after` on our own monotonic clock, our own reads having succeeded all the while at most
// `longest_gap` apart. The dead holder's database sessions are ended first: a frozen process can
// hold locks that no time-out frees. Each replica holds at most ceil(shards / live replicas).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/engine/leases.h"

namespace watchbell::engine {

class LeaseKeeper : public Leases {
 public:
  struct Options {
    std::string service;  // for the log
    std::string replica;  // unique among all processes that ever were, e.g. a UUID
    std::string address;  // HOST:PORT of our rpcs, for pokes
    int shards;
    absl::Duration tick = absl::Milliseconds(250);
    absl::Duration dead_after = absl::Seconds(3);
    absl::Duration longest_gap = absl::Seconds(1);
  };
  struct Parts {
    // A connection of the keeper's own: it must not wait for the committer. Its lock time-out is
    // well below `longest_gap` (200 ms, say): the heartbeat goes on while somebody acts for a
    // shard.
    db::Database& database;
    Clock& clock;
    // Database sessions of this process that may hold locks, its own included.
    std::function<std::vector<std::string>()> sessions;
    std::function<void()> changed;  // Held answers differently now; on the keeper's thread
    // No share is taken before this was true once: one that cannot work would only keep it from the
    // others. Null: at once. On the keeper's thread.
    std::function<bool()> ready = nullptr;
  };

  LeaseKeeper(Options options, Parts parts);
  ~LeaseKeeper() override;  // Stop()

  // One beat and one look. Errors are the database's; what is held stays as it is (the fence is in
  // the database, not here).
  absl::Status RunOnce();

  // Why a dead replica could not be buried for `dead_after` or longer: its shards stand still.
  absl::Status Health() const;

  // Runs RunOnce every `tick` on a thread, until Stop. Stop gives everything up, so that others
  // need not wait for our death; call it after the engine has stopped.
  void Start();
  void Stop();

  const std::string& replica() const override;
  uint64_t generation() const override;
  std::map<int, int64_t> Held() const override;
  // Address of the other process that holds a shard, as last seen; "" if nobody or we do.
  std::string HolderAddress(int shard) const;
  int LiveReplicas() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchbell::engine
