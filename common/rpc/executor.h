// The threads on which handlers may block. The queue for new work is bounded: what does not fit is
// refused at once.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/base/mutex.h"

namespace watchbell::rpc {

// Thread-safe.
class Executor {
 public:
  Executor(int threads, size_t queue_limit);
  ~Executor();  // Stop()

  // New work. False, and nothing is kept, if as many as the limit already wait.
  bool TryPost(std::function<void()> work);
  // More of work that was let in before (a watch stream goes on); never refused. Bounded by the
  // number of streams, each of which has at most one piece waiting.
  void Post(std::function<void()> work);

  // Runs what waits, then ends the threads. Nothing may be posted afterwards.
  void Stop();

 private:
  void Run();
  std::function<void()> TakeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t queue_limit_;
  Mutex mu_;
  CondVar changed_;
  std::deque<std::function<void()>> fresh_ ABSL_GUARDED_BY(mu_);
  std::deque<std::function<void()>> continued_ ABSL_GUARDED_BY(mu_);
  bool fresh_next_ ABSL_GUARDED_BY(mu_) = true;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace watchbell::rpc
