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

absl::StatusOr<EventIntake::AppliedPlaces> EventIntake::ReadApplied() const {
  ASSIGN_OR_RETURN(
      const auto rows,
      parts_.database.Read(
          "SELECT topic, shard, sequence, next_offset FROM topic_positions WHERE topic <> ''", {}));
  AppliedPlaces applied;
  for (const db::Row& row : rows) {
    const int shard = static_cast<int>(db::AsInt(row[1]));
    if (shard < 0 || shard >= options_.shards) {
      return absl::FailedPreconditionError(absl::StrCat(
          "a position lies in shard ", shard, " of ", db::AsText(row[0]), ", but there are only ",
          options_.shards, " shards: their number is fixed at installation"));
    }
    applied[shard][db::AsText(row[0])] = {db::AsInt(row[2]), db::AsInt(row[3])};
  }
  return applied;
}

absl::Status EventIntake::OpenShards(const std::set<int>& shards) {
  if (parts_.subscriber == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(AppliedPlaces applied, ReadApplied());
  for (const int shard : shards) {
    RETURN_IF_ERROR(parts_.subscriber->Hold(shard, applied[shard]));
    for (const auto& [topic, position] : applied[shard]) positions_[{topic, shard}] = position;
    held_.insert(shard);
  }
  return Resume(shards);
}

absl::Status EventIntake::ReadPositions() {
  if (parts_.subscriber == nullptr || held_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(AppliedPlaces applied, ReadApplied());
  std::map<bus::TopicShard, bus::Position> found;
  for (const int shard : held_) {
    for (const auto& [topic, position] : applied[shard]) found[{topic, shard}] = position;
  }
  Stored(found);
  return absl::OkStatus();
}

void EventIntake::CloseShard(int shard) {
  held_.erase(shard);
  if (parts_.subscriber != nullptr) parts_.subscriber->Release(shard);
  const auto of_shard = [shard](const auto& entry) { return entry.first.second == shard; };
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                [shard](const Item& item) { return item.shard == shard; }),
                 waiting_.end());
  std::erase_if(waiting_in_shard_, of_shard);
  std::erase_if(positions_, of_shard);
  std::erase_if(last_recorded_, of_shard);
  std::erase_if(fills_, [this, shard](const auto& entry) {
    return ShardOf(entry.first.stream_id, options_.shards) == shard;
  });
}

absl::Status EventIntake::Resume(const std::set<int>& shards) {
  ASSIGN_OR_RETURN(const auto letters, ReleasedDeadLetters(parts_.database));
  for (const admin::v1::DeadLetter& letter : letters) {
    // What is done already has nothing left to read, or is at or below its position.
    if (shards.count(letter.partition()) > 0) Released(letter);
  }
  return absl::OkStatus();
}

void EventIntake::Released(const admin::v1::DeadLetter& letter) {
  if (letter.parked()) {
    Fill({letter.topic(), letter.tenant(), letter.key()});
  } else if (letter.state() == admin::v1::DEAD_LETTER_STATE_RETRIED) {
    TakeAgain(letter);
  }
}

void EventIntake::Fill(const StreamRef& stream) {
  if (held_.count(ShardOf(stream.stream_id, options_.shards)) > 0) fills_.try_emplace(stream);
}

Item EventIntake::MakeItem(bus::RecordPtr record, bool from_journal) const {
  const auto& raw = options_.raw_topics;
  if (std::find(raw.begin(), raw.end(), record->topic) != raw.end()) {
    Item item = MakeRawItem(std::move(record), parts_.decider);
    item.from_journal = from_journal;
    return item;
  }
  return MakeEventItem(std::move(record), from_journal, options_.service);
}

bool EventIntake::IsPatient(const Item& item) const {
  if (options_.patience <= absl::ZeroDuration()) return false;
  if (item.raw || item.from_journal || !item.unreadable.ok()) return false;
  return options_.all_patient || parts_.decider.Needs(item.input).empty();
}

absl::Time EventIntake::TakeBy() const {
  if (waiting_.size() >= options_.max_batch / 2) return absl::InfinitePast();
  absl::Time by = absl::InfiniteFuture();
  for (const Item& item : waiting_) by = std::min(by, item.not_before);
  return by;
}

absl::Status EventIntake::Read(size_t want, absl::Time now) {
  if (parts_.subscriber == nullptr) return absl::OkStatus();
  absl::Status trouble;
  // A wait longer than any is none: the clock went back.
  if (retry_at_ == absl::InfiniteFuture() || now >= retry_at_ || retry_at_ - now > kRetryAfter) {
    retry_at_ = absl::InfiniteFuture();
    trouble = FillAll();
  }
  if (waiting_.size() < want) {
    absl::StatusOr<std::vector<bus::RecordPtr>> records =
        parts_.subscriber->Poll(want - waiting_.size());
    if (!records.ok()) {
      trouble = records.status();
    } else {
      for (bus::RecordPtr& record : *records) {
        ++waiting_in_shard_[{record->topic, record->shard}];
        waiting_.push_back(MakeItem(std::move(record), false));
        if (IsPatient(waiting_.back())) waiting_.back().not_before = now + options_.patience;
      }
    }
  }
  if (!trouble.ok()) retry_at_ = now + kRetryAfter;
  trouble.Update(TroubleOfFills());
  return trouble;
}

// A question under way is no answer.
absl::Status EventIntake::TroubleOfFills() const {
  const auto silent = std::find_if(fills_.begin(), fills_.end(),
                                   [](const auto& fill) { return !fill.second.trouble.ok(); });
  return silent == fills_.end() ? absl::OkStatus() : silent->second.trouble;
}

absl::Status EventIntake::FillAll() {
  absl::Status trouble;
  for (auto it = fills_.begin(); it != fills_.end();) {
    const absl::StatusOr<bool> done = FillStream(it->first, it->second);
    if (!done.ok()) trouble = it->second.trouble = done.status();
    it = done.ok() && *done ? fills_.erase(it) : std::next(it);
  }
  return trouble;
}

bool EventIntake::Idle(absl::Time now) const {
  if (TakeBy() <= now) return false;
  if (retry_at_ != absl::InfiniteFuture() && now < retry_at_) return true;
  // A producer that is being asked wakes us.
  return std::all_of(fills_.begin(), fills_.end(),
                     [](const auto& fill) { return fill.second.asked_after.has_value(); });
}

absl::StatusOr<bool> EventIntake::FillStream(const StreamRef& stream, Filling& filling) {
  if (!filling.asked_after.has_value()) {
    ASSIGN_OR_RETURN(const auto rows,
                     parts_.database.Read(
                         "SELECT version FROM stream_positions WHERE topic = $1 AND tenant = $2 "
                         "AND stream_id = $3",
                         {stream.topic, stream.tenant, stream.stream_id}));
    filling.asked_after = rows.empty() ? 0 : db::AsInt(rows[0][0]);
    for (Item& item : waiting_) {
      if (item.has_envelope && item.Stream() == stream) item.asked_for = true;
    }
  }
  const int64_t version = *filling.asked_after;
  absl::StatusOr<std::optional<std::vector<bus::RecordPtr>>> records =
      parts_.subscriber->ReadStream(stream.topic, stream.tenant, stream.stream_id, version,
                                    kFillChunk);
  if (records.ok() && !records->has_value()) return false;
  filling.asked_after.reset();  // what was applied meanwhile counts the next time
  if (!records.ok()) return records.status();
  filling.trouble = absl::OkStatus();
  std::vector<Item> found;
  for (bus::RecordPtr& record : **records) found.push_back(MakeItem(std::move(record), true));
  const bool more = found.size() == kFillChunk;
  const bool filled =
      !found.empty() && found[0].has_envelope && found[0].input.envelope.version == version + 1;
  if (!filled) {
    for (Item& item : waiting_) {
      // What came after the question may lie beyond the answer.
      if (item.asked_for && item.Stream() == stream) item.unfillable = true;
    }
  }
  PutBack(std::move(found));
  return !more;
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

void EventIntake::TakeAgain(const admin::v1::DeadLetter& letter) {
  if (held_.count(letter.partition()) == 0) return;
  // Not a new record of the topic: it makes no progress there.
  std::vector<Item> items;
  items.push_back(MakeItem(std::make_shared<bus::Record>(RecordOf(letter)), true));
  items[0].dead_letter_id = letter.dead_letter_id();
  PutBack(std::move(items));
}

bool EventIntake::IsFilling(const StreamRef& stream) const {
  return fills_.count(stream) > 0 ||
         std::any_of(waiting_.begin(), waiting_.end(), [&stream](const Item& item) {
           return item.has_envelope && item.Stream() == stream;
         });
}

void EventIntake::Applied(const Item& item) {
  if (item.from_journal || !item.has_envelope) return;
  last_recorded_[{item.record->topic, item.record->shard}] = item.input.envelope.recorded_at;
}

void EventIntake::Stored(const std::map<bus::TopicShard, bus::Position>& progress) {
  if (progress.empty()) return;
  for (const auto& [topic_shard, position] : progress) positions_[topic_shard] = position;
  if (parts_.subscriber != nullptr) parts_.subscriber->Stored(progress);
}

std::map<bus::TopicShard, bus::Position> EventIntake::Reached() const {
  if (parts_.subscriber == nullptr || !waiting_.empty() || !fills_.empty()) return {};
  return parts_.subscriber->Reached();
}

bool EventIntake::Past(int shard, absl::Time due, absl::Time since) const {
  if (parts_.subscriber == nullptr) return true;
  for (const std::string& topic : parts_.subscriber->topics()) {
    const bus::TopicShard topic_shard{topic, shard};
    auto recorded = last_recorded_.find(topic_shard);
    if (recorded != last_recorded_.end() && recorded->second >= due) continue;
    auto waiting = waiting_in_shard_.find(topic_shard);
    const bool none_waiting = waiting == waiting_in_shard_.end() || waiting->second == 0;
    if (!none_waiting || !parts_.subscriber->AtEnd(topic, shard, since)) return false;
  }
  return true;
}

const std::vector<std::string>& EventIntake::topics() const {
  static const std::vector<std::string>* const none = new std::vector<std::string>();
  return parts_.subscriber == nullptr ? *none : parts_.subscriber->topics();
}

Gate::Verdict Gate::Check(const TimerKey& key, absl::Time due, absl::Time now) {
  const auto known = waiting_.find(key);
  // The clock may have gone back.
  const absl::Time since = known == waiting_.end() ? now : std::min(known->second.since, now);
  if (intake_.Past(ShardOf(key.entity.id, options_.shards), due, since)) return Verdict::kFire;
  Waiting& waiting = waiting_.try_emplace(key).first->second;
  waiting.since = since;
  if (now >= since + options_.gate_limit) return Verdict::kFireUngated;
  if (now < due + options_.gate_ask) return Verdict::kWait;
  const auto stream_of = [&key](const std::string& topic) {
    return StreamRef{topic, key.entity.tenant, key.entity.id};
  };
  if (!std::exchange(waiting.asked, true)) {
    for (const std::string& topic : intake_.topics()) intake_.Fill(stream_of(topic));
    return Verdict::kWait;
  }
  // Asked before: what the producers had is in this batch, ahead of the timer, unless they could
  // not be reached.
  const bool answered =
      std::none_of(intake_.topics().begin(), intake_.topics().end(),
                   [&](const auto& topic) { return intake_.IsFilling(stream_of(topic)); });
  return answered ? Verdict::kFire : Verdict::kWait;
}

void Gate::CloseShard(int shard) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    it =
        ShardOf(it->first.entity.id, options_.shards) == shard ? waiting_.erase(it) : std::next(it);
  }
}

absl::Time Gate::Recheck(const TimerKey& key, absl::Time due, absl::Time now) const {
  const absl::Time ask = due + options_.gate_ask;
  if (now < ask) return ask;
  return std::min(now + options_.gate_ask, waiting_.at(key).since + options_.gate_limit);
}

}  // namespace watchbell::engine
