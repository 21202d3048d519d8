#include "common/base/deadline.h"

#include <algorithm>

namespace watchbell {
namespace {

thread_local absl::Time current = absl::InfiniteFuture();

}  // namespace

ScopedDeadline::ScopedDeadline(absl::Time deadline) : outer_(current) {
  current = std::min(current, deadline);
}

ScopedDeadline::~ScopedDeadline() { current = outer_; }

absl::Time CurrentDeadline() { return current; }

}  // namespace watchbell
