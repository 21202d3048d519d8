#include "common/engine/intake.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/engine/dead_letters.h"
#include "common/engine/input_queue.h"

namespace watchbell::engine {
namespace {

constexpr int kFillChunk = 500;
constexpr absl::Duration kRetryAfter = absl::Milliseconds(250);
// With so much aside nothing more is read until some producer has answered.
constexpr size_t kMostDeferred = 10'000;
constexpr size_t kMostDeferredBytes = size_t{64} << 20;

}  // namespace

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
  std::erase_if(deferred_, [this, shard](const auto& entry) {
    if (entry.second.front().shard != shard) return false;
    for (const Item& item : entry.second) {
      --deferred_count_;
      deferred_bytes_ -= item.record->value.size();
    }
    return true;
  });
  std::erase_if(waiting_in_shard_, of_shard);
  std::erase_if(positions_, of_shard);
  std::erase_if(last_recorded_, of_shard);
  std::erase_if(fills_, [this, shard](const auto& entry) {
    return ShardOf(entry.first.stream_id, options_.shards) == shard;
  });
}

absl::Status EventIntake::Resume(const std::set<int>& shards) {
  ASSIGN_OR_RETURN(const auto rows,
                   parts_.database.Read("SELECT topic, tenant, stream_id FROM stream_positions "
                                        "WHERE behind > 0 AND parked = 0",
                                        {}));
  for (const db::Row& row : rows) {
    Fill({db::AsText(row[0]), db::AsText(row[1]), db::AsText(row[2])});
  }
  ASSIGN_OR_RETURN(const auto letters, RetriedDeadLetters(parts_.database, shards));
  for (const admin::v1::DeadLetter& letter : letters) TakeAgain(letter);
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
  const bool full = deferred_count_ >= kMostDeferred || deferred_bytes_ >= kMostDeferredBytes;
  if (waiting_.size() < want && !full) {
    absl::StatusOr<std::vector<bus::RecordPtr>> records =
        parts_.subscriber->Poll(want - waiting_.size());
    if (!records.ok()) {
      trouble = records.status();
    } else {
      for (bus::RecordPtr& record : *records) {
        waiting_.push_back(MakeItem(std::move(record), false));
        Count(waiting_.back(), 1);
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
  // What was found is applied first: the next question begins after it.
  const std::set<StreamRef> found = fills_.empty() ? std::set<StreamRef>() : WaitFromJournals();
  for (auto it = fills_.begin(); it != fills_.end();) {
    const absl::StatusOr<bool> done =
        found.count(it->first) > 0 ? false : FillStream(it->first, it->second);
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

absl::StatusOr<std::optional<int64_t>> EventIntake::FillAfter(const StreamRef& stream) const {
  ASSIGN_OR_RETURN(
      const auto rows,
      parts_.database.Read("SELECT version, parked FROM stream_positions WHERE topic = $1 AND "
                           "tenant = $2 AND stream_id = $3",
                           {stream.topic, stream.tenant, stream.stream_id}));
  if (rows.empty()) return std::optional<int64_t>(0);
  // A key that waits for an operator takes nothing.
  if (db::AsInt(rows[0][1]) != 0) return std::optional<int64_t>();
  return std::optional<int64_t>(db::AsInt(rows[0][0]));
}

absl::StatusOr<bool> EventIntake::FillStream(const StreamRef& stream, Filling& filling) {
  if (!filling.asked_after.has_value()) {
    ASSIGN_OR_RETURN(filling.asked_after, FillAfter(stream));
    if (!filling.asked_after.has_value()) {
      GoOn(stream, true);
      return true;
    }
    const auto deferred = deferred_.find(stream);
    if (deferred != deferred_.end()) {
      for (Item& item : deferred->second) item.asked_for = true;
    }
  }
  const int64_t version = *filling.asked_after;
  absl::StatusOr<std::optional<std::vector<bus::RecordPtr>>> records =
      parts_.subscriber->ReadStream(stream.topic, stream.tenant, stream.stream_id, version,
                                    kFillChunk);
  if (records.ok() && !records->has_value()) return false;
  filling.asked_after.reset();
  if (!records.ok()) return records.status();
  filling.trouble = absl::OkStatus();
  std::vector<Item> found;
  for (bus::RecordPtr& record : **records) found.push_back(MakeItem(std::move(record), true));
  const bool filled =
      !found.empty() && found[0].has_envelope && found[0].input.envelope.version == version + 1;
  // A chunk may be cut anywhere: the end is where there is nothing more.
  const bool end = found.empty();
  GoOn(stream, filled);
  PutBack(std::move(found));
  return end;
}

void EventIntake::GoOn(const StreamRef& stream, bool filled) {
  auto node = deferred_.extract(stream);
  if (node.empty()) return;
  for (Item& item : node.mapped()) {
    --deferred_count_;
    deferred_bytes_ -= item.record->value.size();
    // What came after the question may lie beyond the answer.
    item.unfillable = item.asked_for && !filled;
  }
  PutBack(std::move(node.mapped()));
}

std::set<StreamRef> EventIntake::WaitFromJournals() const {
  std::set<StreamRef> streams;
  for (const Item& item : waiting_) {
    if (item.from_journal && item.has_envelope) streams.insert(item.Stream());
  }
  return streams;
}

void EventIntake::Defer(Item item) {
  const StreamRef stream = item.Stream();
  item.fate = Item::Fate::kUndecided;
  item.deferred = true;
  item.asked_for = false;
  ++deferred_count_;
  deferred_bytes_ += item.record->value.size();
  deferred_[stream].push_back(std::move(item));
}

std::map<bus::TopicShard, bus::Position> EventIntake::HeldBack(
    absl::Span<const Item> in_hand) const {
  std::map<bus::TopicShard, bus::Position> first;
  const auto look = [&first](const Item& item) {
    if (!item.deferred || item.from_journal) return;
    const bus::Record& record = *item.record;
    const auto [it, inserted] = first.try_emplace({record.topic, record.shard},
                                                  bus::Position{record.sequence, record.offset});
    if (inserted) return;
    it->second.sequence = std::min(it->second.sequence, record.sequence);
    it->second.next_offset = std::min(it->second.next_offset, record.offset);
  };
  for (const auto& [stream, items] : deferred_) std::for_each(items.begin(), items.end(), look);
  std::for_each(waiting_.begin(), waiting_.end(), look);
  std::for_each(in_hand.begin(), in_hand.end(), look);
  return first;
}

void EventIntake::Count(const Item& item, int by) {
  if (!item.from_journal) waiting_in_shard_[{item.record->topic, item.record->shard}] += by;
}

void EventIntake::Take(size_t max, std::vector<Item>* out) {
  const size_t before = out->size();
  TakeFront(waiting_, max, out);
  for (size_t i = before; i < out->size(); ++i) Count((*out)[i], -1);
}

void EventIntake::PutBack(std::vector<Item> items) {
  for (const Item& item : items) Count(item, 1);
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
  return fills_.count(stream) > 0 || HasDeferred(stream) ||
         std::any_of(waiting_.begin(), waiting_.end(), [&stream](const Item& item) {
           return item.has_envelope && item.Stream() == stream;
         });
}

void EventIntake::Applied(const Item& item, absl::Time now) {
  if (item.from_journal || !item.has_envelope) return;
  // Of a time to come nothing is known: the producer's clock may be ahead, and go back.
  const absl::Time recorded = item.input.envelope.recorded_at;
  if (recorded > now) return;
  last_recorded_[{item.record->topic, item.record->shard}] = recorded;
}

void EventIntake::Stored(const std::map<bus::TopicShard, bus::Position>& progress) {
  if (progress.empty()) return;
  for (const auto& [topic_shard, position] : progress) positions_[topic_shard] = position;
  if (parts_.subscriber != nullptr) parts_.subscriber->Stored(progress);
}

std::map<bus::TopicShard, bus::Position> EventIntake::Reached() const {
  const bool rest = waiting_.empty() && deferred_.empty() && fills_.empty();
  if (parts_.subscriber == nullptr || !rest) return {};
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

}  // namespace watchbell::engine
