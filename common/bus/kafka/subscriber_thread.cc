// The thread of a subscriber: topics checked, ends asked for, journals read, partitions assigned,
// offsets committed.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bus/kafka/client.h"
#include "common/bus/kafka/subscriber.h"
#include "common/telemetry/log.h"

namespace watchbell::bus::kafka {
namespace {

constexpr absl::Duration kLookEvery = absl::Milliseconds(100);
constexpr absl::Duration kFirstRetry = absl::Milliseconds(50);
constexpr absl::Duration kLastRetry = absl::Seconds(5);
constexpr absl::Duration kTopicAgain = absl::Milliseconds(500);
constexpr absl::Duration kCommitEvery = absl::Seconds(1);
constexpr int kTopicLimitMs = 2000;
// Rows asked for at once; the next are asked for when so many are left.
constexpr int kJournalChunk = 500;

}  // namespace

KafkaSubscriber::~KafkaSubscriber() {
  if (!started_.ok()) return;
  state_->waker.Silence();
  parts_.prober.RemoveListener(listener_);
  {
    MutexLock lock(state_->mu);
    stopping_ = true;
    state_->closed = true;
    for (auto& [topic_shard, reading] : state_->readings) {
      ++reading->generation;
      reading->state = ReadingState::kReleased;
    }
    state_->Signal();
  }
  thread_.join();
  Unassign();
  CloseClient(client_, state_);
}

void KafkaSubscriber::Run() {
  while (WaitForWork()) {
    // Partitions have their own queues: here is what concerns the client as a whole.
    while (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, 0)) {
      rd_kafka_message_destroy(message);
    }
    Unassign();
    CheckTopics();
    TakeEnds();
    AskJournals();
    Assign();
    CommitOffsets();
    CompareWithJournals();
    LookAfterTopics();
  }
}

bool KafkaSubscriber::WaitForWork() {
  MutexLock lock(state_->mu);
  if (!state_->signalled && !stopping_) {
    parts_.clock.WaitUntil(state_->mu, state_->cv, parts_.clock.Now() + kLookEvery);
  }
  state_->signalled = false;
  state_->streams.Expire(parts_.clock.Steady());
  return !stopping_;
}

void KafkaSubscriber::CheckTopics() {
  std::set<std::string> topics;
  {
    MutexLock lock(state_->mu);
    const absl::Duration now = parts_.clock.Steady();
    for (const auto& [topic_shard, reading] : state_->readings) {
      if (reading->state == ReadingState::kChecked && now >= reading->retry_at) {
        topics.insert(reading->topic);
      }
    }
  }
  for (const std::string& topic : topics) {
    const absl::StatusOr<int> count = CountPartitions(client_, NameOf(topic), kTopicLimitMs);
    absl::Status status = count.status();
    if (count.ok() && *count != parts_.options.shards) {
      status = absl::FailedPreconditionError(absl::StrCat("Kafka topic ", NameOf(topic), " has ",
                                                          *count, " partitions, but there are ",
                                                          parts_.options.shards, " shards"));
    }
    TopicChecked(topic, status);
  }
}

void KafkaSubscriber::TopicChecked(const std::string& topic, const absl::Status& status) {
  MutexLock lock(state_->mu);
  // Brokers that do not answer are the prober's to tell.
  bool complain = !status.ok() && !absl::IsUnavailable(status);
  for (auto& [topic_shard, reading] : state_->readings) {
    if (reading->topic != topic || reading->state != ReadingState::kChecked) continue;
    if (!status.ok()) reading->retry_at = parts_.clock.Steady() + kTopicAgain;
    if (absl::IsUnavailable(status)) continue;
    // What has this name next may be another topic, filled beyond our place: the journal first.
    // (Raw topics have no journal; what they had would come again.)
    if (absl::IsNotFound(status) && !reading->raw) reading->offset = -1;
    if (!status.ok()) {
      if (complain && reading->trouble != status.message()) {
        telemetry::Log(telemetry::Level::kError, "a topic cannot be read; it is tried again",
                       {{"consumer", consumer_}, {"error", std::string(status.message())}});
      }
      complain = false;
      reading->trouble = std::string(status.message());
      reading->topic_trouble = true;
      continue;
    }
    // What was said of the partition is taken back by what comes from it.
    if (reading->topic_trouble) reading->trouble.clear();
    if (reading->raw || reading->offset >= 0) {
      reading->state = ReadingState::kAssigned;
    } else {
      reading->end_since = parts_.clock.Now();
      reading->state = ReadingState::kEndAsked;
      parts_.prober.Ask({topic, reading->shard}, reading->end_since);
    }
  }
}

// Whatever was relayed before the end was asked for was committed before the journal is read.
void KafkaSubscriber::TakeEnds() {
  MutexLock lock(state_->mu);
  for (auto& [topic_shard, reading] : state_->readings) {
    if (reading->state != ReadingState::kEndAsked) continue;
    const absl::Time now = parts_.clock.Now();
    if (reading->end_since > now) {  // the clock went back
      reading->end_since = now;
      parts_.prober.Ask(topic_shard, now);
    }
    const std::optional<Prober::End> end = parts_.prober.Latest(topic_shard);
    if (!end || end->asked < reading->end_since || end->asked > now) continue;
    reading->offset = end->offset;
    reading->journal_read = reading->sequence;
    reading->journal_end = false;
    reading->journal_asked = false;
    reading->complained = false;
    reading->unread.clear();
    reading->retry_at = -absl::InfiniteDuration();
    reading->retry = kFirstRetry;
    reading->state = ReadingState::kCatchUp;
  }
}

void KafkaSubscriber::AskJournals() {
  struct Ask {
    Reading* reading;
    int64_t generation;
    int64_t after;
  };
  std::vector<Ask> asks;
  {
    MutexLock lock(state_->mu);
    const absl::Duration now = parts_.clock.Steady();
    for (auto& [topic_shard, reading] : state_->readings) {
      if (reading->state != ReadingState::kCatchUp || reading->journal_asked ||
          reading->journal_end || reading->fetched.size() >= kJournalChunk ||
          now < reading->retry_at) {
        continue;
      }
      reading->journal_asked = true;
      asks.push_back({reading.get(), reading->generation, reading->journal_read});
    }
  }
  Clock* clock = &parts_.clock;
  for (const Ask& ask : asks) {
    parts_.journals.ReadShard(
        ask.reading->topic, ask.reading->shard, ask.after, kJournalChunk,
        [state = state_, ask, clock](absl::StatusOr<JournalSource::Chunk> chunk) {
          TakeChunk(state, ask.reading, ask.generation, clock->Steady(), std::move(chunk));
        });
  }
}

// On any thread.
void KafkaSubscriber::TakeChunk(const std::shared_ptr<State>& state, Reading* reading,
                                int64_t generation, absl::Duration now,
                                absl::StatusOr<JournalSource::Chunk> chunk) {
  std::vector<RecordPtr> records;
  if (chunk.ok()) {
    for (const journal::JournalRow& row : chunk->rows) {
      records.push_back(
          std::make_shared<const Record>(ToRecord(row, chunk->producer, reading->topic)));
    }
  }
  {
    MutexLock lock(state->mu);
    if (state->closed || reading->generation != generation) return;
    const auto anybody_complains = [&] {
      return std::any_of(state->readings.begin(), state->readings.end(),
                         [reading](const auto& other) {
                           return other.second->topic == reading->topic && other.second->complained;
                         });
    };
    reading->journal_asked = false;
    if (!chunk.ok() || (records.empty() && !chunk->end)) {
      reading->retry_at = now + reading->retry;
      reading->retry = std::min(reading->retry * 2, kLastRetry);
      const bool told = anybody_complains();
      const std::string why = chunk.ok() ? "its producer's journal is answered without rows or end"
                                         : std::string(chunk.status().message());
      if (reading->complained) reading->unread = why;  // once is a blip
      reading->complained = true;
      if (!told) {
        telemetry::Log(
            telemetry::Level::kWarning, "a producer cannot be asked; it is tried again",
            {{"topic", reading->topic}, {"shard", absl::StrCat(reading->shard)}, {"error", why}});
      }
      return;
    }
    if (std::exchange(reading->complained, false) && !anybody_complains()) {
      telemetry::Log(telemetry::Level::kInfo, "a producer can be asked again",
                     {{"topic", reading->topic}});
    }
    reading->unread.clear();
    reading->retry = kFirstRetry;
    if (!records.empty()) reading->journal_read = records.back()->sequence;
    std::move(records.begin(), records.end(), std::back_inserter(reading->fetched));
    reading->journal_end = chunk->end;
    if (chunk->end && reading->fetched.empty()) reading->state = ReadingState::kAssigned;
    state->Signal();
  }
  state->waker.Ring();
}

// Partitions that are not read any more, or are to be read from elsewhere.
void KafkaSubscriber::Unassign() {
  PartitionsPtr list(rd_kafka_topic_partition_list_new(16));
  std::vector<Reading*> gone;
  {
    MutexLock lock(state_->mu);
    for (auto& [topic_shard, reading] : state_->readings) {
      if (!reading->assigned || reading->state == ReadingState::kLive) continue;
      rd_kafka_topic_partition_list_add(list.get(), NameOf(reading->topic).c_str(), reading->shard);
      gone.push_back(reading.get());
    }
  }
  if (gone.empty()) return;
  const absl::Status status =
      ToStatus(rd_kafka_incremental_unassign(client_, list.get()), "partitions are not given back");
  if (!status.ok()) {
    telemetry::Log(telemetry::Level::kWarning, "Kafka client",
                   {{"consumer", consumer_}, {"error", std::string(status.message())}});
  }
  MutexLock lock(state_->mu);
  for (Reading* reading : gone) {
    reading->assigned = false;
    rd_kafka_queue_cb_event_enable(reading->queue.get(), nullptr, nullptr);
    reading->queue = nullptr;
  }
}

void KafkaSubscriber::OnReady(rd_kafka_t*, void* opaque) {
  auto* reading = static_cast<Reading*>(opaque);
  if (!reading->ready.exchange(true)) reading->waker.Ring();
}

void KafkaSubscriber::Assign() {
  PartitionsPtr list(rd_kafka_topic_partition_list_new(16));
  Readings assigned;
  {
    MutexLock lock(state_->mu);
    for (auto& [topic_shard, reading] : state_->readings) {
      if (reading->state != ReadingState::kAssigned || reading->assigned) continue;
      const std::string name = NameOf(reading->topic);
      reading->queue.reset(rd_kafka_queue_get_partition(client_, name.c_str(), reading->shard));
      // Its own queue, not the consumer's: forwarding set by the application stays.
      rd_kafka_queue_forward(reading->queue.get(), nullptr);
      rd_kafka_queue_cb_event_enable(reading->queue.get(), &KafkaSubscriber::OnReady,
                                     reading.get());
      rd_kafka_topic_partition_list_add(list.get(), name.c_str(), reading->shard)->offset =
          reading->offset >= 0 ? reading->offset : RD_KAFKA_OFFSET_BEGINNING;
      reading->assigned = true;
      assigned.emplace_back(reading.get(), reading->generation);
    }
  }
  if (assigned.empty()) return;
  const absl::Status status =
      ToStatus(rd_kafka_incremental_assign(client_, list.get()), "partitions are not taken");
  if (!status.ok()) {
    telemetry::Log(telemetry::Level::kError, "Kafka client",
                   {{"consumer", consumer_}, {"error", std::string(status.message())}});
  }
  {
    MutexLock lock(state_->mu);
    for (const auto& [reading, generation] : assigned) {
      if (reading->generation != generation || !status.ok()) continue;
      reading->state = ReadingState::kLive;
      reading->live_since = parts_.clock.Now();
      reading->proven = false;
      reading->ready = true;
    }
  }
  state_->waker.Ring();
}

// A row that never came to the topic (its relay failed, the broker lost it) would be missed only
// when its stream goes on. What was owed the last time and has not come since, although the topic
// was read to its end, is read from the journal.
void KafkaSubscriber::CompareWithJournals() {
  if (parts_.clock.Steady() - compared_at_ < parts_.options.compare_every) return;
  compared_at_ = parts_.clock.Steady();
  const absl::Time now = parts_.clock.Now();
  std::vector<TopicShard> live;
  {
    MutexLock lock(state_->mu);
    for (auto& [topic_shard, reading] : state_->readings) {
      if (reading->raw || reading->state != ReadingState::kLive) continue;
      if (reading->owed > reading->seen && AtTopicsEnd(*reading, reading->owed_since)) {
        telemetry::Log(telemetry::Level::kWarning,
                       "a topic lacks what its producer has: the producer's journal is read",
                       {{"consumer", consumer_},
                        {"topic", reading->topic},
                        {"partition", absl::StrCat(reading->shard)},
                        {"seen", absl::StrCat(reading->seen)},
                        {"journal", absl::StrCat(reading->owed)}});
        CatchUp(*reading);
        continue;
      }
      const std::optional<Heads::Head> head = heads_.Latest(topic_shard);
      reading->owed = head ? head->sequence.value_or(0) : 0;
      reading->owed_since = now;
      reading->Verify(reading->owed);
      if (reading->owed > reading->seen) parts_.prober.Ask(topic_shard, now);
      live.push_back(topic_shard);
    }
  }
  for (const TopicShard& topic_shard : live) heads_.Ask(topic_shard, now);
}

// A topic that is deleted while it is read: librdkafka waits for it and says nothing.
void KafkaSubscriber::LookAfterTopics() {
  const absl::Duration now = parts_.clock.Steady();
  // Brokers that do not answer would only keep us waiting.
  if (now - looked_after_at_ < parts_.options.compare_every || !parts_.prober.Health().ok()) return;
  looked_after_at_ = now;
  std::set<std::string> topics;
  {
    MutexLock lock(state_->mu);
    for (const auto& [topic_shard, reading] : state_->readings) {
      if (reading->state == ReadingState::kLive) topics.insert(reading->topic);
    }
  }
  for (const std::string& topic : topics) {
    const absl::Status found = CountPartitions(client_, NameOf(topic), kTopicLimitMs).status();
    if (!absl::IsNotFound(found)) continue;
    {
      MutexLock lock(state_->mu);
      for (auto& [topic_shard, reading] : state_->readings) {
        if (reading->topic != topic || reading->state != ReadingState::kLive) continue;
        ++reading->generation;
        reading->state = ReadingState::kChecked;
      }
      state_->Signal();
    }
    TopicChecked(topic, found);
  }
}

void KafkaSubscriber::CommitOffsets() {
  const absl::Duration now = parts_.clock.Steady();
  if (now - committed_at_ < kCommitEvery) return;
  PartitionsPtr list(rd_kafka_topic_partition_list_new(16));
  {
    MutexLock lock(state_->mu);
    for (const auto& [topic_shard, offset] : state_->to_commit) {
      rd_kafka_topic_partition_list_add(list.get(), NameOf(topic_shard.first).c_str(),
                                        topic_shard.second)
          ->offset = offset;
    }
    state_->to_commit.clear();
  }
  if (list->cnt == 0) return;
  committed_at_ = now;
  // Nobody reads them but tools: what fails is made good by the next.
  rd_kafka_commit(client_, list.get(), 1);
}

}  // namespace watchbell::bus::kafka
