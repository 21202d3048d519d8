// Asks the brokers: do you answer, and where do partitions end? On connections of its own, where no
// waiting fetch is ahead of the question. Internal to the folder.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/bus/bus.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/clock/clock.h"

namespace watchbell::bus::kafka {

// Thread-safe.
class Prober {
 public:
  // The end of a partition: whatever lay there at `asked` or before has an offset below `offset`.
  struct End {
    int64_t offset = 0;
    absl::Time asked;  // when the question was sent, at the latest
  };

  Prober(const KafkaOptions& options, Clock& clock) : options_(options), clock_(clock) {}
  ~Prober();

  // Makes the client and begins. INVALID_ARGUMENT: the properties are wrong.
  absl::Status Start();

  // OK while the brokers answer.
  absl::Status Health() const;

  // The end of a partition at `since` or later is wanted. Everything wanted at one moment goes out
  // in one request. It is asked until there is an answer; if the clock goes back meanwhile, that
  // may be one from before `since`.
  void Ask(const TopicShard& partition, absl::Time since);
  std::optional<End> Latest(const TopicShard& partition) const;

  // Called after answers, on the prober's thread; not any more once RemoveListener has returned.
  int64_t AddListener(std::function<void()> answered);
  void RemoveListener(int64_t id);

 private:
  void Run();
  bool WaitForWork(std::vector<TopicShard>* wanted);
  void AskEnds(const std::vector<TopicShard>& wanted);
  void AskBrokers();
  void Answered(const absl::Status& status);
  static void OnError(rd_kafka_t* client, int error, const char* reason, void* opaque);

  const KafkaOptions& options_;
  Clock& clock_;
  rd_kafka_t* client_ = nullptr;
  std::thread thread_;

  // Of the thread.
  size_t limit_ = SIZE_MAX;  // partitions in one request: fewer after one that failed
  size_t turn_ = 0;
  absl::Duration last_asked_ = -absl::InfiniteDuration();
  absl::Duration apart_ = absl::ZeroDuration();  // the least time between two questions

  mutable Mutex mu_;
  CondVar cv_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status health_ ABSL_GUARDED_BY(mu_) = absl::UnavailableError("Kafka was not reached yet");
  std::string last_error_ ABSL_GUARDED_BY(mu_);  // of a connection, in librdkafka's words
  std::map<TopicShard, absl::Time> wanted_ ABSL_GUARDED_BY(mu_);
  std::map<TopicShard, End> ends_ ABSL_GUARDED_BY(mu_);

  Mutex listeners_mu_;  // held while they are called
  std::vector<std::pair<int64_t, std::function<void()>>> listeners_ ABSL_GUARDED_BY(listeners_mu_);
  int64_t listener_ids_ ABSL_GUARDED_BY(listeners_mu_) = 0;
};

}  // namespace watchbell::bus::kafka
