// One shard of one topic, as a subscriber reads it. Internal to the folder.
#pragma once

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/bus/bus.h"
#include "common/bus/kafka/client.h"

namespace watchbell::bus::kafka {

// Where a shard of a topic stands.
//
//   kReleased -> kChecked: is there such a topic, with as many partitions as there are shards?
//     -> kAssigned (the position lies on the topic) -> kLive
//     -> kEndAsked (it does not): the topic's end is asked for
//        -> kCatchUp: the producer's journal is read to its end; what lay before the topic's end is
//           in it -> kAssigned at that end -> kLive
//   kLive -> kEndAsked when the broker says that there is no such position (any more).
// Raw topics have no journal: theirs is the beginning of the topic.
enum class ReadingState { kReleased, kChecked, kEndAsked, kCatchUp, kAssigned, kLive };

// A wake-up that can be taken back. Thread-safe.
class Waker {
 public:
  explicit Waker(std::function<void()> wake) : wake_(std::move(wake)) {}
  void Ring() {
    MutexLock lock(mu_);
    if (wake_ != nullptr) wake_();
  }
  // After this it is not called any more.
  void Silence() {
    MutexLock lock(mu_);
    wake_ = nullptr;
  }

 private:
  Mutex mu_;
  std::function<void()> wake_ ABSL_GUARDED_BY(mu_);
};

// Guarded by the subscriber's mutex, but for `ready`.
struct Reading {
  Reading(std::string topic_name, bool is_raw, int shard_number, Waker& the_waker)
      : topic(std::move(topic_name)), raw(is_raw), shard(shard_number), waker(the_waker) {}

  const std::string topic;  // our name of it
  const bool raw;
  const int shard;
  Waker& waker;

  ReadingState state = ReadingState::kReleased;
  // Moves with everything that makes older answers void.
  int64_t generation = 0;

  // Up to here nothing of the producer's journal need be read again: applied, or read from there.
  // What the topic's records say of it is not taken at its word.
  int64_t sequence = 0;
  // As far as Poll has given out. What a record says of itself counts when the producer has said
  // that its journal reaches so far: anybody may write on a topic.
  int64_t seen = 0;
  std::vector<int64_t> claims;  // of records given out, beyond any known head
  Position stored;              // what the reader is known to have stored
  // What the producer's journal is known to have held at a time; 0: nothing is owed.
  int64_t owed = 0;
  absl::Time owed_since;
  // How far Poll has given out of the topic. While kLive what follows is at or after it; -1: from
  // the beginning.
  int64_t offset = -1;
  // The topic has shown something at `offset`, so it is no position that never was.
  bool proven = false;
  absl::Time live_since;

  // The partition's own queue at the client, while assigned: a partition whose queue is full is not
  // fetched from, and stands in nobody's way.
  QueuePtr queue;
  bool assigned = false;  // at the client
  // Something lies in the queue, or may. Set by librdkafka.
  std::atomic<bool> ready{false};

  // The end of the topic that was asked for before the journal was read.
  absl::Time end_since;
  std::deque<RecordPtr> fetched;  // from the journal, next to be given out
  int64_t journal_read = 0;       // up to here it was fetched
  bool journal_end = false;
  bool journal_asked = false;
  absl::Duration retry_at = -absl::InfiniteDuration();
  absl::Duration retry;
  bool complained = false;  // of its producer
  std::string unread;       // why its journal cannot be read, once it was tried again; "" = it can
  int64_t lost = 0;         // times that its position was gone, with records nobody has read
  bool topic_trouble = false;  // `trouble` is about the topic as a whole
  std::string trouble;         // why nothing comes from the topic; "" = all is well

  void GiveOut(const Record& record) {
    if (record.sequence <= seen) return;
    if (claims.size() >= kMostClaims)
      claims.erase(claims.begin(), claims.begin() + kMostClaims / 2);
    claims.push_back(record.sequence);
  }
  // The producer's journal is known to reach so far.
  void Verify(int64_t head) {
    std::erase_if(claims, [this, head](int64_t claim) {
      if (claim > head) return false;
      seen = std::max(seen, claim);
      return true;
    });
  }

 private:
  // Heads come every few seconds; more than a shard gives out meanwhile.
  static constexpr int kMostClaims = 65'536;
};

}  // namespace watchbell::bus::kafka
