// Which shards a process holds. One holder a shard does everything for it that is no command: it
// consumes, fires timers, relays and begins effects (design: shard leases).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/db/db.h"

namespace watchbell::engine {

// What the engine sees of them. Thread-safe.
class Leases {
 public:
  virtual ~Leases() = default;
  // Who we are, as lease rows name their holder.
  virtual const std::string& replica() const = 0;
  // Moves whenever Held would answer differently.
  virtual uint64_t generation() const = 0;
  // The shards held, each with the epoch of its lease.
  virtual std::map<int, int64_t> Held() const = 0;
};

// (shard), holder ("" = free), address of the holder's rpcs, epoch: moves with every change of
// holder. Every transaction that acts for a shard reads its row under a shared lock.
const db::Table& LeaseTable();
// (id), address, beat: moves as long as the replica lives, sessions: its database sessions, comma
// separated.
const db::Table& ReplicaTable();

}  // namespace watchbell::engine
