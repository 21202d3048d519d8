// The committer's side of a subscriber: nothing here waits. subscriber_thread.cc does what has to.
#include "common/bus/kafka/subscriber.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/bus/kafka/wire.h"
#include "common/telemetry/log.h"

namespace watchbell::bus::kafka {
namespace {

constexpr absl::Duration kFirstRetry = absl::Milliseconds(50);
constexpr absl::Duration kErrorAgain = absl::Milliseconds(500);

struct FreeMessage {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using MessagePtr = std::unique_ptr<rd_kafka_message_t, FreeMessage>;

// The broker answers when there is something, or, to who is patient, when so much has come.
constexpr const char* kPatientBytes = "65536";

Settings Defaults(absl::Duration patience) {
  const bool patient = patience > absl::ZeroDuration();
  const int64_t wait = patient ? absl::ToInt64Milliseconds(patience) : 250;
  return {{"check.crcs", "true"},
          {"fetch.min.bytes", patient ? kPatientBytes : "1"},
          {"fetch.wait.max.ms", absl::StrCat(wait)},
          {"fetch.error.backoff.ms", "100"}};
}

Settings Fixed(const KafkaOptions& options, const std::string& consumer, size_t readings) {
  const size_t share = options.buffer_bytes / std::max<size_t>(readings, 1) / 1000;
  return {
      {"group.id", options.topic_prefix + consumer},  // lag tools look for it
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"enable.partition.eof", "true"},
      // Of each partition, as each has a queue of its own.
      {"queued.max.messages.kbytes", absl::StrCat(std::clamp<size_t>(share, 1, 8192))},
  };
}

}  // namespace

KafkaSubscriber::KafkaSubscriber(Parts parts, Subscription subscription, std::function<void()> wake)
    : parts_(parts),
      consumer_(std::move(subscription.consumer)),
      topics_(std::move(subscription.topics)),
      patience_(subscription.patience),
      state_(std::make_shared<State>(std::move(wake))),
      heads_(parts_.journals, parts_.clock, [state = state_] {
        {
          MutexLock lock(state->mu);
          if (state->closed) return;
          state->Signal();
        }
        state->waker.Ring();
      }) {
  for (int shard = 0; shard < parts_.options.shards; ++shard) {
    const auto add = [&](const std::string& topic, bool raw) {
      state_->readings[{topic, shard}] =
          std::make_unique<Reading>(topic, raw, shard, state_->waker);
    };
    for (const std::string& topic : topics_) add(topic, false);
    for (const std::string& topic : subscription.raw_topics) add(topic, true);
  }
}

absl::Status KafkaSubscriber::Start() {
  ASSIGN_OR_RETURN(ConfPtr conf,
                   MakeConf(parts_.options, Defaults(patience_),
                            Fixed(parts_.options, consumer_, state_->readings.size())));
  ASSIGN_OR_RETURN(client_, NewClient(RD_KAFKA_CONSUMER, std::move(conf)));
  rd_kafka_poll_set_consumer(client_);
  listener_ = parts_.prober.AddListener([this] {
    {
      MutexLock lock(state_->mu);
      state_->Signal();
    }
    state_->waker.Ring();
  });
  started_ = absl::OkStatus();
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

Reading* KafkaSubscriber::Find(const std::string& topic, int shard) const {
  auto it = state_->readings.find({topic, shard});
  return it == state_->readings.end() ? nullptr : it->second.get();
}

absl::Status KafkaSubscriber::Hold(int shard, const std::map<std::string, Position>& applied) {
  RETURN_IF_ERROR(started_);
  if (shard < 0 || shard >= parts_.options.shards) {
    return absl::FailedPreconditionError(
        absl::StrCat("shard ", shard, " is not one of the ", parts_.options.shards,
                     " shards: their number is fixed at installation"));
  }
  MutexLock lock(state_->mu);
  for (auto& [topic_shard, reading] : state_->readings) {
    if (topic_shard.second != shard) continue;
    const auto position = applied.find(topic_shard.first);
    const Position from = position == applied.end() ? Position{} : position->second;
    ++reading->generation;
    reading->state = ReadingState::kChecked;
    reading->sequence = from.sequence;
    reading->seen = from.sequence;
    reading->claims.clear();
    reading->stored = from;
    reading->owed = 0;
    reading->offset = from.next_offset;
    // The place on a raw topic was let go: what is at the same offsets now are other records.
    if (reading->raw && position != applied.end() && from.next_offset < 0) ++reading->sequence;
    reading->proven = false;
    reading->fetched.clear();
    reading->retry_at = -absl::InfiniteDuration();
    reading->retry = kFirstRetry;
    reading->complained = false;
    reading->unread.clear();
    reading->trouble.clear();
  }
  state_->Signal();
  return absl::OkStatus();
}

void KafkaSubscriber::Release(int shard) {
  MutexLock lock(state_->mu);
  for (auto& [topic_shard, reading] : state_->readings) {
    if (topic_shard.second != shard) continue;
    ++reading->generation;
    reading->state = ReadingState::kReleased;
    reading->fetched.clear();
    reading->complained = false;
    reading->unread.clear();
    reading->trouble.clear();
  }
  // Who holds it next asks for himself, and is not told what was true before.
  state_->streams.Forget([this, shard](const StreamAnswers::Key& key) {
    return ShardOf(std::get<2>(key), parts_.options.shards) == shard;
  });
  state_->Signal();
}

absl::StatusOr<std::vector<RecordPtr>> KafkaSubscriber::Poll(size_t max) {
  RETURN_IF_ERROR(started_);
  std::vector<RecordPtr> records;
  std::vector<Reading*> active;
  MutexLock lock(state_->mu);
  for (auto& [topic_shard, reading] : state_->readings) {
    const bool live = reading->state == ReadingState::kLive && reading->ready;
    if (live || !reading->fetched.empty()) active.push_back(reading.get());
  }
  const size_t count = active.size();
  // First each gets its share, beginning with another one each time; then what is left is given
  // away.
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < count && records.size() < max; ++i) {
      const size_t left = max - records.size();
      const size_t share = round == 0 ? std::min(left, (max + count - 1) / count) : left;
      Take(*active[(turn_ + i) % count], share, &records);
    }
  }
  ++turn_;
  return records;
}

void KafkaSubscriber::Take(Reading& reading, size_t share, std::vector<RecordPtr>* out) {
  if (reading.state != ReadingState::kLive) {
    TakeFetched(reading, share, out);
    return;
  }
  const size_t full = out->size() + share;
  // Cleared before the queue is looked into: what comes later sets it again.
  reading.ready = false;
  while (out->size() < full) {
    const MessagePtr message(rd_kafka_consume_queue(reading.queue.get(), 0));
    if (message == nullptr) return;
    if (!TakeMessage(reading, *message, out)) return;
  }
  reading.ready = true;
}

void KafkaSubscriber::TakeFetched(Reading& reading, size_t share, std::vector<RecordPtr>* out) {
  for (; share > 0 && !reading.fetched.empty(); --share) {
    reading.sequence = reading.fetched.front()->sequence;
    reading.seen = std::max(reading.seen, reading.sequence);
    out->push_back(std::move(reading.fetched.front()));
    reading.fetched.pop_front();
  }
  if (reading.state == ReadingState::kCatchUp && reading.fetched.empty() && reading.journal_end) {
    reading.state = ReadingState::kAssigned;
  }
  state_->Signal();  // the topic, or more of the journal
}

// False: the reading is not live any more.
bool KafkaSubscriber::TakeMessage(Reading& reading, const rd_kafka_message_t& message,
                                  std::vector<RecordPtr>* out) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    reading.offset = std::max(reading.offset, message.offset);
    reading.proven = true;
    reading.trouble.clear();
    return true;
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    TakeError(reading, message);
    return reading.state == ReadingState::kLive;
  }
  if (message.offset < reading.offset) return true;  // given out before
  std::shared_ptr<Record> record = FromMessage(message, reading.topic);
  if (reading.raw) record->sequence = reading.sequence;  // whatever its headers say
  reading.offset = message.offset + 1;
  if (!reading.raw) reading.GiveOut(*record);
  reading.proven = true;
  reading.trouble.clear();
  out->push_back(std::move(record));
  return true;
}

void KafkaSubscriber::TakeError(Reading& reading, const rd_kafka_message_t& message) {
  const std::string why = rd_kafka_message_errstr(&message);
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    LosePosition(reading, why);
    return;
  }
  if (reading.trouble.empty()) {
    telemetry::Log(telemetry::Level::kWarning, "a partition cannot be read; it is tried again",
                   {{"consumer", consumer_},
                    {"topic", reading.topic},
                    {"partition", absl::StrCat(reading.shard)},
                    {"error", why}});
  }
  // The topic may be gone, or not ours to read any more: from the beginning, a little later.
  reading.trouble = why;
  reading.topic_trouble = false;
  ++reading.generation;
  reading.state = ReadingState::kChecked;
  reading.retry_at = parts_.clock.Steady() + kErrorAgain;
  state_->Signal();
}

// The broker does not have the position: expired, or never there.
void KafkaSubscriber::LosePosition(Reading& reading, const std::string& why) {
  telemetry::Log(reading.raw ? telemetry::Level::kError : telemetry::Level::kWarning,
                 reading.raw
                     ? "records of a raw topic may be lost: its position is not there any more"
                     : "a position is not on the topic: its producer's journal is read",
                 {{"consumer", consumer_},
                  {"topic", reading.topic},
                  {"partition", absl::StrCat(reading.shard)},
                  {"offset", absl::StrCat(reading.offset)},
                  {"error", why}});
  if (!reading.raw) return CatchUp(reading);
  ++reading.generation;
  ++reading.lost;
  ++reading.sequence;
  reading.proven = false;
  reading.offset = -1;
  reading.state = ReadingState::kAssigned;  // at the beginning
  state_->Signal();
}

void KafkaSubscriber::CatchUp(Reading& reading) {
  ++reading.generation;
  reading.proven = false;
  reading.offset = -1;
  reading.end_since = parts_.clock.Now();
  reading.state = ReadingState::kEndAsked;
  parts_.prober.Ask({reading.topic, reading.shard}, reading.end_since);
  state_->Signal();
}

bool KafkaSubscriber::AtEnd(const std::string& topic, int shard, absl::Time since) {
  Reading* reading = Find(topic, shard);
  if (reading == nullptr || reading->raw || !started_.ok()) return false;
  {
    MutexLock lock(state_->mu);
    if (reading->state == ReadingState::kReleased) return false;
  }
  const absl::Time now = parts_.clock.Now();
  const std::optional<Heads::Head> head = heads_.Since({topic, shard}, since);
  const bool again = head && !head->sequence &&
                     ((head->blind && now - since < parts_.options.blind_limit) ||
                      head->asked < now - parts_.options.silence_counts);
  if (!head || again) {
    // Not with the lock: it may be answered at once.
    heads_.Ask({topic, shard}, again ? now : since);
    return false;
  }
  MutexLock lock(state_->mu);
  if (head->sequence) {
    reading->Verify(*head->sequence);
    return reading->seen >= *head->sequence;
  }
  return AtTopicsEnd(*reading, since);
}

// The producer does not answer: what it has published counts.
bool KafkaSubscriber::AtTopicsEnd(Reading& reading, absl::Time since) {
  if (reading.state != ReadingState::kLive) return false;
  const TopicShard partition{reading.topic, reading.shard};
  const std::optional<Prober::End> end = parts_.prober.Latest(partition);
  if (!end || end->asked < since || end->asked > parts_.clock.Now()) {
    parts_.prober.Ask(partition, since);
    return false;
  }
  if (!reading.proven && reading.offset > end->offset) {
    if (end->asked >= reading.live_since) LosePosition(reading, "it lies beyond the end");
    return false;
  }
  return reading.offset >= end->offset;
}

absl::StatusOr<std::optional<std::vector<RecordPtr>>> KafkaSubscriber::ReadStream(
    const std::string& topic, const std::string& tenant, const std::string& stream_id,
    int64_t after_version, int limit) {
  if (std::find(topics_.begin(), topics_.end(), topic) == topics_.end()) {
    return absl::FailedPreconditionError(absl::StrCat("topic ", topic, " is not subscribed to"));
  }
  const StreamAnswers::Key key{topic, tenant, stream_id, after_version};
  bool ask = false;
  {
    MutexLock lock(state_->mu);
    std::optional<StreamAnswers::Answer> answer =
        state_->streams.Take(key, parts_.clock.Steady(), &ask);
    if (answer) {
      RETURN_IF_ERROR(answer->status());
      return std::optional<std::vector<RecordPtr>>(*std::move(*answer));
    }
  }
  if (!ask) return std::optional<std::vector<RecordPtr>>();
  Clock* clock = &parts_.clock;
  parts_.journals.ReadStream(
      topic, tenant, stream_id, after_version, limit,
      [state = state_, clock, key, topic](absl::StatusOr<JournalSource::Chunk> chunk) {
        StreamAnswers::Answer answer = std::vector<RecordPtr>();
        if (!chunk.ok()) {
          answer = chunk.status();
        } else {
          for (const journal::JournalRow& row : chunk->rows) {
            answer->push_back(
                std::make_shared<const Record>(ToRecord(row, chunk->producer, topic)));
          }
        }
        {
          MutexLock lock(state->mu);
          if (state->closed) return;
          state->streams.Put(key, std::move(answer), clock->Steady());
        }
        state->waker.Ring();
      });
  // Perhaps it was answered at once; then the wake-up has come already.
  return std::optional<std::vector<RecordPtr>>();
}

void KafkaSubscriber::Stored(const std::map<TopicShard, Position>& positions) {
  MutexLock lock(state_->mu);
  for (const auto& [topic_shard, position] : positions) {
    if (position.next_offset >= 0) state_->to_commit[topic_shard] = position.next_offset;
    Reading* reading = Find(topic_shard.first, topic_shard.second);
    if (reading != nullptr && reading->state != ReadingState::kReleased) {
      reading->stored = position;
      reading->sequence = std::max(reading->sequence, position.sequence);
      reading->seen = std::max(reading->seen, reading->sequence);
    }
  }
}

std::map<TopicShard, Position> KafkaSubscriber::Reached() const {
  std::map<TopicShard, Position> reached;
  MutexLock lock(state_->mu);
  for (const auto& [topic_shard, reading] : state_->readings) {
    if (reading->raw || reading->state != ReadingState::kLive) continue;
    const Position& stored = reading->stored;
    // Records that changed nothing (repeats of what came from the journal), or none yet since then.
    if (reading->seen > stored.sequence || stored.next_offset < 0) {
      reached[topic_shard] = {std::max(reading->seen, stored.sequence), reading->offset};
    }
  }
  return reached;
}

absl::Status KafkaSubscriber::Health() const {
  MutexLock lock(state_->mu);
  for (const auto& [topic_shard, reading] : state_->readings) {
    if (!reading->trouble.empty()) {
      return absl::UnavailableError(
          absl::StrCat(reading->topic, "/", reading->shard, ": ", reading->trouble));
    }
  }
  return started_;
}

absl::Status KafkaSubscriber::ProducersHealth() const {
  MutexLock lock(state_->mu);
  for (const auto& [topic_shard, reading] : state_->readings) {
    if (!reading->unread.empty()) {
      return absl::UnavailableError(
          absl::StrCat(reading->topic, "/", reading->shard, ": ", reading->unread));
    }
  }
  return absl::OkStatus();
}

void KafkaSubscriber::AddLags(std::vector<KafkaStats::Lag>* lags) const {
  MutexLock lock(state_->mu);
  for (const auto& [topic_shard, reading] : state_->readings) {
    if (reading->state == ReadingState::kReleased) continue;
    const bool live = reading->state == ReadingState::kLive;
    KafkaStats::Lag lag{consumer_, reading->topic, reading->shard, 0, !live};
    int64_t low = -1, high = -1;
    if (live &&
        rd_kafka_get_watermark_offsets(client_, NameOf(reading->topic).c_str(), reading->shard,
                                       &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      lag.records = std::max<int64_t>(0, high - std::max(reading->offset, low));
    }
    lag.lost = reading->lost;
    lags->push_back(std::move(lag));
  }
}

}  // namespace watchbell::bus::kafka
