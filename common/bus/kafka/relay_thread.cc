// The relay's thread: gives rows to the producer in order, takes reports, finds in the journal what
// it was not given.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bus/dead_letter_record.h"
#include "common/bus/kafka/relay.h"
#include "common/journal/topic_reader.h"
#include "common/telemetry/log.h"

namespace watchbell::bus::kafka {
namespace {

using journal::JournalRow;

// So often the journal is looked into in any case: another process may have committed.
constexpr absl::Duration kScanEvery = absl::Milliseconds(250);
constexpr int kScanChunk = 1000;
constexpr int kBackfillChunk = 500;
constexpr absl::Duration kFirstRetry = absl::Milliseconds(50);
constexpr absl::Duration kLastRetry = absl::Seconds(5);
// Rows under way and no report for so long: something is wrong.
constexpr absl::Duration kStuckAfter = absl::Seconds(3);
constexpr absl::Duration kLastFlush = absl::Seconds(2);

}  // namespace

void Relay::Run() {
  absl::Duration pause = absl::ZeroDuration();
  Inbox inbox;
  while (Wait(pause, &inbox)) pause = Step(std::exchange(inbox, {}));
  // What was committed last still goes out, if Kafka takes it now.
  Step(std::exchange(inbox, {}));
  producer_->Close(Health().ok() ? kLastFlush : absl::ZeroDuration());
}

// False: it is over.
bool Relay::Wait(absl::Duration at_most, Inbox* inbox) {
  MutexLock lock(mu_);
  const absl::Duration until = parts_.clock.Steady() + at_most;
  while (!stopping_ && !signalled_) {
    const absl::Duration left = until - parts_.clock.Steady();
    if (left <= absl::ZeroDuration()) break;
    parts_.clock.WaitUntil(mu_, cv_, parts_.clock.Now() + left);
  }
  signalled_ = false;
  *inbox = std::exchange(inbox_, {});
  return !stopping_;
}

absl::Duration Relay::Step(Inbox inbox) {
  TakeOrders(inbox.orders);
  TakeReports();
  if (const absl::Status fatal = producer_->Fatal(); !fatal.ok()) ReplaceProducer(fatal);
  Revive();
  bool more = Feed(std::move(inbox));
  for (auto& [shard, held] : held_) more = Backfill(shard, held) || more;
  Publish();
  return more ? absl::ZeroDuration() : kScanEvery;
}

void Relay::TakeOrders(const std::vector<Order>& orders) {
  for (const Order& order : orders) {
    const bool first = held_.empty();
    held_.erase(order.shard);
    if (order.relayed < 0) continue;
    // As long as nothing was held nothing was looked at.
    if (first) {
      if (const absl::StatusOr<int64_t> head = parts_.reader.Head(); head.ok()) {
        seen_ = std::max(seen_, *head);
      }
    }
    held_.emplace(order.shard, Held{++hold_ids_, RelayShard(order.relayed)}).first->second.retry =
        kFirstRetry;
  }
}

void Relay::TakeReports() {
  for (RelayProducer::Report& report : producer_->TakeReports()) {
    auto found = held_.find(report.sending.shard);
    if (found == held_.end() || found->second.id != report.sending.hold) continue;
    Held& held = found->second;
    if (report.status.ok() || (report.too_large && report.sending.dead_letter)) {
      if (!held.state.Acknowledged(report.sending.sequence)) continue;
      ++held.published;
      held.retry = kFirstRetry;
      held.trouble = absl::OkStatus();
      moved_ = parts_.clock.Steady();
    } else {
      held.state.Failed(report.sending.sequence);
      Trouble(held, std::move(report.status));
    }
    if (report.too_large) {
      telemetry::Log(
          telemetry::Level::kError, "a record is larger than its topic takes",
          {{"producer", parts_.producer},
           {"sequence", absl::StrCat(report.sending.sequence)},
           {"left", report.sending.dead_letter ? "in the journal only" : "to be tried"}});
    }
  }
}

// The shard stops until its reports are in and some time has passed.
void Relay::Trouble(Held& held, absl::Status why) {
  if (held.state.stopped() && !held.trouble.ok()) return;
  held.state.Stop();
  held.trouble = std::move(why);
  held.retry_at = parts_.clock.Steady() + held.retry;
  held.retry = std::min(held.retry * 2, kLastRetry);
}

void Relay::ReplaceProducer(const absl::Status& why) {
  telemetry::Log(telemetry::Level::kError, "the Kafka producer gave up; it is made anew",
                 {{"producer", parts_.producer}, {"error", std::string(why.message())}});
  producer_->Close(absl::ZeroDuration());
  for (auto& [shard, held] : held_) {
    held.id = ++hold_ids_;
    held.state.Forget();
  }
  if (const absl::Status opened = producer_->Open(); !opened.ok()) {
    // Its properties were good before: memory or threads are short. The next round tries again.
    telemetry::Log(telemetry::Level::kError, "no Kafka producer can be made",
                   {{"error", std::string(opened.message())}});
  }
}

void Relay::Revive() {
  const absl::Duration now = parts_.clock.Steady();
  for (auto& [shard, held] : held_) {
    if (held.state.stopped() && now >= held.retry_at) held.state.Restart();
  }
}

bool Relay::Feed(Inbox inbox) {
  if (held_.empty()) return false;
  bool scan = inbox.look || parts_.clock.Steady() - scanned_ >= kScanEvery;
  int64_t committed = inbox.forgotten_upto;
  for (const Commit& commit : inbox.commits) {
    if (commit.after <= seen_) {
      if (commit.upto > seen_) GiveOut(commit.rows, commit.upto);
    } else {
      // Another process was faster: what lies between is in the journal.
      committed = std::max(committed, commit.upto);
    }
  }
  scan = scan || committed > seen_;
  return scan && Scan(std::max(committed, seen_));
}

// Everything up to `committed` is visible by now.
bool Relay::Scan(int64_t committed) {
  scanned_ = parts_.clock.Steady();
  const auto rows = parts_.reader.After("", seen_, kScanChunk);
  journal_ = rows.status();
  if (!rows.ok()) return false;  // the next round tries again
  const bool end = rows->size() < kScanChunk;
  int64_t upto = rows->empty() ? seen_ : rows->back().sequence;
  if (end) upto = std::max(upto, committed);
  GiveOut(*rows, upto);
  if (!end) scanned_ = -absl::InfiniteDuration();
  return !end;
}

// Gives all rows of (seen_, upto] to those shards that have all before them.
void Relay::GiveOut(const std::vector<JournalRow>& rows, int64_t upto) {
  for (auto& [shard, held] : held_) {
    held.follows = !held.state.stopped() && held.state.cursor() >= seen_;
  }
  for (const JournalRow& row : rows) {
    auto found = held_.find(row.shard);
    if (found == held_.end() || !found->second.follows) continue;
    found->second.follows = Offer(row.shard, found->second, row);
  }
  for (auto& [shard, held] : held_) {
    if (held.follows) held.state.Passed(upto);
  }
  seen_ = std::max(seen_, upto);
}

// One chunk for a shard that is behind the others. True: there is more that could go out now.
bool Relay::Backfill(int shard, Held& held) {
  if (held.state.cursor() >= seen_ || !held.state.Takes()) return false;
  const auto rows = journal::ReadTopicShard(parts_.reader, aggregates_, shard, held.state.cursor(),
                                            kBackfillChunk);
  journal_ = rows.status();
  if (!rows.ok()) return false;
  for (const JournalRow& row : rows->rows) {
    if (!Offer(shard, held, row)) return false;
  }
  if (rows->end) held.state.Passed(seen_);
  return held.state.cursor() < seen_ && held.state.Takes();
}

// False: not now, and nothing behind it either.
bool Relay::Offer(int shard, Held& held, const JournalRow& row) {
  if (row.sequence <= held.state.cursor()) return true;
  const bool dead_letter = IsDeadLetter(row);
  auto topic = parts_.topic_of_aggregate.find(row.aggregate);
  if (!dead_letter && topic == parts_.topic_of_aggregate.end()) {
    held.state.Passed(row.sequence);
    return true;
  }
  if (!held.state.Takes()) return false;
  absl::StatusOr<Record> record = dead_letter ? ToDeadLetterRecord(row, parts_.options.build)
                                              : ToRecord(row, parts_.producer, topic->second);
  absl::Status sent = record.status();
  if (sent.ok()) sent = producer_->Send(*record, {shard, held.id, row.sequence, dead_letter});
  if (sent.ok()) {
    held.state.Sent(row.sequence, row.payload.size());
    return true;
  }
  if (absl::IsResourceExhausted(sent)) {
    held.state.Stop();  // until there is room again
    return false;
  }
  if (dead_letter && !absl::IsUnavailable(sent)) {
    telemetry::Log(telemetry::Level::kError, "a dead letter cannot be published",
                   {{"producer", parts_.producer}, {"error", std::string(sent.message())}});
    held.state.Passed(row.sequence);
    return true;
  }
  Trouble(held, std::move(sent));
  return false;
}

// Tells the other threads how far it came.
void Relay::Publish() {
  const absl::Duration now = parts_.clock.Steady();
  size_t outstanding = 0;
  int64_t behind = seen_;
  absl::Status health = journal_;
  for (const auto& [shard, held] : held_) {
    outstanding += held.state.outstanding();
    behind = std::min(behind, std::max(held.state.cursor(), held.state.relayed()));
    if (health.ok()) health = held.trouble;
  }
  if (outstanding == 0) moved_ = now;
  if (health.ok() && now - moved_ >= kStuckAfter) {
    health = absl::UnavailableError(absl::StrCat("events of ", parts_.producer,
                                                 " have waited for Kafka since ",
                                                 absl::ToInt64Seconds(now - moved_), " s"));
  }
  MutexLock lock(mu_);
  if (health.ok() != health_.ok()) {
    telemetry::Log(health.ok() ? telemetry::Level::kInfo : telemetry::Level::kWarning,
                   health.ok() ? "events are published again" : "events are not published",
                   {{"producer", parts_.producer}, {"error", std::string(health.message())}});
  }
  health_ = std::move(health);
  backlog_ = static_cast<int64_t>(outstanding) + (seen_ - behind);
  for (const auto& [shard, held] : held_) {
    if (wanted_.count(shard) > 0) progress_[shard] = {held.state.relayed(), held.published};
  }
}

}  // namespace watchbell::bus::kafka
