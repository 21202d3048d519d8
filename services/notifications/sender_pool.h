// Threads that carry out claimed deliveries one at a time each and report what became of them. What
// is sent how is the Transport's; nothing here knows a network.
//
// A process that was frozen and goes on (a zombie) may hold claims that another replica has taken
// over meanwhile. Nothing can be undone that is on its way, and its outcome then counts only if it
// says "taken"; but a claim older than kPatience is never begun. What a zombie begins within it is
// the same delivery under the same id; the other replica's copy is marked as a possible repeat.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/engine/decision.h"
#include "common/engine/input.h"
#include "services/notifications/retry.h"
#include "watchbell/notifications/v1/notifications.pb.h"

namespace watchbell::notifications {

// Longest a transport may take over one delivery.
inline constexpr int kSendLimitSeconds = 20;
inline constexpr absl::Duration kSendLimit = absl::Seconds(kSendLimitSeconds);
// A delivery that waited longer than this for a free thread is not begun but given back: it must be
// over before its claim runs out, or two attempts could be under way at once.
inline constexpr int kPatienceSeconds = 35;
inline constexpr absl::Duration kPatience = absl::Seconds(kPatienceSeconds);
static_assert(kPatienceSeconds + kSendLimitSeconds < kClaimSeconds);

// What the other side made of a delivery.
struct SendResult {
  enum class Kind {
    kTaken,
    kTryAgain,
    kRefused,  // trying again cannot help
    kAborted,  // `stop` was set before anything was known
  };
  Kind kind = Kind::kTryAgain;
  std::string said;          // "250 2.0.0 queued", "HTTP 404", or what went wrong; any bytes
  bool maybe_taken = false;  // with kTryAgain and kAborted: all of it went out before
};

// One thread's way to the other side.
class Transport {
 public:
  virtual ~Transport() = default;
  // Blocks until there is a result, kSendLimit at most; returns soon after `stop` is set.
  virtual SendResult Send(const v1::Delivery& delivery, const std::atomic<bool>& stop) = 0;
};

class SenderPool {
 public:
  struct Limits {
    int threads = 1;  // deliveries under way at once
    // Of those, how many at once to the same host, as `host` names it; 0 or no `host`: any number.
    // A host that does not answer holds so many threads and no more.
    int per_host = 0;
    std::function<std::string(const v1::Delivery&)> host;
  };
  using Submit = std::function<absl::Status(engine::Input)>;

  // Each thread has a transport of its own from `make`. `submit` takes a DeliveryOutcome as an
  // input of kind kOutcome; while it answers UNAVAILABLE the outcome is kept and offered again.
  // `clock` outlives the pool.
  SenderPool(Limits limits, Clock& clock, std::function<std::unique_ptr<Transport>()> make,
             Submit submit);
  // Aborts what is under way without reporting it and joins the threads.
  ~SenderPool();
  SenderPool(const SenderPool&) = delete;
  SenderPool& operator=(const SenderPool&) = delete;

  // An effect whose payload is a claimed Delivery. Never blocks; any thread. The queue holds what
  // is claimed and not yet begun, so the claims bound it.
  void Add(engine::Effect effect);

  // The three steps of a stop, in this order; any thread.
  // Nothing is begun any more: what waits, and what is added later, is given back.
  void StopBeginning();
  // Waits until nothing is under way and every outcome is stored; false if `deadline` came first.
  bool AwaitIdle(absl::Time deadline);
  // Breaks off what is under way; it is reported as broken off and tried again later.
  void BreakOff();

 private:
  struct Job;
  struct State;

  void Work();
  // Nothing: the pool ends.
  std::unique_ptr<Job> Take();
  bool MayBegin(const Job& job) const;
  bool IsFull(int under_way) const;  // with so many under way to a host
  void Carry(Transport& transport, const Job& job);
  void Report(const Job& job, const engine::Input& outcome);

  const Limits limits_;
  Clock& clock_;
  const std::function<std::unique_ptr<Transport>()> make_;
  const Submit submit_;
  const std::shared_ptr<State> state_;  // shared with callbacks that may outlive the pool
  std::vector<std::thread> threads_;
};

}  // namespace watchbell::notifications
