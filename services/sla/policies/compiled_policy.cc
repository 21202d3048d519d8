#include "services/sla/policies/compiled_policy.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "common/base/fingerprint.h"
#include "common/base/proto_time.h"
#include "services/sla/policies/clock_name.h"

namespace watchbell::sla {
namespace {

// Compiled sets kept at most; each is some kilobytes.
constexpr size_t kCacheLimit = 1024;

std::vector<WarnAt> Warnings(const v1::Target& target) {
  std::vector<WarnAt> warnings;
  for (const int percent : target.warn_percent()) {
    warnings.emplace_back().threshold.set_percent(percent);
  }
  for (const google::protobuf::Duration& left : target.warn_time_left()) {
    warnings.emplace_back().threshold.set_time_left(absl::ToInt64Microseconds(FromProto(left)));
  }
  return warnings;
}

}  // namespace

CompiledPolicy CompilePolicy(const v1::PolicySet& policy) {
  CompiledPolicy compiled;
  absl::flat_hash_map<std::string, size_t> places;
  for (int i = 0; i < policy.targets_size(); ++i) {
    const v1::Target& target = policy.targets(i);
    compiled.targets.push_back({CompileRules(target), Warnings(target)});
    compiled.repeats = compiled.repeats || compiled.targets.back().rules.repeats;
    const auto [place, added] = places.try_emplace(ClockName(target), compiled.slots.size());
    if (added) compiled.slots.push_back({place->first, target.metric(), {}});
    compiled.slots[place->second].targets.push_back(i);
  }
  std::stable_sort(compiled.slots.begin(), compiled.slots.end(),
                   [](const ClockSlot& a, const ClockSlot& b) { return a.metric < b.metric; });
  return compiled;
}

state::v1::StoredPolicySet ToStored(v1::PolicySet policy) {
  state::v1::StoredPolicySet stored;
  *stored.mutable_policy_set() = std::move(policy);
  stored.set_fingerprint(FingerprintOf(stored.policy_set()));
  return stored;
}

std::shared_ptr<const CompiledPolicy> PolicyCache::Get(const std::string& tenant,
                                                       const state::v1::StoredPolicySet& stored) {
  const v1::PolicySet& policy = stored.policy_set();
  const Key key(tenant, policy.policy_set_id(), policy.version(), stored.fingerprint());
  MutexLock lock(mu_);
  if (auto it = compiled_.find(key); it != compiled_.end()) return it->second;
  if (compiled_.size() >= kCacheLimit) compiled_.clear();
  return compiled_.emplace(key, std::make_shared<const CompiledPolicy>(CompilePolicy(policy)))
      .first->second;
}

}  // namespace watchbell::sla
