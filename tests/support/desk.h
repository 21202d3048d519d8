// A service desk in domain words, over World: what stories are written in.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/world.h"
#include "watchbell/sla/v1/sla.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::test {

inline constexpr auto P1 = tickets::v1::PRIORITY_CRITICAL;
inline constexpr auto P2 = tickets::v1::PRIORITY_HIGH;
inline constexpr auto P3 = tickets::v1::PRIORITY_MODERATE;
inline constexpr auto kFirstResponse = sla::v1::METRIC_FIRST_RESPONSE;
inline constexpr auto kResolution = sla::v1::METRIC_RESOLUTION;

// Times are texts "YYYY-MM-DD HH:MM[:SS]" in UTC, as a reader of the story would write them.
class Desk {
 public:
  explicit Desk(const std::string& opens_at = "2026-01-01 00:00");

  // Monday to Friday, the calendar of every promise made after this.
  Desk& Hours(const std::string& from, const std::string& to, const std::string& zone = "UTC");
  Desk& Promise(tickets::v1::Priority priority, sla::v1::Metric metric, absl::Duration within,
                std::vector<int> warn_percent = {},
                std::vector<tickets::v1::HoldReason> pause_on = {});
  // Any promise; one without a calendar of its own counts by the desk's hours.
  Desk& Promise(sla::v1::Target target);
  // A team whose breaches page one person after another, `delay` apart. Everybody has a mail
  // address.
  Desk& Team(const std::string& team, const std::vector<std::string>& people, absl::Duration delay);

  // Lets time pass to this instant, everything due before it done.
  Desk& At(const std::string& time);

  // What people do, now.
  std::string Open(tickets::v1::Priority priority, const std::string& group = "");
  void Acknowledge(const std::string& ticket, const std::string& who);
  void StartWork(const std::string& ticket);
  void Hold(const std::string& ticket, tickets::v1::HoldReason reason);
  void Resume(const std::string& ticket);
  void Resolve(const std::string& ticket);
  void Reopen(const std::string& ticket);
  // A public comment, by somebody of the desk or by the requester.
  void Reply(const std::string& ticket);
  void Ask(const std::string& ticket);
  void Reprioritize(const std::string& ticket, tickets::v1::Impact impact,
                    tickets::v1::Urgency urgency);

  // What became of it. Times as texts.
  std::vector<std::string> Breaches(const std::string& ticket) const;
  std::vector<std::string> Warnings(const std::string& ticket) const;
  std::vector<std::string> PagedPeople(const std::string& ticket) const;
  std::vector<std::string> Mailed(const std::string& ticket) const;
  // Names of a ticket's events about clocks, with their times: "2026-01-05 09:00 paused".
  std::vector<std::string> Told(const std::string& ticket) const;
  // Verdict of the clock as it stands: "running", "paused", "met", "missed", "cancelled"; "none"
  // without a clock.
  std::string Verdict(const std::string& ticket, sla::v1::Metric metric);

  World& world() { return world_; }

 private:
  void PutPolicy();
  void Comment(const std::string& ticket);

  World world_;
  sla::v1::Calendar calendar_;
  sla::v1::PolicySet policy_;
};

absl::Time ParseStoryTime(const std::string& text);
std::string FormatStoryTime(absl::Time time);

}  // namespace watchbell::test
