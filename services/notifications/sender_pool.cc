#include "services/notifications/sender_pool.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/telemetry/log.h"
#include "services/notifications/text.h"
#include "watchbell/notifications/state/v1/state.pb.h"

namespace watchbell::notifications {
namespace {

constexpr size_t kResultMax = 200;
constexpr absl::Duration kOfferAgain = absl::Milliseconds(200);

absl::string_view Verdict(const state::v1::DeliveryOutcome& outcome) {
  if (outcome.ok()) return "delivery sent";
  if (outcome.not_begun()) return "delivery given back";
  if (outcome.broken_off()) return "delivery broken off";
  return outcome.permanent() ? "delivery refused" : "delivery attempt failed";
}

}  // namespace

struct SenderPool::Job {
  engine::EntityKey ticket;
  std::shared_ptr<const v1::Delivery> delivery;
  std::string traceparent;
  std::string host;
  uint64_t number = 0;  // in the order they came
  absl::Time claimed_at;
  absl::Duration claimed_steady;
  bool begin = true;  // false: give it back
};

struct SenderPool::State {
  struct Host {
    std::deque<Job> waiting;
    int under_way = 0;
  };

  Mutex mu;
  // For idle threads. Whoever finishes a job looks for the next one itself, so that only a new job
  // wakes one of them, and a stop all.
  CondVar work;
  CondVar settled;  // for those who wait for an end, or to offer an outcome again
  std::map<std::string, Host> hosts ABSL_GUARDED_BY(mu);  // those with anything to do
  uint64_t added ABSL_GUARDED_BY(mu) = 0;
  int waiting ABSL_GUARDED_BY(mu) = 0;
  int under_way ABSL_GUARDED_BY(mu) = 0;  // jobs taken and not yet handed in
  int unstored ABSL_GUARDED_BY(mu) = 0;   // outcomes handed in and not yet stored
  bool draining ABSL_GUARDED_BY(mu) = false;
  bool stop ABSL_GUARDED_BY(mu) = false;
  std::atomic<bool> break_off{false};  // what the transports look at; written under mu

  // Takes the oldest that is either to be given back or may begin now. None: `expires` is when the
  // first of those that wait is to be given back.
  std::unique_ptr<Job> Choose(const SenderPool& pool, absl::Time* expires)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
};

namespace {

std::shared_ptr<state::v1::DeliveryOutcome> OutcomeOf(const engine::EntityKey& ticket,
                                                      const v1::Delivery& delivery) {
  auto outcome = std::make_shared<state::v1::DeliveryOutcome>();
  outcome->set_delivery_id(delivery.delivery_id());
  outcome->set_tenant(ticket.tenant);
  outcome->set_ticket_id(ticket.id);
  outcome->set_attempt(delivery.attempts());
  return outcome;
}

void Fill(const SendResult& result, state::v1::DeliveryOutcome& outcome) {
  const bool aborted = result.kind == SendResult::Kind::kAborted;
  outcome.set_ok(result.kind == SendResult::Kind::kTaken);
  outcome.set_permanent(result.kind == SendResult::Kind::kRefused);
  outcome.set_broken_off(aborted);
  outcome.set_maybe_taken((aborted || result.kind == SendResult::Kind::kTryAgain) &&
                          result.maybe_taken);
  outcome.set_result(aborted ? "broken off: the process stops"
                             : PrintableAscii(result.said, kResultMax));
}

}  // namespace

std::unique_ptr<SenderPool::Job> SenderPool::State::Choose(const SenderPool& pool,
                                                           absl::Time* expires) {
  auto chosen = hosts.end();
  for (auto host = hosts.begin(); host != hosts.end(); ++host) {
    if (host->second.waiting.empty()) continue;
    Job& first = host->second.waiting.front();
    *expires = std::min(*expires, first.claimed_at + kPatience);
    first.begin = !draining && pool.MayBegin(first);
    if (first.begin && pool.IsFull(host->second.under_way)) continue;
    if (chosen == hosts.end() || first.number < chosen->second.waiting.front().number) {
      chosen = host;
    }
  }
  if (chosen == hosts.end()) return nullptr;
  Host& host = chosen->second;
  auto job = std::make_unique<Job>(std::move(host.waiting.front()));
  host.waiting.pop_front();
  --waiting;
  ++under_way;
  if (job->begin) ++host.under_way;
  if (host.under_way == 0 && host.waiting.empty()) hosts.erase(chosen);
  return job;
}

SenderPool::SenderPool(Limits limits, Clock& clock,
                       std::function<std::unique_ptr<Transport>()> make, Submit submit)
    : limits_(std::move(limits)),
      clock_(clock),
      make_(std::move(make)),
      submit_(std::move(submit)),
      state_(std::make_shared<State>()) {
  threads_.reserve(static_cast<size_t>(limits_.threads));
  for (int i = 0; i < limits_.threads; ++i) threads_.emplace_back([this] { Work(); });
}

SenderPool::~SenderPool() {
  {
    MutexLock lock(state_->mu);
    state_->stop = true;
    state_->break_off = true;
    state_->work.NotifyAll();
    state_->settled.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void SenderPool::Add(engine::Effect effect) {
  Job job{std::move(effect.entity),
          std::static_pointer_cast<const v1::Delivery>(std::move(effect.payload)),
          std::move(effect.traceparent)};
  if (limits_.host != nullptr) job.host = limits_.host(*job.delivery);
  job.claimed_at = clock_.Now();
  job.claimed_steady = clock_.Steady();
  MutexLock lock(state_->mu);
  job.number = ++state_->added;
  ++state_->waiting;
  state_->hosts[job.host].waiting.push_back(std::move(job));
  state_->work.NotifyOne();
}

void SenderPool::StopBeginning() {
  MutexLock lock(state_->mu);
  state_->draining = true;
  state_->work.NotifyAll();
  state_->settled.NotifyAll();
}

bool SenderPool::AwaitIdle(absl::Time deadline) {
  State& state = *state_;
  while (true) {
    MutexLock lock(state.mu);
    if (state.waiting == 0 && state.under_way == 0 && state.unstored == 0) return true;
    if (clock_.Now() >= deadline) return false;
    clock_.WaitUntil(state.mu, state.settled, deadline);
  }
}

void SenderPool::BreakOff() {
  MutexLock lock(state_->mu);
  state_->break_off = true;
}

void SenderPool::Work() {
  const std::unique_ptr<Transport> transport = make_();
  State& state = *state_;
  while (const std::unique_ptr<Job> job = Take()) {
    Carry(*transport, *job);
    MutexLock lock(state.mu);
    --state.under_way;
    if (job->begin) {
      const auto host = state.hosts.find(job->host);
      if (--host->second.under_way == 0 && host->second.waiting.empty()) state.hosts.erase(host);
    }
    state.settled.NotifyAll();
  }
}

// By the later of two clocks: one may have been set back, the other stands still while a machine
// sleeps.
bool SenderPool::MayBegin(const Job& job) const {
  return clock_.Now() - job.claimed_at < kPatience &&
         clock_.Steady() - job.claimed_steady < kPatience;
}

bool SenderPool::IsFull(int under_way) const {
  return limits_.host != nullptr && limits_.per_host > 0 && under_way >= limits_.per_host;
}

std::unique_ptr<SenderPool::Job> SenderPool::Take() {
  State& state = *state_;
  while (true) {
    MutexLock lock(state.mu);
    if (state.stop) return nullptr;
    absl::Time expires = absl::InfiniteFuture();
    if (std::unique_ptr<Job> job = state.Choose(*this, &expires)) return job;
    if (expires == absl::InfiniteFuture()) {
      state.work.Wait(state.mu);
    } else {
      clock_.WaitUntil(state.mu, state.work, expires);
    }
  }
}

void SenderPool::Carry(Transport& transport, const Job& job) {
  const auto outcome = OutcomeOf(job.ticket, *job.delivery);
  if (job.begin) {
    const SendResult result = transport.Send(*job.delivery, state_->break_off);
    Fill(result, *outcome);
    MutexLock lock(state_->mu);
    // The engine is gone, or will not listen: the next start recovers the delivery.
    if (state_->stop && result.kind == SendResult::Kind::kAborted) return;
  } else {
    outcome->set_not_begun(true);
    outcome->set_result("not begun: the senders are busy or stopping");
  }
  telemetry::Log(telemetry::Level::kInfo, Verdict(*outcome),
                 {{"tenant", job.ticket.tenant},
                  {"ticket", job.ticket.id},
                  {"delivery", outcome->delivery_id()},
                  {"attempt", absl::StrCat(outcome->attempt())},
                  {"result", outcome->result()},
                  {"traceparent", job.traceparent}});
  engine::Input input;
  input.kind = engine::Input::Kind::kOutcome;
  input.identity = {job.ticket.tenant, "service:notifications", {}};
  input.traceparent = job.traceparent;
  input.message = outcome;
  Report(job, input);
}

void SenderPool::Report(const Job& job, const engine::Input& outcome) {
  while (true) {
    engine::Input input = outcome;
    input.done = [state = state_](const absl::StatusOr<engine::Reply>&) {
      MutexLock lock(state->mu);
      --state->unstored;
      state->settled.NotifyAll();
    };
    {
      MutexLock lock(state_->mu);
      ++state_->unstored;
    }
    const absl::Status status = submit_(std::move(input));
    if (status.ok()) return;
    MutexLock lock(state_->mu);
    --state_->unstored;
    if (!absl::IsUnavailable(status)) {
      telemetry::Log(telemetry::Level::kError, "outcome of a delivery was refused",
                     {{"ticket", job.ticket.id},
                      {"delivery", job.delivery->delivery_id()},
                      {"error", std::string(status.message())}});
      return;
    }
    // Storage is down or the engine stops. Stopping, the next start recovers the delivery.
    if (state_->stop || state_->draining) return;
    clock_.WaitUntil(state_->mu, state_->settled, clock_.Now() + kOfferAgain);
    if (state_->stop) return;
  }
}

}  // namespace watchbell::notifications
