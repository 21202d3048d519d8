#include "common/bus/kafka/relay_shard.h"

#include <algorithm>

namespace watchbell::bus::kafka {

int64_t RelayShard::relayed() const { return sent_.empty() ? cursor_ : relayed_; }

void RelayShard::Sent(int64_t sequence, size_t bytes) {
  if (sent_.empty()) relayed_ = cursor_;
  sent_.push_back({sequence, bytes, Row::kSent});
  bytes_ += bytes;
  ++waiting_;
  cursor_ = sequence;
}

void RelayShard::Passed(int64_t sequence) { cursor_ = std::max(cursor_, sequence); }

RelayShard::Row* RelayShard::Find(int64_t sequence) {
  auto row =
      std::lower_bound(sent_.begin(), sent_.end(), sequence,
                       [](const Row& known, int64_t wanted) { return known.sequence < wanted; });
  return row == sent_.end() || row->sequence != sequence || row->state != Row::kSent ? nullptr
                                                                                     : &*row;
}

bool RelayShard::Acknowledged(int64_t sequence) {
  Row* row = Find(sequence);
  if (row == nullptr) return false;
  row->state = Row::kAcknowledged;
  bytes_ -= row->bytes;
  --waiting_;
  Settle();
  return true;
}

void RelayShard::Failed(int64_t sequence) {
  Row* row = Find(sequence);
  if (row == nullptr) return;
  row->state = Row::kFailed;
  bytes_ -= row->bytes;
  --waiting_;
  Stop();
}

void RelayShard::Settle() {
  while (!sent_.empty() && sent_.front().state == Row::kAcknowledged) {
    relayed_ = sent_.front().sequence;
    sent_.pop_front();
  }
}

void RelayShard::Forget() {
  // Nobody knows what became of them: they are sent again.
  if (sent_.empty() && !stopped_) return;
  for (Row& row : sent_) {
    if (row.state == Row::kSent) row.state = Row::kFailed;
  }
  bytes_ = 0;
  waiting_ = 0;
  Stop();
}

bool RelayShard::Restart() {
  if (!stopped_ || waiting_ > 0) return false;
  if (!sent_.empty()) {
    cursor_ = relayed_;
    sent_.clear();
  }
  stopped_ = false;
  return true;
}

}  // namespace watchbell::bus::kafka
