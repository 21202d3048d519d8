#include "common/rpc/watch_call.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/deadline.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/rpc/status.h"

namespace watchbell::rpc {
namespace {

constexpr int kChunk = 64;  // messages fetched at once
// How long one look may occupy a thread that others wait for.
constexpr absl::Duration kLook = absl::Seconds(10);

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchCall::Start(
    const Shared& shared, const Method& method, const grpc::CallbackServerContext& call,
    const grpc::ByteBuffer& request) {
  auto watch = std::make_shared<WatchCall>(shared, method);
  watch->self_ = watch;
  if (absl::Status opened = watch->Open(call, request); !opened.ok()) watch->FinishWith(opened);
  return watch.get();
}

absl::Status WatchCall::Open(const grpc::CallbackServerContext& call,
                             const grpc::ByteBuffer& request) {
  RETURN_IF_ERROR(Admit(shared_, call, method_, request, &context_, &request_));
  RETURN_IF_ERROR(shared_.watches.Add(shared_from_this()));
  // Before the first look, so that nothing committed after it goes unnoticed.
  hub_registration_ = method_.hub->Register([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Wake();
  });
  if (!shared_.executor.TryPost([self = shared_from_this()] { self->Pump(); })) {
    return Overloaded("too many reads wait already", absl::Seconds(1));
  }
  return absl::OkStatus();
}

void WatchCall::Wake() {
  {
    MutexLock lock(mu_);
    woken_ = true;
    if (busy_) return;
    busy_ = true;
  }
  shared_.executor.Post([self = shared_from_this()] { self->Pump(); });
}

void WatchCall::Tick(absl::Time now) {
  {
    MutexLock lock(mu_);
    if (busy_ || now - quiet_since_ < shared_.options.bookmark_every) return;
    bookmark_due_ = true;
  }
  Wake();
}

void WatchCall::End(const absl::Status& status) {
  {
    MutexLock lock(mu_);
    if (!ending_.has_value()) ending_ = status;
  }
  Wake();  // once finished the stream stays busy, and nothing happens
}

std::optional<absl::Status> WatchCall::Ending() {
  MutexLock lock(mu_);
  return ending_;
}

void WatchCall::Pump() {
  const ScopedDeadline deadline(std::min(context_.deadline, shared_.clock.Now() + kLook));
  if (const auto ending = Ending(); ending.has_value()) return SayFarewell(*ending);
  if (source_ == nullptr) {
    auto source = method_.watch(context_, *request_);
    if (!source.ok()) return FinishWith(source.status());
    source_ = *std::move(source);
  }
  bool again = true;
  while (again) PumpOnce(&again);
}

void WatchCall::PumpOnce(bool* again) {
  *again = false;
  bool bookmark = first_;
  {
    MutexLock lock(mu_);
    woken_ = false;
    bookmark = bookmark || bookmark_due_;
    bookmark_due_ = false;
  }
  absl::StatusOr<std::vector<MessagePtr>> next = source_->Next(kChunk);
  if (!next.ok()) return FinishWith(next.status());
  if (next->empty() && bookmark) next->push_back(source_->Bookmark());
  first_ = false;
  if (!next->empty()) {
    pending_.assign(next->begin(), next->end());
    return WriteNext();
  }
  std::optional<absl::Status> ending;
  {
    MutexLock lock(mu_);
    ending = ending_;
    if (!ending.has_value()) {
      *again = woken_;
      busy_ = woken_;
    }
  }
  if (ending.has_value()) SayFarewell(*ending);
}

void WatchCall::WriteNext() {
  {
    MutexLock lock(mu_);
    quiet_since_ = shared_.clock.Now();
  }
  out_ = ToBuffer(pending_.front()->SerializeAsString());
  pending_.pop_front();
  StartWrite(&out_);
}

void WatchCall::SayFarewell(const absl::Status& status) {
  // A stream that ends because the server stops gets its newest resume token; others have no reader
  // any more. One that was cut off in a chunk has it with its last message: the source is farther.
  if (status.code() != absl::StatusCode::kUnavailable || source_ == nullptr || cut_off_)
    return FinishWith(status);
  farewell_ = true;
  status_ = status;
  pending_.assign(1, source_->Bookmark());
  WriteNext();
}

void WatchCall::FinishWith(const absl::Status& status) {
  status_ = status;
  Finish(
      ToGrpc(Disclosed(status)));  // busy_ stays true: nothing happens to the stream from here on
}

void WatchCall::OnWriteDone(bool ok) {
  if (!ok) return FinishWith(Ending().value_or(absl::CancelledError("the caller is gone")));
  if (farewell_) return FinishWith(status_);
  if (!pending_.empty() && !Ending().has_value()) return WriteNext();
  cut_off_ = !pending_.empty();
  pending_.clear();
  shared_.executor.Post([self = shared_from_this()] { self->Pump(); });
}

void WatchCall::OnCancel() { End(absl::CancelledError("the caller is gone")); }

void WatchCall::OnDone() {
  hub_registration_.reset();
  shared_.watches.Remove(this);
  Report(shared_, method_, context_, status_);
  shared_.calls.Ended();
  self_.reset();
}

}  // namespace watchbell::rpc
