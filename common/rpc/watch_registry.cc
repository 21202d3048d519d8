#include "common/rpc/watch_registry.h"

#include <utility>
#include <vector>

#include "common/base/errors.h"

namespace watchbell::rpc {
namespace {

absl::Status Stopping() {
  return Unavailable("STOPPING", "the server is stopping: go on from the last resume token",
                     absl::Seconds(1));
}

}  // namespace

WatchRegistry::WatchRegistry(Clock& clock, size_t limit, absl::Duration tick_every)
    : clock_(clock), limit_(limit), tick_every_(tick_every), thread_([this] { Run(); }) {}

WatchRegistry::~WatchRegistry() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

absl::Status WatchRegistry::Add(std::shared_ptr<Watcher> watcher) {
  MutexLock lock(mu_);
  if (closed_) return Stopping();
  if (watchers_.size() >= limit_) {
    return Overloaded("too many watch streams are open", absl::Seconds(5));
  }
  const Watcher* key = watcher.get();
  watchers_.emplace(key, std::move(watcher));
  changed_.NotifyAll();
  return absl::OkStatus();
}

void WatchRegistry::Remove(const Watcher* watcher) {
  std::shared_ptr<Watcher> removed;  // let go of outside the lock
  MutexLock lock(mu_);
  if (const auto found = watchers_.find(watcher); found != watchers_.end()) {
    removed = std::move(found->second);
    watchers_.erase(found);
  }
}

void WatchRegistry::EndAll() {
  std::vector<std::shared_ptr<Watcher>> open;
  {
    MutexLock lock(mu_);
    closed_ = true;
    for (const auto& [key, watcher] : watchers_) open.push_back(watcher);
  }
  for (const auto& watcher : open) watcher->End(Stopping());
}

void WatchRegistry::Run() {
  for (;;) {
    std::vector<std::shared_ptr<Watcher>> open;
    {
      MutexLock lock(mu_);
      while (!stopping_ && watchers_.empty()) changed_.Wait(mu_);
      if (!stopping_) clock_.WaitUntil(mu_, changed_, clock_.Now() + tick_every_);
      if (stopping_) return;
      for (const auto& [key, watcher] : watchers_) open.push_back(watcher);
    }
    const absl::Time now = clock_.Now();
    for (const auto& watcher : open) watcher->Tick(now);
  }
}

}  // namespace watchbell::rpc
