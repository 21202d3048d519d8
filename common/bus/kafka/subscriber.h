// Reads the shards a service holds: from the topics, and from the producers' journals what those
// lack. Internal to the folder.
#pragma once

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/bus/bus.h"
#include "common/bus/journal_source.h"
#include "common/bus/kafka/heads.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/bus/kafka/prober.h"
#include "common/bus/kafka/reading.h"
#include "common/bus/kafka/stream_answers.h"
#include "common/clock/clock.h"

namespace watchbell::bus::kafka {

class KafkaSubscriber : public Subscriber {
 public:
  struct Parts {
    const KafkaOptions& options;
    JournalSource& journals;
    Clock& clock;
    Prober& prober;
  };

  KafkaSubscriber(Parts parts, Subscription subscription, std::function<void()> wake);
  ~KafkaSubscriber() override;
  absl::Status Start();

  const std::vector<std::string>& topics() const override { return topics_; }
  absl::Status Hold(int shard, const std::map<std::string, Position>& applied) override;
  void Release(int shard) override;
  absl::StatusOr<std::vector<RecordPtr>> Poll(size_t max) override;
  bool AtEnd(const std::string& topic, int shard, absl::Time since) override;
  absl::StatusOr<std::optional<std::vector<RecordPtr>>> ReadStream(const std::string& topic,
                                                                   const std::string& tenant,
                                                                   const std::string& stream_id,
                                                                   int64_t after_version,
                                                                   int limit) override;
  void Stored(const std::map<TopicShard, Position>& positions) override;
  std::map<TopicShard, Position> Reached() const override;

  // Thread-safe.
  absl::Status Health() const;
  absl::Status ProducersHealth() const;
  void AddLags(std::vector<KafkaStats::Lag>* lags) const;

 private:
  // What callbacks may touch after the subscriber is gone.
  struct State {
    explicit State(std::function<void()> wake) : waker(std::move(wake)) {}
    void Signal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
      signalled = true;
      cv.NotifyAll();
    }

    Waker waker;
    mutable Mutex mu;
    CondVar cv;
    bool closed ABSL_GUARDED_BY(mu) = false;
    bool signalled ABSL_GUARDED_BY(mu) = false;
    std::map<TopicShard, std::unique_ptr<Reading>> readings;  // guarded by mu, but for its keys
    StreamAnswers streams ABSL_GUARDED_BY(mu);
    std::map<TopicShard, int64_t> to_commit ABSL_GUARDED_BY(mu);
  };
  using Readings = std::vector<std::pair<Reading*, int64_t>>;  // each at a generation

  // The committer's side; all with the lock held.
  void Take(Reading& reading, size_t share, std::vector<RecordPtr>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu);
  void TakeFetched(Reading& reading, size_t share, std::vector<RecordPtr>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu);
  bool TakeMessage(Reading& reading, const rd_kafka_message_t& message, std::vector<RecordPtr>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu);
  void TakeError(Reading& reading, const rd_kafka_message_t& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu);
  void LosePosition(Reading& reading, const std::string& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu);
  void CatchUp(Reading& reading) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu);
  bool AtTopicsEnd(Reading& reading, absl::Time since) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu);

  // The thread's side: whatever has to wait for somebody.
  void Run();
  bool WaitForWork();
  void CheckTopics();
  void TopicChecked(const std::string& topic, const absl::Status& status);
  void TakeEnds();
  void AskJournals();
  static void TakeChunk(const std::shared_ptr<State>& state, Reading* reading, int64_t generation,
                        absl::Duration now, absl::StatusOr<JournalSource::Chunk> chunk);
  void Unassign();
  void Assign();
  void CommitOffsets();
  void CompareWithJournals();
  void LookAfterTopics();
  Reading* Find(const std::string& topic, int shard) const;
  std::string NameOf(const std::string& topic) const { return parts_.options.topic_prefix + topic; }
  static void OnReady(rd_kafka_t* client, void* opaque);

  const Parts parts_;
  const std::string consumer_;
  const std::vector<std::string> topics_;
  const absl::Duration patience_;
  const std::shared_ptr<State> state_;
  Heads heads_;
  absl::Status started_ = absl::FailedPreconditionError("the subscriber was not started");
  rd_kafka_t* client_ = nullptr;
  int64_t listener_ = 0;
  size_t turn_ = 0;
  std::thread thread_;
  bool stopping_ = false;  // guarded by state_->mu
  absl::Duration committed_at_ = -absl::InfiniteDuration();
  absl::Duration compared_at_ = -absl::InfiniteDuration();
  absl::Duration looked_after_at_ = -absl::InfiniteDuration();
};

}  // namespace watchbell::bus::kafka
