#include "common/engine/lease_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace watchbell::engine {

std::set<std::string> HeartbeatWatch::Look(absl::Duration began, absl::Duration ended,
                                           const std::vector<ReplicaRow>& replicas) {
  // Both spans are taken so that a slow read makes nobody look dead earlier.
  if (ended - last_began_ > longest_gap_) seen_.clear();
  last_began_ = began;
  std::map<std::string, Seen> now;
  std::set<std::string> dead;
  for (const ReplicaRow& replica : replicas) {
    const auto before = seen_.find(replica.id);
    if (before == seen_.end() || before->second.beat != replica.beat) {
      now[replica.id] = {replica.beat, ended};
      continue;
    }
    now[replica.id] = before->second;
    if (began - before->second.since >= dead_after_) dead.insert(replica.id);
  }
  seen_ = std::move(now);
  return dead;
}

LeasePlan PlanLeases(const std::vector<LeaseRow>& leases, const std::set<std::string>& live,
                     const std::string& self) {
  const size_t rank = std::distance(live.begin(), live.find(self));
  const size_t share = leases.size() / live.size() + (rank < leases.size() % live.size() ? 1 : 0);

  LeasePlan plan;
  for (const LeaseRow& lease : leases) {
    if (lease.holder == self) {
      plan.ours.push_back(lease);
    } else if (live.count(lease.holder) == 0) {
      plan.free.push_back(lease);
    }
  }
  const auto by_shard = [](const LeaseRow& a, const LeaseRow& b) { return a.shard < b.shard; };
  std::sort(plan.ours.rbegin(), plan.ours.rend(), by_shard);
  std::sort(plan.free.begin(), plan.free.end(), by_shard);
  // Those who take at the same moment begin at different ends.
  std::rotate(plan.free.begin(), plan.free.begin() + rank * plan.free.size() / live.size(),
              plan.free.end());
  if (plan.ours.size() > share) plan.give_up = plan.ours.size() - share;
  if (plan.ours.size() < share) plan.take = std::min(share - plan.ours.size(), plan.free.size());
  return plan;
}

}  // namespace watchbell::engine
