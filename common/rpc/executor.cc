#include "common/rpc/executor.h"

#include <algorithm>
#include <utility>

namespace watchbell::rpc {

Executor::Executor(int threads, size_t queue_limit) : queue_limit_(queue_limit) {
  for (int i = 0; i < std::max(threads, 1); ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

Executor::~Executor() { Stop(); }

bool Executor::TryPost(std::function<void()> work) {
  MutexLock lock(mu_);
  if (stopping_ || fresh_.size() >= queue_limit_) return false;
  fresh_.push_back(std::move(work));
  changed_.NotifyOne();
  return true;
}

void Executor::Post(std::function<void()> work) {
  MutexLock lock(mu_);
  continued_.push_back(std::move(work));
  changed_.NotifyOne();
}

void Executor::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::function<void()> Executor::TakeLocked() {
  // In turns, so that neither a flood of reads nor a crowd of watchers starves the other.
  const bool take_fresh = continued_.empty() || (fresh_next_ && !fresh_.empty());
  fresh_next_ = !take_fresh;
  std::deque<std::function<void()>>& queue = take_fresh ? fresh_ : continued_;
  std::function<void()> work = std::move(queue.front());
  queue.pop_front();
  return work;
}

void Executor::Run() {
  for (;;) {
    std::function<void()> work;
    {
      MutexLock lock(mu_);
      while (fresh_.empty() && continued_.empty() && !stopping_) changed_.Wait(mu_);
      if (fresh_.empty() && continued_.empty()) return;
      work = TakeLocked();
    }
    work();
  }
}

}  // namespace watchbell::rpc
