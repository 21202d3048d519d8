// Stands between an engine and the runner of its effects: counts them, and shuts at the stop.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/engine/decider.h"

namespace watchbell::runtime {

// Thread-safe.
class EffectGate final : public engine::EffectRunner {
 public:
  EffectGate(std::unique_ptr<engine::EffectRunner> runner, std::function<void(size_t)> count)
      : runner_(std::move(runner)), count_(std::move(count)) {}

  void Run(std::vector<engine::Effect> effects) override {
    MutexLock lock(mu_);
    // What comes after Close stays in the database as claimed, and is found at the next start.
    if (runner_ == nullptr) return;
    if (!draining_) count_(effects.size());
    runner_->Run(std::move(effects));
  }

  // What is under way is finished and its outcome submitted, nothing new begins: what the engine
  // claims from now on is given back by the runner. Called once, before Close, while the engine
  // still takes outcomes.
  void Drain() override {
    engine::EffectRunner* runner = nullptr;
    {
      MutexLock lock(mu_);
      draining_ = true;
      runner = runner_.get();
    }
    if (runner != nullptr) runner->Drain();
  }

  // Ends the runner. Called when the engine has stopped.
  void Close() {
    std::unique_ptr<engine::EffectRunner> ended;
    {
      MutexLock lock(mu_);
      ended = std::move(runner_);
    }
  }

 private:
  Mutex mu_;
  std::unique_ptr<engine::EffectRunner> runner_ ABSL_GUARDED_BY(mu_);
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  const std::function<void(size_t)> count_;
};

}  // namespace watchbell::runtime
