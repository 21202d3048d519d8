// From the difference of two rows to commands: CaseMapper of servicenow_audit.h.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "services/watchbell/servicenow_audit.h"

namespace watchbell::cli {
namespace {

using tickets::v1::AttributeChanges;
using tickets::v1::ImportCommand;
using tickets::v1::STATE_CLOSED;
using tickets::v1::STATE_IN_PROGRESS;
using tickets::v1::STATE_NEW;
using tickets::v1::STATE_ON_HOLD;
using tickets::v1::STATE_RESOLVED;
using tickets::v1::Ticket;

// Appends the commands of one row, numbered, each with the row's time and author.
class Commands {
 public:
  Commands(const AuditRow& row, int number, absl::Time event_time, std::vector<MappedCommand>* out)
      : row_(row), number_(number), event_time_(event_time), out_(*out), begin_(out->size()) {}

  ImportCommand& Add(const char* kind) {
    const int step = static_cast<int>(out_.size() - begin_);
    ImportCommand& command = out_.emplace_back(MappedCommand{kind, {}}).command;
    command.set_external_id(row_.number);
    command.set_row(number_);
    command.set_step(step);
    *command.mutable_occurred_at() =
        ToProto(std::max(event_time_, FromProto(row_.facts.opened_at())));
    *command.mutable_source_recorded_at() = ToProto(event_time_);
    command.set_actor(row_.actor);
    return command;
  }
  AttributeChanges& Change(const char* kind) {
    return *Add(kind).mutable_update()->mutable_changes();
  }
  bool empty() const { return out_.size() == begin_; }

 private:
  const AuditRow& row_;
  const int number_;
  const absl::Time event_time_;
  std::vector<MappedCommand>& out_;
  const size_t begin_;
};

bool IsOpen(const AuditState& s) { return s.state != STATE_RESOLVED && s.state != STATE_CLOSED; }

void SetResolution(const AuditRow& row, tickets::v1::ImportResolve* resolve) {
  resolve->set_resolution_code(row.closed_code);
  resolve->set_resolver(row.resolver);
  resolve->set_caused_by(row.caused_by);
}

// False if no move leads from one state to the other.
bool AddMove(const AuditState& from, const AuditRow& row, Commands* out) {
  const AuditState& to = row.state;
  if (from == to) return true;
  if (to.state == STATE_RESOLVED) {
    if (from.state == STATE_CLOSED) return false;
    SetResolution(row, out->Add("Resolve").mutable_resolve());
  } else if (to.state == STATE_CLOSED) {
    if (from.state == STATE_RESOLVED) {
      out->Add("Close").mutable_close();
    } else {
      SetResolution(row, out->Add("Resolve+Close").mutable_resolve_and_close());
    }
  } else if (!IsOpen(from)) {
    tickets::v1::ImportReopen* reopen = out->Add("Reopen").mutable_reopen();
    reopen->set_target(to.state);
    reopen->set_hold_reason(to.hold_reason);
  } else if (to.state == STATE_ON_HOLD) {
    const bool held = from.state == STATE_ON_HOLD;
    out->Add(held ? "ChangeHoldReason" : "Hold").mutable_hold()->set_reason(to.hold_reason);
  } else if (to.state == STATE_IN_PROGRESS) {
    if (from.state == STATE_NEW) {
      out->Add("StartWork").mutable_start_work();
    } else {
      out->Add("Resume").mutable_resume();
    }
  } else {
    return false;  // back to New
  }
  return true;
}

void AddChanges(const Ticket& before, const Ticket& after, Commands* out) {
  if (before.group() != after.group()) {
    out->Add("AssignGroup").mutable_assign()->set_group(after.group());
  }
  if (before.assignee() != after.assignee()) {
    out->Add("AssignAgent").mutable_assign()->set_assignee(after.assignee());
  }
  if (before.impact() != after.impact() || before.urgency() != after.urgency()) {
    tickets::v1::ImportUpdate* update = out->Add("Reprioritise").mutable_update();
    update->mutable_changes()->set_impact(after.impact());
    update->mutable_changes()->set_urgency(after.urgency());
    update->set_priority(after.priority());
  }
  const auto &was = before.classification(), &is = after.classification();
  if (was.category() != is.category() || was.subcategory() != is.subcategory() ||
      was.symptom() != is.symptom()) {
    *out->Change("Reclassify").mutable_classification() = is;
  }
  if (before.site() != after.site()) out->Change("SetSite").set_site(after.site());
  if (before.requester() != after.requester())
    out->Change("SetCaller").set_requester(after.requester());
  if (before.links().problem() != after.links().problem()) {
    out->Change("LinkProblem").set_problem(after.links().problem());
  }
  if (before.links().change() != after.links().change()) {
    out->Change("LinkChange").set_change(after.links().change());
  }
  if (before.vendor() != after.vendor()) out->Change("SetVendor").set_vendor(after.vendor());
  if (before.config_item() != after.config_item()) {
    out->Change("SetConfigItem").set_config_item(after.config_item());
  }
  if (before.knowledge() != after.knowledge())
    out->Change("SetKnowledgeFlag").set_knowledge(after.knowledge());
  if (before.priority_confirmed() != after.priority_confirmed()) {
    out->Change("ConfirmPriority").set_priority_confirmed(after.priority_confirmed());
  }
}

}  // namespace

absl::Status CaseMapper::Add(const AuditRow& row, std::vector<MappedCommand>* out) {
  const size_t begin = out->size();
  const bool first = rows_ == 0;
  const absl::Time event_time = std::max(row.updated_at, event_time_);
  // The facts a row is judged by: opened_at of the case, whatever later rows say of it.
  AuditRow judged = row;
  if (!first) *judged.facts.mutable_opened_at() = last_.facts.opened_at();
  Commands commands(judged, rows_, event_time, out);
  AuditState from = last_.state;
  if (first) {
    ImportCommand& create = commands.Add("CreateTicket");
    *create.mutable_create()->mutable_ticket() = row.facts;
    create.mutable_create()->mutable_ticket()->clear_opened_at();
    *create.mutable_occurred_at() = row.facts.opened_at();
    from.state = STATE_NEW;
  }
  if (!AddMove(from, judged, &commands)) {
    out->resize(begin);
    return absl::InvalidArgumentError(
        absl::StrCat("a ticket cannot go from ", last_.state_text, " to ", row.state_text));
  }
  if (!first) AddChanges(last_.facts, judged.facts, &commands);
  if (commands.empty()) commands.Add("Touch").mutable_touch();
  if (!first && !IsOpen(from) && IsOpen(row.state)) ++reopenings_;
  if (!first && last_.facts.group() != row.facts.group()) ++group_changes_;
  last_ = std::move(judged);
  event_time_ = event_time;
  ++rows_;
  return absl::OkStatus();
}

}  // namespace watchbell::cli
