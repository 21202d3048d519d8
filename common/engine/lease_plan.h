// What a look at the replicas and leases of a service means: who is dead, what to take, what to
// give up. Nothing here reads a clock or a database.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace watchbell::engine {

struct ReplicaRow {
  std::string id;
  std::string address;
  int64_t beat = 0;
  std::string sessions;
};

struct LeaseRow {
  int shard = 0;
  std::string holder;  // "" = nobody
  std::string address;
  int64_t epoch = 0;
};

// Tells dead replicas from living ones by their heartbeats. Moments are of one steady clock.
class HeartbeatWatch {
 public:
  HeartbeatWatch(absl::Duration dead_after, absl::Duration longest_gap)
      : dead_after_(dead_after), longest_gap_(longest_gap) {}

  // What a read saw that began and ended at these moments. Returns those whose heartbeat stood
  // still for `dead_after`, reads having been at most `longest_gap` apart. Between two reads
  // further apart anything may have happened: everybody is then as if seen for the first time.
  std::set<std::string> Look(absl::Duration began, absl::Duration ended,
                             const std::vector<ReplicaRow>& replicas);

 private:
  struct Seen {
    int64_t beat;
    absl::Duration since;  // not later than this the beat was written
  };

  const absl::Duration dead_after_;
  const absl::Duration longest_gap_;
  absl::Duration last_began_ = -absl::InfiniteDuration();
  std::map<std::string, Seen> seen_;
};

// Candidates, best first, and how many of them.
struct LeasePlan {
  size_t give_up = 0;
  std::vector<LeaseRow> ours;  // highest shard first
  size_t take = 0;
  std::vector<LeaseRow> free;  // held by nobody alive
};

// `live` contains `self`. Each replica's share is floor(leases / live) or one more: the first ones,
// in the order of their ids, have one more until nothing is left over. Everybody who sees the same
// comes to the same shares, so that nothing moves without need.
LeasePlan PlanLeases(const std::vector<LeaseRow>& leases, const std::set<std::string>& live,
                     const std::string& self);

}  // namespace watchbell::engine
