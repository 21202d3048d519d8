#include "common/runtime/head_watch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/deadline.h"

namespace watchbell::runtime {
namespace {

// How long a watch stream may not hear of another replica's commit.
constexpr absl::Duration kLookEvery = absl::Milliseconds(250);
// Without watch streams only health depends on it.
constexpr absl::Duration kIdleLookEvery = absl::Seconds(1);
// So long without an answer is no answer.
constexpr absl::Duration kPatience = absl::Seconds(2);

}  // namespace

HeadWatch::HeadWatch(const journal::Reader& reader, rpc::WatchHub& hub, Clock& clock)
    : reader_(reader), hub_(hub), clock_(clock), thread_([this] { Run(); }) {}

HeadWatch::~HeadWatch() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

absl::Status HeadWatch::Health() const {
  MutexLock lock(mu_);
  return health_;
}

void HeadWatch::Run() {
  absl::Duration looked = -absl::InfiniteDuration();
  for (;;) {
    if (hub_.Watched() || clock_.Steady() - looked >= kIdleLookEvery) {
      Look();
      looked = clock_.Steady();
    }
    MutexLock lock(mu_);
    if (!stopping_) clock_.WaitUntil(mu_, changed_, clock_.Now() + kLookEvery);
    if (stopping_) return;
  }
}

void HeadWatch::Look() {
  const ScopedDeadline deadline(clock_.Now() + kPatience);
  const absl::StatusOr<int64_t> head = reader_.Head();
  {
    MutexLock lock(mu_);
    health_ = absl::OkStatus();
    if (absl::IsDeadlineExceeded(head.status())) {
      health_ = absl::UnavailableError(
          absl::StrCat("storage did not answer within ", absl::FormatDuration(kPatience)));
    } else if (!head.ok()) {
      health_ = absl::UnavailableError(
          absl::StrCat("storage does not answer: ", head.status().message()));
    }
  }
  if (!head.ok()) return;
  if (head_ >= 0 && *head != head_) hub_.Notify();
  head_ = *head;
}

}  // namespace watchbell::runtime
