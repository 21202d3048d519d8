#include "services/notifications/sender_pool.h"

#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/telemetry/log.h"
#include "services/notifications/text.h"
#include "watchbell/notifications/state/v1/state.pb.h"

namespace watchbell::notifications {
namespace {

constexpr size_t kResultMax = 200;
constexpr absl::Duration kOfferAgain = absl::Milliseconds(200);
constexpr absl::Duration kDrainLimit = absl::Seconds(kSendLimitSeconds + 5);

absl::string_view Verdict(const state::v1::DeliveryOutcome& outcome) {
  if (outcome.ok()) return "delivery sent";
  if (outcome.not_begun()) return "delivery given back";
  return outcome.permanent() ? "delivery refused" : "delivery attempt failed";
}

}  // namespace

struct SenderPool::Job {
  engine::EntityKey ticket;
  std::shared_ptr<const v1::Delivery> delivery;
  std::string traceparent;
  absl::Time claimed_at;
  bool begin = true;  // false: give it back
};

struct SenderPool::State {
  Mutex mu;
  CondVar changed;
  std::deque<Job> queue ABSL_GUARDED_BY(mu);
  int under_way ABSL_GUARDED_BY(mu) = 0;  // jobs taken from the queue and not yet handed in
  int unstored ABSL_GUARDED_BY(mu) = 0;   // outcomes handed in and not yet stored
  bool draining ABSL_GUARDED_BY(mu) = false;
  std::atomic<bool> stop{false};  // written under mu
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
  outcome.set_ok(result.kind == SendResult::Kind::kTaken);
  outcome.set_permanent(result.kind == SendResult::Kind::kRefused);
  outcome.set_maybe_taken(result.kind == SendResult::Kind::kTryAgain && result.maybe_taken);
  outcome.set_result(PrintableAscii(result.said, kResultMax));
}

}  // namespace

SenderPool::SenderPool(int threads, Clock& clock, std::function<std::unique_ptr<Transport>()> make,
                       Submit submit)
    : clock_(clock),
      make_(std::move(make)),
      submit_(std::move(submit)),
      state_(std::make_shared<State>()) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

SenderPool::~SenderPool() {
  {
    MutexLock lock(state_->mu);
    state_->stop = true;
    state_->changed.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void SenderPool::Add(engine::Effect effect) {
  Job job{std::move(effect.entity),
          std::static_pointer_cast<const v1::Delivery>(std::move(effect.payload)),
          std::move(effect.traceparent), clock_.Now()};
  MutexLock lock(state_->mu);
  state_->queue.push_back(std::move(job));
  state_->changed.NotifyAll();
}

void SenderPool::Drain() {
  const absl::Time deadline = clock_.Now() + kDrainLimit;
  MutexLock lock(state_->mu);
  state_->draining = true;
  state_->changed.NotifyAll();
  while (!state_->queue.empty() || state_->under_way > 0 || state_->unstored > 0) {
    if (state_->stop || clock_.Now() >= deadline) return;
    clock_.WaitUntil(state_->mu, state_->changed, deadline);
  }
}

void SenderPool::Work() {
  const std::unique_ptr<Transport> transport = make_();
  State& state = *state_;
  while (true) {
    std::optional<Job> job;
    {
      MutexLock lock(state.mu);
      while (state.queue.empty() && !state.stop) state.changed.Wait(state.mu);
      if (state.stop) return;
      job = std::move(state.queue.front());
      state.queue.pop_front();
      ++state.under_way;
      job->begin = !state.draining && clock_.Now() - job->claimed_at < kPatience;
    }
    const auto outcome = OutcomeOf(job->ticket, *job->delivery);
    bool known = true;
    if (job->begin) {
      const SendResult result = transport->Send(*job->delivery, state.stop);
      known = result.kind != SendResult::Kind::kAborted;
      Fill(result, *outcome);
    } else {
      outcome->set_not_begun(true);
      outcome->set_result("not begun: the senders are busy or stopping");
    }
    if (known) {
      telemetry::Log(telemetry::Level::kInfo, Verdict(*outcome),
                     {{"tenant", job->ticket.tenant},
                      {"ticket", job->ticket.id},
                      {"delivery", outcome->delivery_id()},
                      {"attempt", absl::StrCat(outcome->attempt())},
                      {"result", outcome->result()},
                      {"traceparent", job->traceparent}});
      engine::Input input;
      input.kind = engine::Input::Kind::kOutcome;
      input.identity = {job->ticket.tenant, "service:notifications", {}};
      input.traceparent = job->traceparent;
      input.message = outcome;
      Report(*job, input);
    }
    MutexLock lock(state.mu);
    --state.under_way;
    state.changed.NotifyAll();
  }
}

void SenderPool::Report(const Job& job, const engine::Input& outcome) {
  while (true) {
    engine::Input input = outcome;
    input.done = [state = state_](const absl::StatusOr<engine::Reply>&) {
      MutexLock lock(state->mu);
      --state->unstored;
      state->changed.NotifyAll();
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
    clock_.WaitUntil(state_->mu, state_->changed, clock_.Now() + kOfferAgain);
    if (state_->stop) return;
  }
}

}  // namespace watchbell::notifications
