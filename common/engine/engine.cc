#include "common/engine/engine.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/engine/engine_impl.h"
#include "common/telemetry/log.h"

namespace watchbell::engine {

absl::Status StorageDown(const absl::Status& why) {
  return Unavailable("STORAGE_UNAVAILABLE", why.message(), absl::Seconds(1));
}

absl::Status Engine::Impl::Submit(std::vector<Item> items) {
  const bool commands =
      std::any_of(items.begin(), items.end(), [](const Item& i) { return i.IsCommand(); });
  {
    MutexLock lock(mu_);
    if (stopping_) return Unavailable("STOPPING", "the service is stopping", absl::Seconds(1));
    if (commands && !health_.ok()) return StorageDown(health_);
    // Not later: who stops answers what waits, once.
    RETURN_IF_ERROR(queue_.Push(std::move(items)));
  }
  Wake();
  return absl::OkStatus();
}

void Engine::Impl::SetHealth(absl::Status health) {
  MutexLock lock(mu_);
  health_ = std::move(health);
}

void Engine::Impl::ReportProducers(absl::Status status) {
  MutexLock lock(mu_);
  if (!status.ok() && producers_health_.ok()) {
    telemetry::Log(telemetry::Level::kWarning, "a producer cannot be read; it is tried again",
                   {{"service", options_.service}, {"error", std::string(status.message())}});
  }
  if (status.ok() && !producers_health_.ok()) {
    telemetry::Log(telemetry::Level::kInfo, "producers can be read again",
                   {{"service", options_.service}});
  }
  producers_health_ = std::move(status);
}

absl::Status Engine::Impl::HealthOf() const {
  MutexLock lock(mu_);
  return health_;
}

void Engine::Impl::Look() {
  MutexLock lock(mu_);
  look_ = woken_ = true;
  wake_.NotifyOne();
}

absl::Status Engine::Impl::Health() const {
  MutexLock lock(mu_);
  if (stopping_) return absl::UnavailableError("stopping");
  if (!health_.ok()) return health_;
  return shard_health_;
}

absl::Status Engine::Impl::ProducersHealth() const {
  MutexLock lock(mu_);
  return producers_health_;
}

void Engine::Impl::Wake() {
  MutexLock lock(mu_);
  woken_ = true;
  wake_.NotifyOne();
}

void Engine::Impl::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Engine::Impl::Loop() {
  while (true) {
    {
      MutexLock lock(mu_);
      if (stopping_) return;
      woken_ = false;
    }
    const Step step = RunOnce();
    if (step.more) continue;
    MutexLock lock(mu_);
    // Retries wait out their time; everything else may be woken.
    const bool retrying = !health_.ok();
    const absl::Time since = parts_.clock.Now();
    absl::Time now = since;  // a clock that went back ends the wait, too
    while (!stopping_ && (retrying || !woken_) && now >= since && now < step.next) {
      parts_.clock.WaitUntil(mu_, wake_, step.next);
      now = parts_.clock.Now();
    }
  }
}

void Engine::Impl::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  AnswerWaiting(Unavailable("STOPPING", "the service is stopping", absl::Seconds(1)));
}

Engine::Engine(Options options, Parts parts)
    : impl_(std::make_unique<Impl>(std::move(options), parts)) {}
Engine::~Engine() = default;

absl::Status Engine::Open() { return impl_->Open(); }

absl::Status Engine::Submit(Input input) {
  std::vector<Item> items(1);
  items[0].input = std::move(input);
  return impl_->Submit(std::move(items));
}

absl::Status Engine::SubmitAll(std::vector<Input> inputs) {
  std::vector<Item> items(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) items[i].input = std::move(inputs[i]);
  return impl_->Submit(std::move(items));
}

absl::Status Engine::ReleaseDeadLetter(const std::string& dead_letter_id, bool skip,
                                       std::function<void(absl::StatusOr<Reply>)> done) {
  std::vector<Item> items(1);
  items[0].kind = Item::Kind::kRelease;
  items[0].dead_letter_id = dead_letter_id;
  items[0].skip = skip;
  items[0].input.identity.subject = "operator";
  items[0].input.done = std::move(done);
  return impl_->Submit(std::move(items));
}

Step Engine::RunOnce() { return impl_->RunOnce(); }
void Engine::Start() { impl_->Start(); }
void Engine::Stop() { impl_->Stop(); }
void Engine::Wake() { impl_->Wake(); }
void Engine::Look() { impl_->Look(); }
absl::Status Engine::Health() const { return impl_->Health(); }
absl::Status Engine::ProducersHealth() const { return impl_->ProducersHealth(); }
size_t Engine::TimerCount() const { return impl_->TimerCount(); }

}  // namespace watchbell::engine
