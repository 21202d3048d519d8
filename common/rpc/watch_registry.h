// The open watch streams of a server: their number is bounded, quiet ones are told so, all of them
// end at the drain.
#pragma once

#include <map>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/clock/clock.h"

namespace watchbell::rpc {

class Watcher {
 public:
  virtual ~Watcher() = default;
  // Called every now and then; must not block.
  virtual void Tick(absl::Time now) = 0;
  // Ends the stream with this status; must not block.
  virtual void End(const absl::Status& status) = 0;
};

// Thread-safe. Has a thread of its own.
class WatchRegistry {
 public:
  WatchRegistry(Clock& clock, size_t limit, absl::Duration tick_every);
  ~WatchRegistry();

  // RESOURCE_EXHAUSTED when there are too many, UNAVAILABLE after EndAll.
  absl::Status Add(std::shared_ptr<Watcher> watcher);
  void Remove(const Watcher* watcher);
  void EndAll();

 private:
  void Run();

  Clock& clock_;
  const size_t limit_;
  const absl::Duration tick_every_;
  Mutex mu_;
  CondVar changed_;
  std::map<const Watcher*, std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace watchbell::rpc
