// What a batch writes: states, timers, positions, answers, journal rows.
#include <algorithm>
#include <utility>

#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/engine/batch.h"
#include "common/engine/tables.h"

namespace watchbell::engine {

void Batch::Position::Take(const db::Row& row) {
  version = db::AsInt(row[3]);
  parked = db::AsInt(row[4]) != 0;
  behind = db::AsInt(row[5]);
}

void Batch::Position::MoveTo(int64_t to) {
  version = to;
  if (behind <= to) behind = 0;
}

void Batch::Progress(const Item& item) {
  if (item.from_journal) return;
  bus::Position& reached = progress_[{item.record->topic, item.record->shard}];
  // What only a topic says of the journal is not taken at its word: anybody may write there.
  const bool sure = item.raw || item.record->offset < 0 || item.fate == Item::Fate::kApplied;
  if (sure) reached.sequence = std::max(reached.sequence, item.record->sequence);
  // Not the largest: a topic that was made anew begins anew. While the journal is read the place on
  // the topic is unknown: by the next start the old one may be another record's.
  reached.next_offset = item.record->offset >= 0 ? item.record->offset + 1 : -1;
}

void Batch::HoldBack(const Item& item) {
  if (item.from_journal) return;
  const bus::TopicShard shard{item.record->topic, item.record->shard};
  const bus::Position place{item.record->sequence, item.record->offset};
  if (place.next_offset < 0) progress_.try_emplace(shard);  // nothing reached, but no place either
  auto [it, inserted] = context_.held_back.try_emplace(shard, place);
  if (inserted) return;
  it->second.sequence = std::min(it->second.sequence, place.sequence);
  it->second.next_offset = std::min(it->second.next_offset, place.next_offset);
}

absl::Status Batch::StoreTimers() {
  std::vector<db::Row> upserts;
  std::vector<db::Row> deletes;
  for (const auto& [key, timer] : timers_) {
    db::Row row = TimerKeyRow(key);
    if (!timer.due) {
      deletes.push_back(std::move(row));
      continue;
    }
    row.emplace_back(absl::ToUnixMicros(*timer.due));
    row.emplace_back(timer.traceparent);
    row.emplace_back(int64_t{ShardOf(key.entity.id, context_.options.shards)});
    row.emplace_back(++numbers_);
    upserts.push_back(std::move(row));
  }
  if (!deletes.empty()) RETURN_IF_ERROR(transaction_->Delete(TimerTable(), deletes));
  if (!upserts.empty()) RETURN_IF_ERROR(transaction_->Upsert(TimerTable(), upserts));
  return absl::OkStatus();
}

absl::Status Batch::StoreProgress(const Marks& marks) {
  std::vector<db::Row> positions;
  for (const auto& [stream, position] : positions_) {
    if (!position.dirty) continue;
    positions.push_back({stream.topic, stream.tenant, stream.stream_id, position.version,
                         int64_t{position.parked ? 1 : 0}, position.behind});
  }
  if (!positions.empty()) {
    RETURN_IF_ERROR(transaction_->Upsert(StreamPositionTable(), positions));
  }
  for (const auto& [topic_shard, position] : marks.reached) {
    if (fenced_.count(topic_shard.second) == 0) progress_.emplace(topic_shard, position);
  }
  std::vector<db::Row> progress;
  for (auto& [topic_shard, reached] : progress_) {
    const auto found = context_.topic_positions.find(topic_shard);
    const bus::Position stored =
        found == context_.topic_positions.end() ? bus::Position() : found->second;
    const auto held = context_.held_back.find(topic_shard);
    if (held != context_.held_back.end()) {
      reached.sequence = std::min(reached.sequence, held->second.sequence - 1);
      // One that came from the journal has no place on the topic: it is read there once more.
      reached.next_offset = std::min(reached.next_offset, held->second.next_offset);
    }
    reached.sequence = std::max(reached.sequence, stored.sequence);
    progress.push_back(
        {topic_shard.first, int64_t{topic_shard.second}, reached.sequence, reached.next_offset});
  }
  if (!progress.empty()) {
    RETURN_IF_ERROR(transaction_->Upsert(TopicPositionTable(), progress));
  }
  std::vector<db::Row> published;
  for (const auto& [shard, sequence] : marks.relayed) {
    if (fenced_.count(shard) == 0) published.push_back({int64_t{shard}, sequence});
  }
  if (published.empty()) return absl::OkStatus();
  return transaction_->Upsert(RelayPositionTable(), published);
}

absl::Status Batch::Store(const Marks& marks) {
  RETURN_IF_ERROR(entities_.Store(*transaction_, context_.parts.decider));
  RETURN_IF_ERROR(StoreTimers());
  RETURN_IF_ERROR(StoreProgress(marks));
  std::vector<db::Row> answers;
  for (const auto& [key, answer] : answers_) {
    if (!answer.dirty) continue;
    answers.push_back({key.first, key.second, answer.fingerprint, db::Bytes{answer.response},
                       absl::ToUnixMicros(now_ + context_.options.remember)});
  }
  if (!answers.empty()) RETURN_IF_ERROR(transaction_->Insert(AnswerTable(), answers));
  if (rows_.empty()) return absl::OkStatus();
  std::vector<db::Row> rows;
  rows.reserve(rows_.size());
  for (const journal::JournalRow& row : rows_) rows.push_back(journal::ToDbRow(row));
  return transaction_->Insert(journal::JournalTable(), rows);
}

}  // namespace watchbell::engine
