#include "common/bus/kafka/kafka_bus.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/bus/kafka/prober.h"
#include "common/bus/kafka/relay.h"
#include "common/bus/kafka/subscriber.h"
#include "common/telemetry/log.h"

namespace watchbell::bus {
namespace {

using kafka::KafkaSubscriber;
using kafka::Prober;
using kafka::Relay;

// Those of a kind that live, for whoever asks how they are.
template <typename Member>
class Members {
 public:
  void Add(const Member* member) {
    MutexLock lock(mu_);
    members_.push_back(member);
  }
  void Remove(const Member* member) {
    MutexLock lock(mu_);
    members_.erase(std::remove(members_.begin(), members_.end(), member), members_.end());
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    MutexLock lock(mu_);
    for (const Member* member : members_) visit(*member);
  }

 private:
  mutable Mutex mu_;
  std::vector<const Member*> members_ ABSL_GUARDED_BY(mu_);
};

class ListedRelay : public Relay {
 public:
  ListedRelay(Parts parts, int64_t head, Members<Relay>& list)
      : Relay(std::move(parts), head), list_(list) {
    list_.Add(this);
  }
  ~ListedRelay() override { list_.Remove(this); }

 private:
  Members<Relay>& list_;
};

class ListedSubscriber : public KafkaSubscriber {
 public:
  ListedSubscriber(Parts parts, Subscription subscription, std::function<void()> wake,
                   Members<KafkaSubscriber>& list)
      : KafkaSubscriber(parts, std::move(subscription), std::move(wake)), list_(list) {
    list_.Add(this);
  }
  ~ListedSubscriber() override { list_.Remove(this); }

 private:
  Members<KafkaSubscriber>& list_;
};

class Impl : public KafkaBus {
 public:
  Impl(KafkaOptions options, JournalSource& journals, Clock& clock)
      : options_(std::move(options)),
        journals_(journals),
        clock_(clock),
        prober_(options_, clock_) {}

  absl::Status Start() { return prober_.Start(); }

  absl::StatusOr<std::unique_ptr<Publisher>> AddProducer(
      const std::string& producer, const journal::Reader& reader,
      const std::map<std::string, std::string>& topic_of_aggregate) override {
    ASSIGN_OR_RETURN(const int64_t head, reader.Head());
    auto relay = std::make_unique<ListedRelay>(
        Relay::Parts{options_, clock_, producer, reader, topic_of_aggregate}, head, relays_);
    RETURN_IF_ERROR(relay->Start());
    return relay;
  }

  std::unique_ptr<Subscriber> Subscribe(Subscription subscription,
                                        std::function<void()> wake) override {
    const std::string consumer = subscription.consumer;
    auto subscriber = std::make_unique<ListedSubscriber>(
        KafkaSubscriber::Parts{options_, journals_, clock_, prober_}, std::move(subscription),
        std::move(wake), subscribers_);
    // The properties were good for the prober: what can go wrong now shows in Hold and Health.
    if (const absl::Status started = subscriber->Start(); !started.ok()) {
      telemetry::Log(telemetry::Level::kError, "a Kafka consumer cannot be made",
                     {{"consumer", consumer}, {"error", std::string(started.message())}});
    }
    return subscriber;
  }

  absl::Status Health() const override {
    absl::Status health = prober_.Health();
    relays_.ForEach([&health](const Relay& relay) { health.Update(relay.Health()); });
    subscribers_.ForEach(
        [&health](const KafkaSubscriber& subscriber) { health.Update(subscriber.Health()); });
    return health;
  }

  absl::Status ProducersHealth() const override {
    absl::Status health;
    subscribers_.ForEach([&health](const KafkaSubscriber& subscriber) {
      health.Update(subscriber.ProducersHealth());
    });
    return health;
  }

  KafkaStats Stats() const override {
    KafkaStats stats;
    subscribers_.ForEach(
        [&stats](const KafkaSubscriber& subscriber) { subscriber.AddLags(&stats.lags); });
    relays_.ForEach([&stats](const Relay& relay) {
      stats.backlogs.push_back({relay.producer(), relay.Backlog()});
    });
    return stats;
  }

 private:
  const KafkaOptions options_;
  JournalSource& journals_;
  Clock& clock_;
  Members<Relay> relays_;
  Members<KafkaSubscriber> subscribers_;
  Prober prober_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaBus>> OpenKafka(KafkaOptions options, JournalSource& journals,
                                                    Clock& clock) {
  if (options.shards <= 0) return absl::InvalidArgumentError("there is at least one shard");
  auto bus = std::make_unique<Impl>(std::move(options), journals, clock);
  RETURN_IF_ERROR(bus->Start());
  return bus;
}

}  // namespace watchbell::bus
