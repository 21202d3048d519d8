#include "common/bus/embedded/topic.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/journal/topic_reader.h"
#include "common/telemetry/log.h"

namespace watchbell::bus {
namespace {

using journal::JournalRow;

// Records kept in memory per topic: some seconds of a busy producer.
constexpr size_t kTailRecords = 8192;
// Rows read from the journal at once, per shard.
constexpr int kJournalChunk = 256;
// Records copied from a tail at once, per shard.
constexpr size_t kTailChunk = 64;
// A tail that runs ahead of a reader this often in one look is left for the next look.
constexpr int kFillAttempts = 3;

RecordPtr MakeRecord(const JournalRow& row, const std::string& producer, const std::string& topic) {
  return std::make_shared<const Record>(ToRecord(row, producer, topic));
}

}  // namespace

// The source, kept from being detached while its journal is read.
class EmbeddedBus::Topic::SourceUse {
 public:
  explicit SourceUse(Topic& topic) : topic_(topic) {
    MutexLock lock(topic_.mu_);
    if (topic_.sources_.empty()) return;
    source_ = topic_.sources_.rbegin()->second;
    ++topic_.users_;
  }
  ~SourceUse() {
    if (source_ == nullptr) return;
    MutexLock lock(topic_.mu_);
    if (--topic_.users_ == 0) topic_.unused_.NotifyAll();
  }
  SourceUse(const SourceUse&) = delete;
  SourceUse& operator=(const SourceUse&) = delete;

  const Source* get() const { return source_.get(); }

 private:
  Topic& topic_;
  std::shared_ptr<const Source> source_;
};

absl::StatusOr<int64_t> EmbeddedBus::Topic::Attach(const std::string& producer,
                                                   const journal::Reader& reader,
                                                   std::vector<std::string> aggregates,
                                                   int64_t head) {
  int64_t id = 0;
  {
    MutexLock lock(mu_);
    if (!sources_.empty() && sources_.begin()->second->producer != producer) {
      return absl::AlreadyExistsError(absl::StrCat("topic ", name_, " belongs to producer ",
                                                   sources_.begin()->second->producer));
    }
    id = ++attachments_;
    sources_[id] = std::make_shared<const Source>(Source{producer, reader, std::move(aggregates)});
    ++epoch_;
    last_ = head;
    order_.clear();
    for (Tail& tail : tails_) tail = Tail{head, {}};
  }
  WakeAll();
  return id;
}

void EmbeddedBus::Topic::Detach(int64_t id) {
  MutexLock lock(mu_);
  sources_.erase(id);
  committing_.erase(id);
  while (users_ > 0) unused_.Wait(mu_);
}

void EmbeddedBus::Topic::Committing(int64_t id) {
  MutexLock lock(mu_);
  committing_.insert(id);
}

bool EmbeddedBus::Topic::BeginAppend(int64_t id, absl::Span<const JournalRow* const> rows,
                                     std::string* producer) {
  MutexLock lock(mu_);
  *producer = sources_.at(id)->producer;
  if (listened_) return true;
  // Nobody reads: no record is made. Whoever comes later begins with the journal.
  ForgetTail();
  for (const JournalRow* row : rows) {
    if (row->shard >= 0 && row->shard < static_cast<int>(tails_.size())) {
      tails_[row->shard].floor = std::max(tails_[row->shard].floor, row->sequence);
    }
    last_ = std::max(last_, row->sequence);
  }
  committing_.erase(id);
  return false;
}

void EmbeddedBus::Topic::ForgetTail() {
  for (Tail& tail : tails_) {
    if (tail.records.empty()) continue;
    tail.floor = tail.records.back()->sequence;
    tail.records.clear();
  }
  order_.clear();
}

void EmbeddedBus::Topic::Committed(int64_t id, absl::Span<const JournalRow* const> rows) {
  std::string producer;
  if (!BeginAppend(id, rows, &producer)) return;
  std::vector<RecordPtr> records;
  records.reserve(rows.size());
  for (const JournalRow* row : rows) {
    if (row->shard < 0 || row->shard >= static_cast<int>(tails_.size())) {
      telemetry::Log(telemetry::Level::kError, "a journal row lies in a shard that does not exist",
                     {{"topic", name_}, {"sequence", absl::StrCat(row->sequence)}});
      continue;
    }
    records.push_back(MakeRecord(*row, producer, name_));
  }
  bool wake = false;
  {
    MutexLock lock(mu_);
    for (RecordPtr& record : records) {
      if (record->sequence <= last_) continue;  // handed over before
      last_ = record->sequence;
      order_.push_back(record->shard);
      tails_[record->shard].records.push_back(std::move(record));
      wake = true;
    }
    while (order_.size() > kTailRecords) {
      Tail& oldest = tails_[order_.front()];
      oldest.floor = oldest.records.front()->sequence;
      oldest.records.pop_front();
      order_.pop_front();
    }
    committing_.erase(id);
    wake = std::exchange(asked_, false) || wake;
  }
  if (wake) WakeAll();
}

void EmbeddedBus::Topic::Abandoned(int64_t id) {
  {
    MutexLock lock(mu_);
    committing_.erase(id);
    asked_ = false;
    // Its outcome may be unknown: if the rows are there after all, they are in the journal only.
    ++epoch_;
  }
  WakeAll();
}

int64_t EmbeddedBus::Topic::AddListener(std::function<void()> wake) {
  MutexLock wake_lock(wake_mu_);
  listeners_.emplace_back(++listener_ids_, std::move(wake));
  MutexLock lock(mu_);
  listened_ = true;
  return listener_ids_;
}

void EmbeddedBus::Topic::RemoveListener(int64_t id) {
  MutexLock wake_lock(wake_mu_);
  listeners_.erase(std::remove_if(listeners_.begin(), listeners_.end(),
                                  [id](const auto& listener) { return listener.first == id; }),
                   listeners_.end());
  MutexLock lock(mu_);
  listened_ = !listeners_.empty();
}

void EmbeddedBus::Topic::WakeAll() {
  MutexLock lock(wake_mu_);
  for (const auto& [id, wake] : listeners_) {
    if (wake) wake();
  }
}

absl::Status EmbeddedBus::Topic::Fill(int shard, Cursor& cursor) {
  for (int attempt = 0; attempt < kFillAttempts && cursor.fetched.empty(); ++attempt) {
    int64_t epoch = 0;
    int64_t floor = 0;
    {
      MutexLock lock(mu_);
      const Tail& tail = tails_[shard];
      if (Joined(tail, cursor)) {
        if (tail.records.empty() || tail.records.back()->sequence <= cursor.read) break;
        auto next = std::upper_bound(
            tail.records.begin(), tail.records.end(), cursor.read,
            [](int64_t read, const RecordPtr& record) { return read < record->sequence; });
        for (; next != tail.records.end() && cursor.fetched.size() < kTailChunk; ++next) {
          cursor.fetched.push_back(*next);
        }
        cursor.read = cursor.fetched.back()->sequence;
        break;
      }
      epoch = epoch_;
      floor = tail.floor;
    }
    const SourceUse source(*this);
    if (source.get() == nullptr) break;
    ASSIGN_OR_RETURN(const journal::TopicRows read,
                     journal::ReadTopicShard(source.get()->reader, source.get()->aggregates, shard,
                                             cursor.read, kJournalChunk));
    for (const JournalRow& row : read.rows) {
      cursor.fetched.push_back(MakeRecord(row, source.get()->producer, name_));
    }
    if (!read.rows.empty()) cursor.read = read.rows.back().sequence;
    if (read.end) {
      // Whatever lies at or below the floor was committed before the read began.
      cursor.read = std::max(cursor.read, floor);
      cursor.epoch = epoch;
    }
  }
  return absl::OkStatus();
}

absl::Status EmbeddedBus::Topic::Take(std::vector<Cursor>& cursors, size_t max,
                                      std::vector<RecordPtr>* out) {
  const int shards = static_cast<int>(cursors.size());
  for (int shard = 0; shard < shards; ++shard) {
    Cursor& cursor = cursors[shard];
    if (cursor.held && cursor.fetched.empty()) RETURN_IF_ERROR(Fill(shard, cursor));
  }
  for (size_t taken = 0; taken < max; ++taken) {
    int next = -1;
    for (int shard = 0; shard < shards; ++shard) {
      if (cursors[shard].fetched.empty()) continue;
      if (next < 0 ||
          cursors[shard].fetched.front()->sequence < cursors[next].fetched.front()->sequence) {
        next = shard;
      }
    }
    if (next < 0) break;
    Cursor& cursor = cursors[next];
    out->push_back(std::move(cursor.fetched.front()));
    cursor.fetched.pop_front();
    if (cursor.fetched.empty()) RETURN_IF_ERROR(Fill(next, cursor));
  }
  return absl::OkStatus();
}

bool EmbeddedBus::Topic::AtEnd(int shard, const Cursor& cursor) {
  if (!cursor.fetched.empty()) return false;
  MutexLock lock(mu_);
  if (!committing_.empty()) {
    asked_ = true;
    return false;
  }
  const Tail& tail = tails_[shard];
  return Joined(tail, cursor) &&
         (tail.records.empty() || tail.records.back()->sequence <= cursor.read);
}

absl::StatusOr<std::vector<RecordPtr>> EmbeddedBus::Topic::ReadStream(const std::string& tenant,
                                                                      const std::string& stream_id,
                                                                      int64_t after_version,
                                                                      int limit) {
  const SourceUse source(*this);
  if (source.get() == nullptr) {
    return absl::UnavailableError(absl::StrCat("topic ", name_, " has no producer just now"));
  }
  ASSIGN_OR_RETURN(const journal::TopicRows read,
                   journal::ReadTopicStream(source.get()->reader, source.get()->aggregates, tenant,
                                            stream_id, after_version, limit));
  std::vector<RecordPtr> records;
  for (const JournalRow& row : read.rows) {
    records.push_back(MakeRecord(row, source.get()->producer, name_));
  }
  return records;
}

}  // namespace watchbell::bus
