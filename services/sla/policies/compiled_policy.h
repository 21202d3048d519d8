// A policy set made ready to judge: its conditions compiled, its targets sorted by the clock they
// share. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "services/sla/policies/metric_rules.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// A clock tickets may have: targets of one name, by rank.
struct ClockSlot {
  std::string name;
  v1::Metric metric;
  std::vector<int> targets;  // places in the policy set
};

// A warning threshold with what is used of a target when it is crossed.
struct WarnAt {
  state::v1::Threshold threshold;
  // Microseconds used, of `allowed`.
  int64_t Amount(int64_t allowed) const {
    return threshold.time_left() > 0
               ? allowed - threshold.time_left()
               : allowed / 100 * threshold.percent() + allowed % 100 * threshold.percent() / 100;
  }
};

struct CompiledTarget {
  Rules rules;
  std::vector<WarnAt> warnings;
};

struct CompiledPolicy {
  std::vector<CompiledTarget> targets;  // as in the policy set
  std::vector<ClockSlot> slots;         // by metric, then first appearance
  bool repeats = false;                 // some target does
};

// The policy has no faults (policy_check.h).
CompiledPolicy CompilePolicy(const v1::PolicySet& policy);

// As it is kept: with a fingerprint of its content.
state::v1::StoredPolicySet ToStored(v1::PolicySet policy);

// A memo of compiled policy sets: forgetting all of it changes nothing but time. Thread-safe.
class PolicyCache {
 public:
  std::shared_ptr<const CompiledPolicy> Get(const std::string& tenant,
                                            const state::v1::StoredPolicySet& stored);

 private:
  // Tenant, id, version, fingerprint: a version that was tried and not committed may come again
  // with other content.
  using Key = std::tuple<std::string, std::string, int64_t, uint64_t>;
  Mutex mu_;
  absl::flat_hash_map<Key, std::shared_ptr<const CompiledPolicy>> compiled_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::sla
