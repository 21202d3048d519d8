// What other threads ask of the relay; relay_thread.cc does it.
#include "common/bus/kafka/relay.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/bus/dead_letter_record.h"

namespace watchbell::bus::kafka {
namespace {

// Rows kept in memory for the thread; more are forgotten, and read from the journal.
constexpr size_t kInboxRows = 10'000;
constexpr size_t kInboxBytes = size_t{32} << 20;
// A shard with nothing to publish moves all the same, so that a takeover has little to look
// through; not at every commit.
constexpr int64_t kIdleStep = 1024;

}  // namespace

Relay::Relay(Parts parts, int64_t head) : parts_(std::move(parts)), seen_(head) {
  for (const auto& [aggregate, topic] : parts_.topic_of_aggregate) aggregates_.push_back(aggregate);
  if (parts_.topic_of_aggregate.count(kDeadLetterAggregate) == 0) {
    aggregates_.push_back(kDeadLetterAggregate);
  }
  moved_ = parts_.clock.Steady();
}

absl::Status Relay::Start() {
  producer_ = std::make_unique<RelayProducer>(parts_.options, parts_.producer, [this] {
    MutexLock lock(mu_);
    signalled_ = true;
    cv_.NotifyAll();
  });
  RETURN_IF_ERROR(producer_->Open());
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

Relay::~Relay() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    cv_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Relay::Committed(absl::Span<const journal::JournalRow> rows, int64_t after, int64_t upto) {
  MutexLock lock(mu_);
  if (wanted_.empty() || upto <= after) return;
  Inbox& inbox = inbox_;
  if (inbox.forgotten_upto > 0 || inbox.rows + rows.size() > kInboxRows ||
      inbox.bytes > kInboxBytes) {
    inbox.forgotten_upto = std::max(inbox.forgotten_upto, upto);
    return;
  }
  Commit commit{{}, after, upto};
  for (const journal::JournalRow& row : rows) {
    if (wanted_.count(row.shard) > 0 &&
        std::find(aggregates_.begin(), aggregates_.end(), row.aggregate) != aggregates_.end()) {
      commit.rows.push_back(row);
      inbox.bytes += row.payload.size();
    }
  }
  if (commit.rows.empty() && !inbox.commits.empty() && inbox.commits.back().upto == after) {
    inbox.commits.back().upto = upto;
    return;
  }
  inbox.rows += commit.rows.size();
  if (!commit.rows.empty()) {
    signalled_ = true;
    cv_.NotifyAll();
  }
  inbox.commits.push_back(std::move(commit));
}

void Relay::Hold(int shard, int64_t relayed) {
  MutexLock lock(mu_);
  wanted_.insert(shard);
  progress_.erase(shard);
  told_[shard] = {relayed, 0};
  // What was kept so far lacks the rows of this shard.
  for (const Commit& commit : inbox_.commits) {
    inbox_.forgotten_upto = std::max(inbox_.forgotten_upto, commit.upto);
  }
  inbox_.commits.clear();
  inbox_.rows = inbox_.bytes = 0;
  inbox_.orders.push_back({shard, relayed});
  signalled_ = true;
  cv_.NotifyAll();
}

void Relay::Release(int shard) {
  MutexLock lock(mu_);
  wanted_.erase(shard);
  progress_.erase(shard);
  told_.erase(shard);
  inbox_.orders.push_back({shard, -1});
  signalled_ = true;
  cv_.NotifyAll();
}

void Relay::Look() {
  MutexLock lock(mu_);
  inbox_.look = true;
  signalled_ = true;
  cv_.NotifyAll();
}

std::map<int, int64_t> Relay::TakeRelayed() {
  std::map<int, int64_t> moved;
  MutexLock lock(mu_);
  for (const auto& [shard, now] : progress_) {
    Progress& told = told_[shard];
    const bool published = now.published != told.published;
    if (now.relayed <= told.relayed) continue;
    if (!published && now.relayed - told.relayed < kIdleStep) continue;
    told = now;
    moved[shard] = now.relayed;
  }
  return moved;
}

absl::Status Relay::Health() const {
  MutexLock lock(mu_);
  return health_;
}

int64_t Relay::Backlog() const {
  MutexLock lock(mu_);
  return backlog_;
}

}  // namespace watchbell::bus::kafka
