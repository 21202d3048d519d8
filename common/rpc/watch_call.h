// One watch stream.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "common/rpc/admission.h"

namespace watchbell::rpc {

// Turns a WatchSource into writes. At every moment at most one party works on the stream: a piece
// of work on the executor (Pump) or the write under way. That party owns `busy_` and with it the
// source and the buffers; wake-ups that come meanwhile are remembered in one flag. An idle stream
// costs memory, no thread.
class WatchCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                        public Watcher,
                        public std::enable_shared_from_this<WatchCall> {
 public:
  static grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(const Shared& shared,
                                                           const Method& method,
                                                           const grpc::CallbackServerContext& call,
                                                           const grpc::ByteBuffer& request);

  WatchCall(const Shared& shared, const Method& method) : shared_(shared), method_(method) {}

  void Tick(absl::Time now) override;
  void End(const absl::Status& status) override;

 private:
  absl::Status Open(const grpc::CallbackServerContext& call, const grpc::ByteBuffer& request);
  void Wake();

  // The owner of busy_ only.
  void Pump();
  void PumpOnce(bool* again);
  void WriteNext();
  void SayFarewell(const absl::Status& status);
  void FinishWith(const absl::Status& status);
  std::optional<absl::Status> Ending();

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  const Shared& shared_;
  const Method& method_;
  CallContext context_;
  MessagePtr request_;
  std::shared_ptr<void> hub_registration_;
  std::shared_ptr<WatchCall> self_;  // until OnDone

  // The owner's.
  std::unique_ptr<WatchSource> source_;
  std::deque<MessagePtr> pending_;
  grpc::ByteBuffer out_;  // lives until OnWriteDone
  bool first_ = true;
  bool farewell_ = false;
  bool cut_off_ = false;  // what the source gave was not all written
  absl::Status status_;

  Mutex mu_;
  bool busy_ ABSL_GUARDED_BY(mu_) = true;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool bookmark_due_ ABSL_GUARDED_BY(mu_) = false;
  absl::Time quiet_since_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::rpc
