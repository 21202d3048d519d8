// The committer: collect what waits, decide and store it in one transaction, then tell everybody.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/shard.h"
#include "common/base/status_macros.h"
#include "common/engine/engine_impl.h"
#include "common/engine/tables.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace.h"

namespace watchbell::engine {
namespace {

constexpr absl::Duration kLastRetry = absl::Seconds(2);
constexpr absl::Duration kPurgeEvery = absl::Minutes(10);
// A takeover publishes again what was published since.
constexpr absl::Duration kStoreMarksEvery = absl::Milliseconds(250);
constexpr int kRepublishChunk = 1000;
constexpr int kAttempts = 4;
// A step that took so long waited for storage, perhaps together with the producers.
constexpr absl::Duration kSlowStep = absl::Seconds(2);

void Answer(Item& item) {
  if (item.input.done == nullptr) return;
  item.input.done(std::move(item.answer));
  item.input.done = nullptr;
}

// Nobody's fault: try again. An unknown outcome is looked up first.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsUnknown(status);
}

// The step of somebody's trace that was made here.
void LogTraced(const std::string& service, const Item& item) {
  const Input& input = item.input;
  const std::string& id = item.IsTimer() ? input.timer.entity.id : input.envelope.subject;
  const std::string what =
      input.message == nullptr ? input.timer.name : input.message->GetTypeName();
  telemetry::Log(telemetry::Level::kInfo, item.IsTimer() ? "timer fired" : "input taken",
                 {{"service", service},
                  {"what", what},
                  {"id", id},
                  {"tenant", input.identity.tenant},
                  {"traceparent", input.traceparent}});
}

}  // namespace

absl::Status Engine::Impl::Open() {
  const journal::Reader reader(parts_.database);
  ASSIGN_OR_RETURN(published_, reader.Head());
  seen_ = published_;
  if (parts_.leases != nullptr) return absl::OkStatus();
  const absl::Status opened = OpenShards(HeldShards(), parts_.clock.Now());
  ReportShards();
  return opened;
}

Step Engine::Impl::RunOnce() {
  const absl::Duration began = parts_.clock.Steady();
  const Step step = RunStep();
  if (parts_.clock.Steady() - began > kSlowStep) gate_.ForgetAll();
  return step;
}

Step Engine::Impl::RunStep() {
  absl::Time now = parts_.clock.Now();
  // A wait longer than the longest is none: the clock went back.
  if (now < retry_at_ && retry_at_ - now <= kLastRetry) return {0, false, retry_at_};
  if (recover_) {
    if (const absl::Status status = Recover(); !status.ok()) return Fail(status, now);
  }
  absl::Status known = FollowLeases(now);
  known.Update(LookAtOthers(now));
  known.Update(LoadFarTimers());
  if (!known.ok()) return Fail(known, now);
  now = std::max(now, parts_.clock.Now());  // the looks may have had to wait
  ReportProducers(intake_.Read(options_.max_batch, now));
  absl::Time recheck = absl::InfiniteFuture();
  std::vector<Item> items = Collect(now, &recheck);
  if (items.empty()) {
    if (const absl::Status status = Revive(now); !status.ok()) return Fail(status, now);
    if (const absl::Status status = StoreMarks(now); !status.ok()) return Fail(status, now);
    Housekeep(now, true);
    if (!intake_.Idle(now) || far_.has_value()) return {0, true, now};
    // A due timer that waits at its gate is looked at again when the gate says so.
    const absl::Time due = timers_.NextDue() + absl::Microseconds(1);
    const absl::Time look = parts_.leases == nullptr ? absl::InfiniteFuture() : look_at_;
    return {
        0, false,
        std::min({due <= now ? recheck : due, recheck, intake_.RetryAt(), look, ShardRetryAt()})};
  }
  const int count = static_cast<int>(items.size());
  // What was read may have happened since this step began, and is recorded no earlier.
  const absl::Status status = Run(std::move(items), std::max(now, parts_.clock.Now()));
  if (!status.ok()) return Fail(status, now);
  retry_ = kFirstRetry;
  SetHealth(absl::OkStatus());
  Housekeep(now, false);
  return {count, true, now};
}

std::vector<Item> Engine::Impl::Collect(absl::Time now, absl::Time* recheck) {
  std::vector<Item> items;
  // Commands may not starve events, nor the other way round.
  queue_.Take(options_.max_batch / 2, &items);
  const absl::Time take_by = intake_.TakeBy();
  // A wait longer than the longest is none: the clock went back.
  const bool early = now < take_by && take_by - now <= options_.patience;
  if (items.empty() && early && timers_.NextDue() >= now) {
    *recheck = take_by;
    return items;
  }
  intake_.Take(options_.max_batch / 2, &items);
  // Timers last: what was dated before them and is known goes first.
  absl::Time blocked = absl::InfiniteFuture();
  size_t fired = 0;
  timers_.VisitDue(now, [&](const TimerIndex::Entry& timer) {
    const Gate::Verdict verdict = gate_.Check(timer.key, timer.due, now);
    if (verdict == Gate::Verdict::kWait) {
      blocked = std::min(blocked, gate_.Recheck(timer.key, timer.due, now));
      return true;
    }
    Item item;
    item.input.kind = Input::Kind::kTimer;
    item.input.ungated = verdict == Gate::Verdict::kFireUngated;
    // An ungated firing shows in the history: what it did may have lacked an input.
    item.input.identity = {
        timer.key.entity.tenant,
        absl::StrCat("service:", options_.service, item.input.ungated ? ";ungated" : ""),
        {}};
    item.shard = ShardOf(timer.key.entity.id, options_.shards);
    item.input.timer = timer.key;
    item.input.due = timer.due;
    items.push_back(std::move(item));
    return ++fired < options_.max_batch;
  });
  *recheck = blocked;
  return items;
}

absl::Status Engine::Impl::Run(std::vector<Item> items, absl::Time now) {
  absl::Status status = RunTogether(items, now);
  if (status.ok()) return status;
  if (IsTransient(status)) {
    PutBack(std::move(items));
    return status;
  }
  if (items.size() == 1) return Condemn(std::move(items[0]), status, now);
  // One bad input hurts nobody else: each gets a transaction of its own. But no event passes one of
  // its partition that has to be tried again: the position stored would pass it, too.
  std::vector<Item> later;
  std::set<bus::TopicShard> behind;
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<Item> one;
    one.push_back(std::move(items[i]));
    in_hand_ = absl::MakeSpan(items).subspan(i + 1);
    const auto let_go = absl::MakeCleanup([this] { in_hand_ = {}; });
    const bool event = one[0].IsEvent();
    const bus::TopicShard place{event ? one[0].record->topic : "", one[0].shard};
    status = event && behind.count(place) > 0 ? absl::AbortedError("") : RunAlone(one, now);
    if (status.ok()) continue;
    if (event && absl::IsAborted(status)) {
      behind.insert(place);
      later.push_back(std::move(one[0]));
      continue;
    }
    auto rest = items.begin() + static_cast<std::ptrdiff_t>(i);
    if (IsTransient(status)) {
      *rest = std::move(one[0]);
    } else {
      status = Condemn(std::move(one[0]), status, now);
      if (status.ok()) continue;
      ++rest;  // that one is put back already
    }
    items.erase(items.begin(), rest);
    PutBack(std::move(items));
    PutBack(std::move(later));
    return status;
  }
  PutBack(std::move(later));
  return absl::OkStatus();
}

absl::Status Engine::Impl::RunAlone(std::vector<Item>& one, absl::Time now) {
  const absl::Status status = RunTogether(one, now);
  const bool again = absl::IsAborted(status) || IsTransient(status) || !one[0].condemned.ok();
  if (status.ok() || again || !one[0].IsEvent()) return status;
  SetCondemned(one[0], status);
  return RunTogether(one, now);
}

absl::Status Engine::Impl::RunTogether(std::vector<Item>& items, absl::Time now) {
  absl::Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    status = RunBatch(items, now);
    // Two first writers of a key, or two that wait for each other: what the other did is seen now.
    if (!absl::IsAlreadyExists(status) && !absl::IsAborted(status)) break;
  }
  return status;
}

absl::Status Engine::Impl::RunBatch(std::vector<Item>& items, absl::Time now) {
  TakeMarks(now);
  Batch batch({options_, parts_, classes_, references_, intake_.positions(), open_,
               intake_.HeldBack(in_hand_)},
              now);
  const absl::Time began = parts_.clock.Now();
  const absl::Status status = batch.Run(absl::MakeSpan(items), marks_);
  if (absl::IsUnknown(status)) {
    recover_ = true;
    for (Item& item : items) item.maybe_stored = true;
    for (Effect& effect : batch.effects()) {
      unsure_.push_back({effect, batch.Changed(effect.entity)});
    }
  }
  if (!status.ok()) return status;
  marks_ = {};
  const size_t inputs = items.size();
  Finish(batch, items, now);
  if (parts_.probe != nullptr && inputs > 0) {
    parts_.probe->Batch(inputs, batch.rows().size(), parts_.clock.Now() - began);
  }
  return absl::OkStatus();
}

// False: it is too early.
bool Engine::Impl::TakeMarks(absl::Time now) {
  if (now < marked_at_ + kStoreMarksEvery && now >= marked_at_) return false;
  marked_at_ = now;
  if (parts_.publisher == nullptr) return true;
  for (const auto& [shard, sequence] : parts_.publisher->TakeRelayed()) {
    if (open_.count(shard) > 0) marks_.relayed[shard] = sequence;
  }
  return true;
}

// While nothing waits.
absl::Status Engine::Impl::StoreMarks(absl::Time now) {
  if (!TakeMarks(now)) return absl::OkStatus();
  marks_.reached = intake_.Reached();
  if (marks_.relayed.empty() && marks_.reached.empty()) return absl::OkStatus();
  const absl::Status status = Run({}, now);
  marks_.reached.clear();
  return status;
}

void Engine::Impl::Finish(Batch& batch, std::vector<Item>& items, absl::Time now) {
  if (batch.upto() > batch.after()) {
    if (parts_.publisher != nullptr) {
      parts_.publisher->Committed(batch.rows(), batch.after(), batch.upto());
    }
    published_ = batch.upto();
    // What others committed in between is still to be looked at.
    if (seen_ == batch.after()) seen_ = batch.upto();
  }
  for (const auto& [key, timer] : batch.timers()) {
    gate_.Forget(key);
    const bool ours = open_.count(ShardOf(key.entity.id, options_.shards)) > 0;
    if (timer.due && ours) {
      timers_.Set(key, *timer.due);
    } else {
      timers_.Erase(key);
    }
  }
  timer_count_ = timers_.size();
  intake_.Stored(batch.progress());
  for (const StreamRef& stream : batch.fills()) intake_.Fill(stream);
  for (const admin::v1::DeadLetter& letter : batch.again()) intake_.TakeAgain(letter);

  for (Item& item : items) {
    if (item.fate != Item::Fate::kDeferred) {
      FinishItem(item, now);
    } else if (item.IsEvent()) {  // timers are still in the index
      intake_.Defer(std::move(item));
    }
  }
  for (const int shard : batch.fenced()) {
    // Opened again when the leases say so, under another epoch.
    if (open_.count(shard) > 0) CloseShard(shard);
  }
  if (parts_.effects != nullptr && !batch.effects().empty())
    parts_.effects->Run(std::move(batch.effects()));
  TellOthers(batch);
  if (parts_.probe != nullptr) {
    parts_.probe->QueueDepth(queue_.size());
    parts_.probe->TimersArmed(timers_.size());
  }
}

void Engine::Impl::FinishItem(Item& item, absl::Time now) {
  if (item.fate == Item::Fate::kFenced) return;
  if (item.fate == Item::Fate::kApplied && telemetry::IsSampled(item.input.traceparent)) {
    LogTraced(options_.service, item);
  }
  if (item.IsEvent() && item.fate == Item::Fate::kApplied) intake_.Applied(item, now);
  if (item.input.ungated) {
    telemetry::Log(telemetry::Level::kWarning, "a timer fired without seeing what precedes it",
                   {{"service", options_.service},
                    {"timer", item.input.timer.name},
                    {"id", item.input.timer.entity.id},
                    {"traceparent", item.input.traceparent}});
  }
  if (parts_.probe != nullptr) {
    if (item.IsEvent() && item.has_envelope)
      parts_.probe->EventApplied(now - item.input.envelope.recorded_at);
    if (item.IsTimer()) parts_.probe->TimerFired(now - item.input.due);
    if (item.fate == Item::Fate::kParked || item.fate == Item::Fate::kDropped)
      parts_.probe->DeadLettered();
  }
  Answer(item);
}

void Engine::Impl::PutBack(std::vector<Item> items) {
  std::vector<Item> inputs;
  std::vector<Item> events;
  for (Item& item : items) {
    if (item.IsTimer()) continue;  // still in the index
    (item.IsEvent() ? events : inputs).push_back(std::move(item));
  }
  queue_.PutBack(std::move(inputs));
  intake_.PutBack(std::move(events));
}

void Engine::Impl::LogCondemned(const Item& item, const absl::Status& why) const {
  telemetry::Log(telemetry::Level::kError, "an input cannot be stored",
                 {{"service", options_.service},
                  {"error", std::string(why.message())},
                  {"traceparent", item.input.traceparent}});
}

void Engine::Impl::SetCondemned(Item& item, const absl::Status& why) const {
  LogCondemned(item, why);
  item.condemned = WithReason(absl::StatusCode::kInternal, "STORE_FAILED", why.message());
  item.input.id.clear();
}

absl::Status Engine::Impl::Condemn(Item item, const absl::Status& why, absl::Time now) {
  if (absl::IsAborted(why)) {
    // Others were in the way every time: callers may try again, the rest does.
    if (!item.IsCommand()) {
      std::vector<Item> again;
      again.push_back(std::move(item));
      PutBack(std::move(again));
      return absl::OkStatus();
    }
    item.answer = WithReason(absl::StatusCode::kAborted, "CONFLICT",
                             "other commands for the same things were in the way; try again");
    Answer(item);
    return absl::OkStatus();
  }
  if (item.IsEvent() && item.condemned.ok()) {
    SetCondemned(item, why);
    std::vector<Item> again;
    again.push_back(std::move(item));
    return Run(std::move(again), now);
  }
  LogCondemned(item, why);
  if (item.IsTimer()) {
    gate_.Forget(item.input.timer);
    timers_.Erase(item.input.timer);  // its row stays: the next start tries again
  }
  item.answer = WithReason(absl::StatusCode::kInternal, "STORE_FAILED", why.message());
  Answer(item);
  return absl::OkStatus();
}

Step Engine::Impl::Fail(const absl::Status& why, absl::Time now) {
  const bool again = !HealthOf().ok();
  SetHealth(why);
  gate_.ForgetAll();
  if (parts_.probe != nullptr) parts_.probe->StorageFailed();
  telemetry::Log(telemetry::Level::kWarning, "storage does not answer; the batch is tried again",
                 {{"service", options_.service}, {"error", std::string(why.message())}});
  // An unknown outcome is looked up first. If that does not help either, nobody knows for now, and
  // waiting longer would only run into the callers' deadlines.
  if (!recover_ || again) AnswerWaiting(StorageDown(why));
  retry_at_ = now + retry_;
  retry_ = std::min(retry_ * 2, kLastRetry);
  return {0, false, retry_at_};
}

void Engine::Impl::AnswerWaiting(const absl::Status& status) {
  std::vector<Item> own;
  for (Item& item : queue_.TakeCommands()) {
    if (item.kind == Item::Kind::kRelease && item.input.done == nullptr) {
      own.push_back(std::move(item));  // nobody would send it again
      continue;
    }
    item.answer = status;
    if (item.maybe_stored) {
      item.answer = Unavailable("OUTCOME_UNKNOWN",
                                "storage went away while this was being stored: send it again with "
                                "the same request_id",
                                absl::Seconds(1));
    }
    Answer(item);
  }
  queue_.PutBack(std::move(own));
}

absl::Status Engine::Impl::Recover() {
  std::set<int> shards;
  for (const auto& [shard, epoch] : open_) shards.insert(shard);
  // A transaction of its own first: until it has begun, the one before could still be committed.
  RETURN_IF_ERROR(parts_.database.Begin().status());
  timers_.Clear();
  if (!shards.empty()) RETURN_IF_ERROR(LoadTimers(shards, parts_.clock.Now()));
  RETURN_IF_ERROR(intake_.ReadPositions());
  RETURN_IF_ERROR(Republish());
  RETURN_IF_ERROR(RunUnsureEffects());
  recover_ = false;
  return absl::OkStatus();
}

// The state an effect comes with tells whether its commit was one. If it was not, the inputs bring
// the effect once more.
absl::Status Engine::Impl::RunUnsureEffects() {
  std::vector<Effect> stored;
  for (const UnsureEffect& unsure : unsure_) {
    if (unsure.state == nullptr) continue;
    const EntityKey& key = unsure.effect.entity;
    ASSIGN_OR_RETURN(const auto rows,
                     parts_.database.Read("SELECT body FROM entities WHERE class = $1 AND tenant = "
                                          "$2 AND id = $3",
                                          {int64_t{key.cls}, key.tenant, key.id}));
    if (!rows.empty() && db::AsBytes(rows[0][0]) == unsure.state->SerializeAsString()) {
      stored.push_back(unsure.effect);
    }
  }
  unsure_.clear();
  if (parts_.effects != nullptr && !stored.empty()) parts_.effects->Run(std::move(stored));
  return absl::OkStatus();
}

absl::Status Engine::Impl::Republish() {
  if (parts_.publisher == nullptr) return absl::OkStatus();
  const journal::Reader reader(parts_.database);
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows, reader.After("", published_, kRepublishChunk));
    if (rows.empty()) return absl::OkStatus();
    parts_.publisher->Committed(rows, published_, rows.back().sequence);
    published_ = rows.back().sequence;
  }
}

absl::Status Engine::Impl::Revive(absl::Time now) {
  if (HealthOf().ok()) return absl::OkStatus();
  // A write that changes nothing anybody reads: no topic has this name.
  ASSIGN_OR_RETURN(const auto transaction, parts_.database.Begin());
  RETURN_IF_ERROR(transaction->Upsert(
      TopicPositionTable(), {db::Row{"", int64_t{0}, absl::ToUnixMicros(now), int64_t{0}}}));
  RETURN_IF_ERROR(transaction->Commit());
  retry_ = kFirstRetry;
  SetHealth(absl::OkStatus());
  return absl::OkStatus();
}

void Engine::Impl::Housekeep(absl::Time now, bool idle) {
  // Failures here are the next batch's to report.
  (void)parts_.database.Maintain(idle);
  if (now < purge_at_) return;
  purge_at_ = now + kPurgeEvery;
  auto transaction = parts_.database.Begin();
  if (!transaction.ok()) return;
  const auto purged =
      (*transaction)
          ->Execute(
              "DELETE FROM answers WHERE (tenant, request_id) IN (SELECT tenant, request_id "
              "FROM answers WHERE expires_at < $1 LIMIT 1000)",
              {absl::ToUnixMicros(now)});
  if (!purged.ok() || *purged == 0) return;
  if ((*transaction)->Commit().ok() && *purged == 1000) purge_at_ = now;
}

}  // namespace watchbell::engine
