// The life of a ticket's escalation runs, as a pure machine over the stored state.
//
// - A cause ("opened", or a clock's leg that warned or breached) starts a run of the policy of the
// ticket's group if the
//   policy's trigger takes it; while a run is on, further causes join it. The run keeps the policy
//   it started with.
// - A cause that comes before the group, or before the ticket events it was decided on, waits for
// them. A cause that
//   finds a group without a policy for it is dropped.
// - Steps start only from the timer "step" (Step below), never here and now, so that the engine's
// gate covers the first
//   one too: who acknowledged while we were away is not paged.
// - Acknowledgement ends the run. First response and "opened" causes are moot once a person has
// responded; a resolution
//   cause starts a run whatever was acknowledged before it.
//
// One machine serves one input: make it, tell it what happened, take the outcome. The state is
// changed in place.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "watchbell/escalation/state/v1/state.pb.h"
#include "watchbell/escalation/v1/escalation.pb.h"
#include "watchbell/events/v1/escalation.pb.h"

namespace watchbell::escalation {

// A timer that fires later than this after its due time is late: its step counts from when it
// really starts.
inline constexpr absl::Duration kOnTime = absl::Seconds(1);
inline constexpr char kOpenedCause[] = "opened";

using RunEvent =
    std::variant<events::v1::RunStarted, events::v1::RunCausesChanged, events::v1::StepStarted,
                 events::v1::PageRequested, events::v1::RunEnded>;

struct DatedRunEvent {
  RunEvent event;
  absl::Time occurred_at;
};

// What is to be done with the timer "step".
struct TimerMove {
  std::optional<absl::Time> due;  // none = disarm
};

struct Outcome {
  std::vector<DatedRunEvent> events;  // in order
  std::optional<TimerMove> timer;     // none = leave it
  std::vector<v1::Run> ended;         // runs that are over now
};

class RunMachine {
 public:
  // `at`: when the input happened; never before state.last_at(). `now`: when it is handled. Both
  // references must outlive the machine.
  RunMachine(state::v1::TicketState& state, const v1::EscalationSetup& setup, absl::Time at,
             absl::Time now);

  // New causes; also those that waited, if what they waited for may have come.
  void Take(std::vector<state::v1::Cause> causes);
  void Release();
  // A breach that never was: its cause goes, and the run with its last cause.
  void Withdraw(const std::string& cause_id);
  // A person took the ticket: nobody needs to be paged for what caused it so far.
  void Acknowledge();
  // A person answered the requester: first response and "opened" causes are moot.
  void Respond();
  // Resolved or closed.
  void Finish();
  // The ticket's group is another one now.
  void Regroup();
  // The timer that was due then has fired. Nothing happens unless the run waits for just that.
  void Step(absl::Time due);

  Outcome TakeOutcome() { return std::move(outcome_); }

 private:
  bool Waits(const state::v1::Cause& cause) const;
  bool Moot(const state::v1::Cause& cause) const;
  void Start(const v1::EscalationPolicy& policy, const std::vector<state::v1::Cause>& causes);
  void Join(const std::vector<state::v1::Cause>& causes);
  // Keeps the causes of the run for which `keep` holds; ends it with `end` if none is left.
  template <typename Keep>
  void Retain(Keep keep, v1::RunEnd end);
  void End(v1::RunEnd end, absl::Time ended_at);
  void StartStep(absl::Time due, absl::Time start);
  void Exhaust(absl::Time start);
  void Page(const std::string& person, const std::string& reason, int step, absl::Time start);
  void ListCauses();
  template <typename Event>
  void EmitRun(absl::Time occurred_at);
  void Emit(RunEvent event, absl::Time occurred_at);

  bool open() const;
  v1::Run& run() { return *state_.mutable_active()->mutable_run(); }

  state::v1::TicketState& state_;
  const v1::EscalationSetup& setup_;
  const absl::Time at_;
  const absl::Time now_;
  Outcome outcome_;
};

}  // namespace watchbell::escalation
