#include "common/runtime/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace watchbell::runtime {
namespace {

using Labels = std::map<std::string, std::string>;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets kSizes = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
const Buckets kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
// Lateness is the figure people look at: from 1 ms to the gate's 30 s and an outage beyond it.
const Buckets kLateSeconds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25,
                              0.5,   1,     2.5,   5,    10,   30,   60,  300};

prometheus::Family<prometheus::Histogram>& HistogramFamily(prometheus::Registry& registry,
                                                           const std::string& name,
                                                           const std::string& help) {
  return prometheus::BuildHistogram().Name("watchbell_" + name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Gauge>& GaugeFamily(prometheus::Registry& registry,
                                                   const std::string& name,
                                                   const std::string& help) {
  return prometheus::BuildGauge().Name("watchbell_" + name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Counter>& CounterFamily(prometheus::Registry& registry,
                                                       const std::string& name,
                                                       const std::string& help) {
  return prometheus::BuildCounter().Name("watchbell_" + name).Help(help).Register(registry);
}

struct Families {
  explicit Families(prometheus::Registry& r)
      : batch_inputs(HistogramFamily(r, "engine_batch_inputs", "Inputs in one transaction.")),
        batch_seconds(HistogramFamily(r, "engine_batch_seconds", "Duration of one transaction.")),
        timer_late(HistogramFamily(r, "timer_late_seconds", "How late timers fired.")),
        event_behind(HistogramFamily(r, "event_behind_seconds",
                                     "From an event's recording to its application here.")),
        rpc_seconds(HistogramFamily(r, "rpc_seconds", "Duration of calls by method and code.")),
        queue(GaugeFamily(r, "engine_queue_commands", "Commands that wait.")),
        timers(GaugeFamily(r, "timers_armed", "Timers that wait.")),
        healthy(GaugeFamily(r, "service_healthy",
                            "1 if storage takes writes, every producer can be read and the broker "
                            "answers.")),
        shards(GaugeFamily(r, "shards_held", "Shards whose leases this process holds.")),
        replicas(GaugeFamily(r, "replicas_live", "Replicas of the service that live.")),
        lag(GaugeFamily(r, "consumer_lag_records",
                        "Records of a topic that wait, over the shards held here.")),
        catching_up(GaugeFamily(r, "consumer_catching_up_shards",
                                "Shards that are not read from their topic (yet): from the "
                                "producer's journal, or waiting for the topic.")),
        lost(CounterFamily(r, "consumer_positions_lost_total",
                           "Times that the position on a raw topic was gone: records may have been "
                           "lost unread.")),
        backlog(GaugeFamily(r, "relay_backlog_rows",
                            "Journal rows of the shards held here that are not published yet.")),
        inputs(CounterFamily(r, "engine_inputs_total", "Inputs decided.")),
        events(CounterFamily(r, "engine_events_total", "Events journaled.")),
        dead_letters(CounterFamily(r, "dead_letters_total", "Records put aside.")),
        storage_failures(CounterFamily(r, "storage_failures_total", "Transactions that failed.")),
        effects(CounterFamily(r, "effects_total", "Effects on the outside world begun.")) {}

  prometheus::Family<prometheus::Histogram>& batch_inputs;
  prometheus::Family<prometheus::Histogram>& batch_seconds;
  prometheus::Family<prometheus::Histogram>& timer_late;
  prometheus::Family<prometheus::Histogram>& event_behind;
  prometheus::Family<prometheus::Histogram>& rpc_seconds;
  prometheus::Family<prometheus::Gauge>& queue;
  prometheus::Family<prometheus::Gauge>& timers;
  prometheus::Family<prometheus::Gauge>& healthy;
  prometheus::Family<prometheus::Gauge>& shards;
  prometheus::Family<prometheus::Gauge>& replicas;
  prometheus::Family<prometheus::Gauge>& lag;
  prometheus::Family<prometheus::Gauge>& catching_up;
  prometheus::Family<prometheus::Counter>& lost;
  prometheus::Family<prometheus::Gauge>& backlog;
  prometheus::Family<prometheus::Counter>& inputs;
  prometheus::Family<prometheus::Counter>& events;
  prometheus::Family<prometheus::Counter>& dead_letters;
  prometheus::Family<prometheus::Counter>& storage_failures;
  prometheus::Family<prometheus::Counter>& effects;
};

// The instruments of one service, looked up once: recording is then free of maps and strings.
class ServiceProbe : public engine::Probe {
 public:
  ServiceProbe(Families& families, const Labels& labels)
      : batch_inputs_(families.batch_inputs.Add(labels, kSizes)),
        batch_seconds_(families.batch_seconds.Add(labels, kSeconds)),
        timer_late_(families.timer_late.Add(labels, kLateSeconds)),
        event_behind_(families.event_behind.Add(labels, kLateSeconds)),
        queue_(families.queue.Add(labels)),
        timers_(families.timers.Add(labels)),
        inputs_(families.inputs.Add(labels)),
        events_(families.events.Add(labels)),
        dead_letters_(families.dead_letters.Add(labels)),
        storage_failures_(families.storage_failures.Add(labels)) {}

  void Batch(size_t inputs, size_t events, absl::Duration took) override {
    batch_inputs_.Observe(static_cast<double>(inputs));
    batch_seconds_.Observe(absl::ToDoubleSeconds(took));
    inputs_.Increment(static_cast<double>(inputs));
    events_.Increment(static_cast<double>(events));
  }
  void QueueDepth(size_t commands) override { queue_.Set(static_cast<double>(commands)); }
  void TimersArmed(size_t timers) override { timers_.Set(static_cast<double>(timers)); }
  void TimerFired(absl::Duration late) override {
    timer_late_.Observe(absl::ToDoubleSeconds(late));
  }
  void EventApplied(absl::Duration behind) override {
    event_behind_.Observe(absl::ToDoubleSeconds(behind));
  }
  void DeadLettered() override { dead_letters_.Increment(); }
  void StorageFailed() override { storage_failures_.Increment(); }

 private:
  prometheus::Histogram& batch_inputs_;
  prometheus::Histogram& batch_seconds_;
  prometheus::Histogram& timer_late_;
  prometheus::Histogram& event_behind_;
  prometheus::Gauge& queue_;
  prometheus::Gauge& timers_;
  prometheus::Counter& inputs_;
  prometheus::Counter& events_;
  prometheus::Counter& dead_letters_;
  prometheus::Counter& storage_failures_;
};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  Families families{registry};
  Mutex mu;
  std::map<std::string, std::unique_ptr<ServiceProbe>> probes ABSL_GUARDED_BY(mu);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

engine::Probe& Metrics::ProbeFor(const std::string& service) {
  MutexLock lock(impl_->mu);
  std::unique_ptr<ServiceProbe>& probe = impl_->probes[service];
  if (probe == nullptr) {
    probe = std::make_unique<ServiceProbe>(impl_->families, Labels{{"service", service}});
  }
  return *probe;
}

void Metrics::CallFinished(const rpc::CallReport& report) {
  const std::string code = absl::StatusCodeToString(static_cast<absl::StatusCode>(report.code));
  impl_->families.rpc_seconds.Add({{"method", report.method}, {"code", code}}, kSeconds)
      .Observe(absl::ToDoubleSeconds(report.took));
}

void Metrics::EffectsBegun(const std::string& service, size_t effects) {
  impl_->families.effects.Add({{"service", service}}).Increment(static_cast<double>(effects));
}

void Metrics::SetHealthy(const std::string& service, bool healthy) {
  impl_->families.healthy.Add({{"service", service}}).Set(healthy ? 1 : 0);
}

void Metrics::SetLeases(const std::string& service, size_t shards_held, int live_replicas) {
  impl_->families.shards.Add({{"service", service}}).Set(static_cast<double>(shards_held));
  impl_->families.replicas.Add({{"service", service}}).Set(live_replicas);
}

void Metrics::SetConsumerLag(const std::string& service, const std::string& topic,
                             int64_t records) {
  impl_->families.lag.Add({{"service", service}, {"topic", topic}})
      .Set(static_cast<double>(records));
}

void Metrics::SetCatchingUp(const std::string& service, const std::string& topic, int shards) {
  impl_->families.catching_up.Add({{"service", service}, {"topic", topic}}).Set(shards);
}

void Metrics::PositionsLost(const std::string& service, const std::string& topic, int64_t more) {
  impl_->families.lost.Add({{"service", service}, {"topic", topic}})
      .Increment(static_cast<double>(more));
}

void Metrics::SetRelayBacklog(const std::string& service, int64_t rows) {
  impl_->families.backlog.Add({{"service", service}}).Set(static_cast<double>(rows));
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace watchbell::runtime
