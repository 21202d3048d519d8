#include "common/engine/intake.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/engine/dead_letters.h"

namespace watchbell::engine {
namespace {

constexpr int kFillChunk = 500;
constexpr absl::Duration kRetryAfter = absl::Milliseconds(250);

void TakeFront(std::deque<Item>& from, size_t max, std::vector<Item>* out) {
  const size_t count = std::min(max, from.size());
  std::move(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count),
            std::back_inserter(*out));
  from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

absl::Status InputQueue::Push(std::vector<Item> items) {
  const bool commands =
      std::any_of(items.begin(), items.end(), [](const Item& i) { return i.IsCommand(); });
  MutexLock lock(mu_);
  if (commands && items_.size() + items.size() > limit_) {
    return Overloaded(absl::StrCat(items_.size(), " inputs are waiting already; try again"),
                      absl::Milliseconds(250));
  }
  std::move(items.begin(), items.end(), std::back_inserter(items_));
  return absl::OkStatus();
}

void InputQueue::PutBack(std::vector<Item> items) {
  MutexLock lock(mu_);
  items_.insert(items_.begin(), std::make_move_iterator(items.begin()),
                std::make_move_iterator(items.end()));
}

void InputQueue::Take(size_t max, std::vector<Item>* out) {
  MutexLock lock(mu_);
  TakeFront(items_, max, out);
}

std::vector<Item> InputQueue::TakeCommands() {
  MutexLock lock(mu_);
  std::vector<Item> commands;
  std::deque<Item> rest;
  for (Item& item : items_) {
    if (item.IsCommand()) {
      commands.push_back(std::move(item));
    } else {
      rest.push_back(std::move(item));
    }
  }
  items_ = std::move(rest);
  return commands;
}

size_t InputQueue::size() const {
  MutexLock lock(mu_);
  return items_.size();
}

absl::Status EventIntake::Open() {
  positions_.clear();
  if (parts_.subscriber == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto rows,
                   parts_.database.Read(
                       "SELECT topic, shard, sequence FROM topic_positions WHERE topic <> ''", {}));
  for (const db::Row& row : rows) {
    positions_[{db::AsText(row[0]), static_cast<int>(db::AsInt(row[1]))}] = db::AsInt(row[2]);
  }
  RETURN_IF_ERROR(Resume());
  return parts_.subscriber->Start(positions_);
}

absl::Status EventIntake::Resume() {
  ASSIGN_OR_RETURN(const auto letters, ReleasedDeadLetters(parts_.database));
  for (const admin::v1::DeadLetter& letter : letters) {
    // What is done already has nothing left to read, or is at or below its position.
    if (letter.parked()) {
      Fill({letter.topic(), letter.tenant(), letter.key()});
    } else if (letter.state() == admin::v1::DEAD_LETTER_STATE_RETRIED) {
      TakeAgain(std::make_shared<bus::Record>(RecordOf(letter)));
    }
  }
  return absl::OkStatus();
}

absl::Status EventIntake::Read(size_t want, absl::Time now) {
  if (parts_.subscriber == nullptr) return absl::OkStatus();
  absl::Status trouble;
  // A wait longer than any is none: the clock went back.
  if (retry_at_ == absl::InfiniteFuture() || now >= retry_at_ || retry_at_ - now > kRetryAfter) {
    retry_at_ = absl::InfiniteFuture();
    const std::vector<StreamRef> fills(fills_.begin(), fills_.end());
    for (const StreamRef& stream : fills) {
      bool more = false;
      if (const absl::Status filled = FillStream(stream, &more); !filled.ok()) {
        trouble = filled;
      } else if (!more) {
        fills_.erase(stream);
      }
    }
  }
  if (waiting_.size() < want) {
    absl::StatusOr<std::vector<bus::RecordPtr>> records =
        parts_.subscriber->Poll(want - waiting_.size());
    if (!records.ok()) {
      trouble = records.status();
    } else {
      for (bus::RecordPtr& record : *records) {
        ++waiting_in_shard_[{record->topic, record->shard}];
        waiting_.push_back(MakeEventItem(std::move(record), false, options_.service));
      }
    }
  }
  if (!trouble.ok()) retry_at_ = now + kRetryAfter;
  return trouble;
}

bool EventIntake::Idle(absl::Time now) const {
  const bool wait = retry_at_ != absl::InfiniteFuture() && now < retry_at_;
  return waiting_.empty() && (fills_.empty() || wait);
}

absl::Status EventIntake::FillStream(const StreamRef& stream, bool* more) {
  ASSIGN_OR_RETURN(const auto rows,
                   parts_.database.Read(
                       "SELECT version FROM stream_positions WHERE topic = $1 AND tenant = $2 AND "
                       "stream_id = $3",
                       {stream.topic, stream.tenant, stream.stream_id}));
  const int64_t version = rows.empty() ? 0 : db::AsInt(rows[0][0]);
  ASSIGN_OR_RETURN(std::vector<bus::RecordPtr> records,
                   parts_.subscriber->ReadStream(stream.topic, stream.tenant, stream.stream_id,
                                                 version, kFillChunk));
  *more = records.size() == kFillChunk;
  std::vector<Item> found;
  for (bus::RecordPtr& record : records)
    found.push_back(MakeEventItem(std::move(record), true, options_.service));
  const bool filled =
      !found.empty() && found[0].has_envelope && found[0].input.envelope.version == version + 1;
  if (!filled) {
    for (Item& item : waiting_) {
      if (item.has_envelope && item.Stream() == stream) item.unfillable = true;
    }
  }
  PutBack(std::move(found));
  return absl::OkStatus();
}

void EventIntake::Take(size_t max, std::vector<Item>* out) {
  const size_t before = out->size();
  TakeFront(waiting_, max, out);
  for (size_t i = before; i < out->size(); ++i) {
    const Item& item = (*out)[i];
    if (!item.from_journal) --waiting_in_shard_[{item.record->topic, item.record->shard}];
  }
}

void EventIntake::PutBack(std::vector<Item> items) {
  for (const Item& item : items) {
    if (!item.from_journal) ++waiting_in_shard_[{item.record->topic, item.record->shard}];
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(items.begin()),
                  std::make_move_iterator(items.end()));
}

void EventIntake::TakeAgain(bus::RecordPtr record) {
  // Not a new record of the topic: it makes no progress there.
  std::vector<Item> items;
  items.push_back(MakeEventItem(std::move(record), true, options_.service));
  PutBack(std::move(items));
}

bool EventIntake::Filling(const StreamRef& stream) const {
  return fills_.count(stream) > 0 ||
         std::any_of(waiting_.begin(), waiting_.end(), [&stream](const Item& item) {
           return item.has_envelope && item.Stream() == stream;
         });
}

void EventIntake::Applied(const Item& item) {
  if (item.from_journal || !item.has_envelope) return;
  last_recorded_[{item.record->topic, item.record->shard}] = item.input.envelope.recorded_at;
}

void EventIntake::Stored(const std::map<bus::TopicShard, int64_t>& progress) {
  for (const auto& [topic_shard, sequence] : progress) positions_[topic_shard] = sequence;
}

bool EventIntake::Past(int shard, absl::Time due) const {
  if (parts_.subscriber == nullptr) return true;
  for (const std::string& topic : parts_.subscriber->topics()) {
    const bus::TopicShard topic_shard{topic, shard};
    auto recorded = last_recorded_.find(topic_shard);
    if (recorded != last_recorded_.end() && recorded->second >= due) continue;
    auto waiting = waiting_in_shard_.find(topic_shard);
    const bool none_waiting = waiting == waiting_in_shard_.end() || waiting->second == 0;
    if (!none_waiting || !parts_.subscriber->AtEnd(topic, shard)) return false;
  }
  return true;
}

const std::vector<std::string>& EventIntake::topics() const {
  static const std::vector<std::string>* const none = new std::vector<std::string>();
  return parts_.subscriber == nullptr ? *none : parts_.subscriber->topics();
}

Gate::Verdict Gate::Check(const TimerKey& key, absl::Time due, absl::Time now) {
  if (intake_.Past(ShardOf(key.entity.id, options_.shards), due)) return Verdict::kFire;
  if (now >= due + options_.gate_limit) return Verdict::kFireUngated;
  if (now < due + options_.gate_ask) return Verdict::kWait;
  const auto stream_of = [&key](const std::string& topic) {
    return StreamRef{topic, key.entity.tenant, key.entity.id};
  };
  if (asked_.insert(key).second) {
    for (const std::string& topic : intake_.topics()) intake_.Fill(stream_of(topic));
    return Verdict::kWait;
  }
  // Asked before: what the producers had is in this batch, ahead of the timer, unless they could
  // not be reached.
  const bool answered =
      std::none_of(intake_.topics().begin(), intake_.topics().end(),
                   [&](const auto& topic) { return intake_.Filling(stream_of(topic)); });
  return answered ? Verdict::kFire : Verdict::kWait;
}

absl::Time Gate::Recheck(absl::Time due, absl::Time now) const {
  const absl::Time ask = due + options_.gate_ask;
  return now < ask ? ask : std::min(now + options_.gate_ask, due + options_.gate_limit);
}

}  // namespace watchbell::engine
