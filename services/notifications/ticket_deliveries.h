// The deliveries of one ticket while one input is decided: a copy of the stored state, the moves an
// input can make, and in the end the decision. Pure; lives on the stack of Decide.
//
//   queued -> PENDING --send timer--> SENDING --taken--> SENT
//                ^                       | refused for good, or the last attempt failed --> FAILED
//                +---- pause, repeat ----+
//   PENDING --run withdrawn--> CANCELLED (what is SENDING then is not tried again)
//
// Two timers: "send/<id>" runs while PENDING, "claim/<id>" while SENDING. A send starts from its
// timer only, so that the gate of the engine covers it.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/engine/decision.h"
#include "common/engine/input.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/notifications/state/v1/state.pb.h"
#include "watchbell/notifications/v1/notifications.pb.h"

namespace watchbell::notifications {

class TicketDeliveries {
 public:
  // `stored` may be null: nothing yet. `input` must outlive this.
  TicketDeliveries(engine::EntityKey ticket, const state::v1::TicketDeliveries* stored,
                   const engine::Input& input);

  // A delivery per contact point; none for a page that was seen before. `contact` is null if the
  // person has none.
  void RequestPage(const events::v1::PageRequested& event, const v1::Contact* contact);
  // Withdraws what of the run is not sent, unless it ended exhausted.
  void EndRun(const escalation::v1::Run& run);
  // A timer of the ticket fired; ignored if it no longer applies.
  void Fire(absl::string_view timer_name, absl::Time due);
  void Answer(const state::v1::DeliveryOutcome& outcome);
  void Recover(const state::v1::RecoverDeliveries& recover);

  // What was decided; nothing if nothing changed.
  engine::Decision Finish() &&;

 private:
  v1::Delivery* Find(absl::string_view delivery_id);
  bool Seen(const std::string& page_id) const;
  bool Withdrawn(const std::string& run_id) const;
  void StartSend(v1::Delivery& delivery);
  // How a delivery goes round again.
  struct Again {
    absl::Duration pause;
    bool possible_repeat;  // the attempt that failed may have been taken
    bool tell = true;      // by an event
  };
  // Back to PENDING; CANCELLED if its run was withdrawn meanwhile.
  void TryAgain(v1::Delivery& delivery, const Again& again);
  // Same, or FAILED if that was the last attempt.
  void TryAgainOrGiveUp(v1::Delivery& delivery, const Again& again);
  // Into a state that stays.
  void Settle(v1::Delivery& delivery, v1::DeliveryState state);
  template <typename Event>
  void Tell(const v1::Delivery& delivery);

  const engine::EntityKey ticket_;
  const engine::Input& input_;
  const absl::Time occurred_at_;  // now, but never before the ticket's last event
  state::v1::TicketDeliveries state_;
  engine::Decision decision_;
  bool changed_ = false;
};

}  // namespace watchbell::notifications
