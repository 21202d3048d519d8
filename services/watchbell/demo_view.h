// What the demo sees of one ticket, by rpcs only: each look prints what is new, one line an event.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "services/watchbell/demo_mail_sink.h"
#include "services/watchbell/demo_webhook_sink.h"
#include "services/watchbell/terminal.h"
#include "watchbell/escalation/v1/escalation.pb.h"
#include "watchbell/notifications/v1/notifications.pb.h"
#include "watchbell/sla/v1/sla.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::cli {

// Mails and webhooks arrive on any thread; the rest is for one thread.
class DemoView {
 public:
  DemoView(rpc::Client& client, Clock& clock, Screen& screen);

  void Arrived(const SinkMail& mail);
  void Arrived(const SinkHook& hook);

  // Lines are dated from here.
  void Begin();
  // One line by hand.
  void Say(Colour colour, absl::string_view who, absl::string_view what);

  // tickets/<id>, from now on.
  void Follow(const std::string& ticket) { ticket_ = ticket; }
  // Asks every service and prints what is new.
  absl::Status Look();

  // As of the last look.
  bool Happened(const std::string& event_type) const { return types_.count(event_type) > 0; }
  // The clock of this name, in its latest cycle; without an id if there is none yet.
  const sla::v1::Clock& clock_of(const std::string& name) { return clocks_[name]; }
  const escalation::v1::Run& run() const { return run_; }
  // Deliveries the other side took, to anybody or to one person.
  int sent(const std::string& person = "") const;
  // Mails and webhooks that arrived; webhooks with a wrong signature.
  int mails() const { return mails_; }
  int hooks() const { return hooks_; }
  int bad_signatures() const { return bad_signatures_; }

 private:
  absl::Status LookAtTicket();
  absl::Status LookAtClocks();
  absl::Status LookAtRuns();
  absl::Status LookAtDeliveries();
  void ShowTicketEvent(const tickets::v1::HistoryEntry& entry, const tickets::v1::Ticket& ticket);
  void ShowClock(const sla::v1::Clock& before, const sla::v1::Clock& now);
  void ShowRun(const escalation::v1::Run& before, const escalation::v1::Run& now);
  void ShowArrivals();
  absl::Status Ask(const std::string& method, const google::protobuf::Message& request,
                   google::protobuf::Message* response);

  rpc::Client& client_;
  Clock& clock_;
  Screen& screen_;
  absl::Time began_;
  std::string ticket_;
  int64_t version_ = 0;
  std::set<std::string> types_;
  std::map<std::string, sla::v1::Clock> clocks_;  // by name, the latest cycle of each
  escalation::v1::Run run_;
  std::vector<notifications::v1::Delivery> deliveries_;
  int mails_ = 0;
  int hooks_ = 0;
  int bad_signatures_ = 0;
  Mutex mu_;
  std::vector<SinkMail> new_mails_ ABSL_GUARDED_BY(mu_);
  std::vector<SinkHook> new_hooks_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::cli
