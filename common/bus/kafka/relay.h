// Publishes one journal's rows of the shards held here. Internal to the folder.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/bus/bus.h"
#include "common/bus/kafka/kafka_bus.h"
#include "common/bus/kafka/relay_producer.h"
#include "common/bus/kafka/relay_shard.h"
#include "common/clock/clock.h"

namespace watchbell::bus::kafka {

// The thread takes rows from memory as long as commits follow on what it has seen, else from the
// journal: all shards together, and each one that is behind the others by itself. The committer
// never waits for it: rows beyond a limit are forgotten, and found again in the journal.
class Relay : public Publisher {
 public:
  struct Parts {
    const KafkaOptions& options;
    Clock& clock;
    std::string producer;
    journal::Reader reader;
    std::map<std::string, std::string> topic_of_aggregate;
  };

  // Rows up to `head` were committed before.
  Relay(Parts parts, int64_t head);
  ~Relay() override;
  absl::Status Start();

  void Committing() override {}  // JournalSource::ReadHeads waits for it, whoever commits
  void Committed(absl::Span<const journal::JournalRow> rows, int64_t after, int64_t upto) override;
  void Abandoned() override { Look(); }
  void Hold(int shard, int64_t relayed) override;
  void Release(int shard) override;
  void Look() override;
  std::map<int, int64_t> TakeRelayed() override;

  // Thread-safe.
  const std::string& producer() const { return parts_.producer; }
  absl::Status Health() const;
  int64_t Backlog() const;

 private:
  struct Commit {
    std::vector<journal::JournalRow> rows;  // those that may be published
    int64_t after;
    int64_t upto;
  };
  struct Order {
    int shard;
    int64_t relayed;  // -1: release
  };
  // What the other threads left for this one.
  struct Inbox {
    std::vector<Order> orders;
    std::deque<Commit> commits;
    size_t rows = 0;             // in `commits`
    size_t bytes = 0;            // of their payloads
    int64_t forgotten_upto = 0;  // commits up to here were not kept
    bool look = false;
  };
  struct Held {
    uint64_t id;
    RelayShard state;
    bool follows = false;  // takes the rows being given out
    absl::Duration retry_at = -absl::InfiniteDuration();
    absl::Duration retry;
    absl::Status trouble;
    int64_t published = 0;  // rows acknowledged
  };
  struct Progress {
    int64_t relayed;
    int64_t published;
  };

  void Run();
  bool Wait(absl::Duration at_most, Inbox* inbox);
  // One round; how long nothing need be done if nothing happens.
  absl::Duration Step(Inbox inbox);
  void TakeOrders(const std::vector<Order>& orders);
  void TakeReports();
  void ReplaceProducer(const absl::Status& why);
  void Revive();
  // True: there is more in the journal.
  bool Feed(Inbox inbox);
  bool Scan(int64_t committed);
  void GiveOut(const std::vector<journal::JournalRow>& rows, int64_t upto);
  bool Backfill(int shard, Held& held);
  bool Offer(int shard, Held& held, const journal::JournalRow& row);
  void Trouble(Held& held, absl::Status why);
  void Publish();

  const Parts parts_;
  std::vector<std::string> aggregates_;  // whose rows may be published
  std::thread thread_;

  // Of the thread.
  std::unique_ptr<RelayProducer> producer_;
  std::map<int, Held> held_;
  uint64_t hold_ids_ = 0;
  int64_t seen_;  // every row up to here was given out, or is found by its shard's own backfill
  absl::Duration scanned_ = -absl::InfiniteDuration();
  absl::Duration moved_;  // when a report last came, or nothing was under way
  absl::Status journal_;

  mutable Mutex mu_;
  CondVar cv_;
  Inbox inbox_ ABSL_GUARDED_BY(mu_);
  bool signalled_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::set<int> wanted_ ABSL_GUARDED_BY(mu_);  // shards held, orders under way included
  std::map<int, Progress> progress_ ABSL_GUARDED_BY(mu_);
  std::map<int, Progress> told_ ABSL_GUARDED_BY(mu_);
  absl::Status health_ ABSL_GUARDED_BY(mu_);
  int64_t backlog_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace watchbell::bus::kafka
