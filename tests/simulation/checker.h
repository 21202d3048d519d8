// What must hold whatever happens: checked after each step of an engine for what is new, and in
// full at rest.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/analytics/ticket_facts.h"
#include "tests/support/world.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::test {

class Checker {
 public:
  // `sla_setup`: the commands sla was set up with, to hear histories again under the same policy.
  Checker(World& world, std::vector<std::shared_ptr<const google::protobuf::Message>> sla_setup)
      : world_(world), sla_setup_(std::move(sla_setup)) {}

  // After a step. Empty, or the first invariant that does not hold, in words.
  std::string CheckStep();

  // When nothing is left to do and no fault is injected any more.
  std::string CheckAtRest();

  // A command was answered with success and this version of this ticket: it must be there.
  std::string CheckAcknowledged(const std::string& ticket_id, int64_t version);

  // Tickets seen so far.
  std::vector<std::string> TicketIds() const;

  // How often sla announced what of which clock: "network ClockWarned" -> 3.
  const std::map<std::string, int>& announced() const { return announced_; }

 private:
  using StreamKey = std::tuple<std::string, std::string, std::string>;  // service, aggregate, id
  using PositionKey = std::pair<std::string, std::string>;              // topic, stream id

  std::string ReadJournals();
  std::string TakeRow(const std::string& service, const journal::JournalRow& row);
  std::string CheckEntities();
  std::string TakeSla(const journal::JournalRow& row);
  std::string TakeEscalation(const journal::JournalRow& row);
  std::string TakeNotification(const journal::JournalRow& row);
  std::string CheckSends();
  std::string CheckProjections();
  std::map<PositionKey, int64_t> Positions(const std::string& service) const;
  std::string CheckEverythingApplied() const;
  // In clock_checks.cc.
  std::string CheckClocks() const;
  absl::StatusOr<sla::state::v1::TicketClocks> CountAgain(const std::string& ticket_id) const;
  std::string CheckTold(const sla::state::v1::TicketClocks& ticket) const;
  std::string CheckDeliveries() const;

  World& world_;
  const std::vector<std::shared_ptr<const google::protobuf::Message>> sla_setup_;
  std::map<std::string, int64_t> read_to_;
  std::map<StreamKey, std::vector<journal::JournalRow>> streams_;
  std::set<StreamKey> touched_;                                   // in this step
  std::map<std::pair<std::string, int>, int> standing_breaches_;  // clock, leg
  std::map<std::string, int> announced_;
  std::map<std::string, int64_t> applied_at_start_;  // run -> ticket version
  std::set<std::string> ended_runs_;
  std::map<PositionKey, int64_t> escalation_positions_;
  std::set<std::string> cancelled_before_, cancelled_now_;  // deliveries
  size_t sends_seen_ = 0;
  std::map<std::string, analytics::TicketFacts> facts_;
  std::map<PositionKey, int64_t> analytics_positions_;
};

}  // namespace watchbell::test
