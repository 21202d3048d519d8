// Looks at the head of a service's journal: wakes its watch streams when another replica committed,
// and knows whether storage answers at all.
#pragma once

#include <thread>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/clock/clock.h"
#include "common/journal/journal.h"
#include "common/rpc/service.h"

namespace watchbell::runtime {

// Thread-safe. All of it outlives the watch.
class HeadWatch {
 public:
  HeadWatch(const journal::Reader& reader, rpc::WatchHub& hub, Clock& clock);
  ~HeadWatch();  // ends its thread

  // OK, or what the last look met with.
  absl::Status Health() const;

 private:
  void Run();
  void Look();

  const journal::Reader& reader_;
  rpc::WatchHub& hub_;
  Clock& clock_;
  int64_t head_ = -1;  // the thread's
  mutable Mutex mu_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status health_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;  // last: it uses the others
};

}  // namespace watchbell::runtime
