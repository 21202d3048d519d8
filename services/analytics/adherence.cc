#include "services/analytics/adherence.h"

#include "services/analytics/statistics.h"

namespace watchbell::analytics {

void AdherenceCount::Add(const AdherenceKey& key, const state::v1::ClockFacts& clock) {
  const bool open = clock.phase() == state::v1::CLOCK_PHASE_OPEN;
  if (!open && clock.phase() != state::v1::CLOCK_PHASE_FINISHED) return;
  const auto [entry, first] = counts_.try_emplace(key);
  v1::Adherence& count = entry->second;
  if (first) {
    count.set_metric(clock.metric());
  } else if (count.metric() != clock.metric()) {
    count.set_metric(sla::v1::METRIC_UNSPECIFIED);
  }
  count.set_earlier_breaches(count.earlier_breaches() + clock.earlier_breaches());
  if (open && clock.breached()) {
    count.set_open_breached(count.open_breached() + 1);
  } else if (open) {
    count.set_pending(count.pending() + 1);
  } else if (clock.verdict() == sla::v1::VERDICT_MET) {
    count.set_met(count.met() + 1);
  } else if (clock.verdict() == sla::v1::VERDICT_MISSED) {
    count.set_missed(count.missed() + 1);
    const bool waived = clock.effective_verdict() == sla::v1::VERDICT_MET;
    count.set_waived(count.waived() + (waived ? 1 : 0));
  }
}

void AdherenceCount::Fill(google::protobuf::RepeatedPtrField<v1::Adherence>& out) const {
  for (const auto& [key, count] : counts_) {
    v1::Adherence& entry = *out.Add();
    entry = count;
    entry.set_clock(key.clock);
    entry.set_priority(key.priority);
    entry.set_category(key.category);
    entry.set_month(key.month);
    const int64_t finished = count.met() + count.missed();
    if (auto kept = MakeRatio(count.met(), finished)) *entry.mutable_kept() = *kept;
    if (auto kept = MakeRatio(count.met() + count.waived(), finished)) {
      *entry.mutable_kept_with_waivers() = *kept;
    }
  }
}

}  // namespace watchbell::analytics
