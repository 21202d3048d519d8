// Until when the work of the calling thread is wanted: set where a call comes in, heeded where time
// is spent (statements of a database).
#pragma once

#include "absl/time/time.h"

namespace watchbell {

// Sets the deadline of the calling thread until destroyed. An outer one that comes earlier stays in
// force. Not to be passed to another thread.
class ScopedDeadline {
 public:
  explicit ScopedDeadline(absl::Time deadline);
  ~ScopedDeadline();
  ScopedDeadline(const ScopedDeadline&) = delete;
  ScopedDeadline& operator=(const ScopedDeadline&) = delete;

 private:
  const absl::Time outer_;
};

// The calling thread's deadline; InfiniteFuture if it has none.
absl::Time CurrentDeadline();

}  // namespace watchbell
