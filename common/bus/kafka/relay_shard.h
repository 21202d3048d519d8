// How far the relay of one shard has come. No threads, no Kafka. Internal to the folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace watchbell::bus::kafka {

// Rows are sent in sequence order, reports may come in any. A shard that stopped (a failed report,
// a full queue) takes nothing until all its reports are in; then it goes back to the lowest row
// that is not acknowledged.
class RelayShard {
 public:
  // What may be under way at once.
  struct Window {
    size_t rows = 2000;
    size_t bytes = size_t{2} << 20;
  };

  // Everything up to `relayed` was published before.
  explicit RelayShard(int64_t relayed) : RelayShard(relayed, Window{}) {}
  RelayShard(int64_t relayed, Window window)
      : window_(window), cursor_(relayed), relayed_(relayed) {}

  // Every row up to here was sent, or needs no sending. The next row is the first one after it.
  int64_t cursor() const { return cursor_; }
  // Every row up to here is published beyond doubt.
  int64_t relayed() const;
  size_t outstanding() const { return sent_.size(); }
  bool stopped() const { return stopped_; }
  // Whether the next row may be sent now.
  bool Takes() const { return !stopped_ && sent_.size() < window_.rows && bytes_ < window_.bytes; }

  // The row `sequence` > cursor() was handed over for sending.
  void Sent(int64_t sequence, size_t bytes);
  // There is nothing to send up to `sequence`; lower ones do nothing.
  void Passed(int64_t sequence);
  // The report of a row. Unknown ones do nothing. True if it was the first good one of its row.
  bool Acknowledged(int64_t sequence);
  void Failed(int64_t sequence);

  void Stop() { stopped_ = true; }
  // The producer is gone: no report will come any more.
  void Forget();
  // If it stopped and all reports are in, goes on after relayed(). True if it did.
  bool Restart();

 private:
  struct Row {
    int64_t sequence;
    size_t bytes;
    enum { kSent, kAcknowledged, kFailed } state;
  };
  Row* Find(int64_t sequence);
  void Settle();

  const Window window_;
  std::deque<Row> sent_;  // from the lowest that is not acknowledged; by sequence
  size_t bytes_ = 0;      // of those without a report
  size_t waiting_ = 0;    // those without a report
  int64_t cursor_;
  int64_t relayed_;  // while something is outstanding
  bool stopped_ = false;
};

}  // namespace watchbell::bus::kafka
