#include "services/sla/clocks/ticket_change.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/errors.h"
#include "common/base/shorten.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/field_mask_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/sla/clocks/draft_ticket.h"
#include "services/sla/clocks/ticket_events.h"

namespace watchbell::sla {
namespace {

namespace ev = events::v1;
using google::protobuf::util::FieldMaskUtil;
using google::protobuf::util::MessageDifferencer;
using state::v1::TicketInput;
using tickets::v1::State;
using tickets::v1::Ticket;

// Which event tells of a field's change.
enum class Teller { kPriority, kClassification, kAttribute, kAssignment, kMove };

struct Path {
  const char* name;
  Teller teller;
};

constexpr Path kPaths[] = {
    {"state", Teller::kMove},
    {"hold_reason", Teller::kMove},
    {"priority", Teller::kPriority},
    {"impact", Teller::kPriority},
    {"urgency", Teller::kPriority},
    {"type", Teller::kAttribute},
    {"channel", Teller::kAttribute},
    {"site", Teller::kAttribute},
    {"config_item", Teller::kAttribute},
    {"group", Teller::kAssignment},
    {"assignee", Teller::kAssignment},
    {"vendor", Teller::kAttribute},
    {"requester", Teller::kAttribute},
    {"service", Teller::kAttribute},
    {"vip", Teller::kAttribute},
    {"tags", Teller::kAttribute},
    {"due_at", Teller::kAttribute},
    {"requester_time_zone", Teller::kAttribute},
    {"classification", Teller::kClassification},
    {"classification.category", Teller::kClassification},
    {"classification.subcategory", Teller::kClassification},
    {"classification.symptom", Teller::kClassification},
};

const Path* FindPath(const std::string& name) {
  const auto* found = std::find_if(std::begin(kPaths), std::end(kPaths),
                                   [&](const Path& path) { return name == path.name; });
  return found == std::end(kPaths) ? nullptr : found;
}

void Take(const Ticket& from, const std::string& path, Ticket& to) {
  google::protobuf::FieldMask mask;
  mask.add_paths(path);
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(from, mask, options, &to);
}

bool IsFinal(State state) {
  return state == tickets::v1::STATE_RESOLVED || state == tickets::v1::STATE_CLOSED;
}

// Tells a ticket's changes one after the other.
class Telling {
 public:
  Telling(const Ticket& ticket, const TicketInput& first) : ticket_(ticket), next_(first) {}

  const Ticket& ticket() const { return ticket_; }
  std::vector<TicketInput> Take() { return std::move(inputs_); }

  template <typename Event>
  void Tell(Event event, const Ticket& after) {
    *event.mutable_ticket() = after;
    TicketInput input = InputOf(&ticket_, *ReadTicketEvent(event), next_.at(), next_.sequence());
    ticket_ = after;
    if (!Matters(input)) return;
    next_.set_sequence(next_.sequence() + 1);
    inputs_.push_back(std::move(input));
  }

  template <typename Event>
  void TellIfChanged(const Ticket& after) {
    if (!MessageDifferencer::Equals(ticket_, after)) Tell(Event(), after);
  }

  // False if no event tells of this move.
  bool Move(const Ticket& after) {
    const State from = ticket_.state();
    const State to = after.state();
    if (from == to) {
      TellIfChanged<ev::TicketHoldReasonChanged>(after);
    } else if (to == tickets::v1::STATE_RESOLVED && !IsFinal(from)) {
      ByAgent<ev::TicketResolved>(after);
    } else if (to == tickets::v1::STATE_CLOSED) {
      ev::TicketClosed closed;
      closed.set_previous_state(from);
      closed.set_actor_kind(ev::ACTOR_KIND_AGENT);
      Tell(std::move(closed), after);
    } else if (IsFinal(from) && !IsFinal(to)) {
      Tell(ev::TicketReopened(), after);
    } else if (to == tickets::v1::STATE_ON_HOLD) {
      ByAgent<ev::TicketHeld>(after);
    } else if (from == tickets::v1::STATE_ON_HOLD && to == tickets::v1::STATE_IN_PROGRESS) {
      Tell(ev::TicketResumed(), after);
    } else if (from == tickets::v1::STATE_NEW && to == tickets::v1::STATE_IN_PROGRESS) {
      ByAgent<ev::TicketWorkStarted>(after);
    } else {
      return false;
    }
    return true;
  }

 private:
  template <typename Event>
  void ByAgent(const Ticket& after) {
    Event event;
    event.set_actor_kind(ev::ACTOR_KIND_AGENT);
    Tell(std::move(event), after);
  }

  Ticket ticket_;
  TicketInput next_;
  std::vector<TicketInput> inputs_;
};

// Whether the mask names the field of this path, or a part of it.
bool IsNamed(const std::string& field, const v1::PreviewChangeRequest& request) {
  const auto& mask = request.update_mask();
  return std::any_of(mask.begin(), mask.end(), [&](const std::string& path) {
    const std::string full = absl::StrCat("change.", path);
    return absl::StartsWith(field, full) || (path == "state" && field == "change.hold_reason");
  });
}

absl::Status Check(const Ticket& after, const v1::PreviewChangeRequest& request) {
  // What the ticket was before the change is not the change's fault.
  std::vector<FieldViolation> faults;
  for (FieldViolation& fault : TicketFaults(after, "change")) {
    if (IsNamed(fault.field, request)) faults.push_back(std::move(fault));
  }
  const auto require = [&](const char* field, int value) {
    const std::string path = absl::StrCat("change.", field);
    if (value == 0 && IsNamed(path, request)) faults.push_back({path, "every ticket has one"});
  };
  require("priority", after.priority());
  require("impact", after.impact());
  require("urgency", after.urgency());
  return faults.empty() ? absl::OkStatus() : InvalidFields(std::move(faults));
}

absl::Status CheckMask(const v1::PreviewChangeRequest& request) {
  std::vector<FieldViolation> faults;
  for (int i = 0; i < request.update_mask_size(); ++i) {
    const std::string& path = request.update_mask(i);
    if (FindPath(path) != nullptr) continue;
    faults.push_back({absl::StrCat("update_mask[", i, "]"),
                      absl::StrCat("\"", Shorten(path, 100), "\" cannot be previewed")});
  }
  if (request.update_mask().empty() && !request.reply()) {
    faults.push_back({"update_mask", "names nothing that changes, and there is no reply"});
  }
  return faults.empty() ? absl::OkStatus() : InvalidFields(std::move(faults));
}

// Told by one event, unless `after` is as before.
void Tell(Teller teller, const Ticket& after, Telling& telling) {
  switch (teller) {
    case Teller::kPriority:
      return telling.TellIfChanged<ev::TicketReprioritized>(after);
    case Teller::kClassification:
      return telling.TellIfChanged<ev::TicketReclassified>(after);
    case Teller::kAttribute:
      return telling.TellIfChanged<ev::TicketAttributeChanged>(after);
    case Teller::kAssignment:
      return telling.TellIfChanged<ev::TicketAssigned>(after);
    case Teller::kMove:
      return;
  }
}

Ticket Moved(const Ticket& ticket, const v1::PreviewChangeRequest& request) {
  Ticket after = ticket;
  bool reason_given = false;
  for (const std::string& path : request.update_mask()) {
    if (FindPath(path)->teller != Teller::kMove) continue;
    Take(request.change(), path, after);
    reason_given = reason_given || path == "hold_reason";
  }
  // To leave a hold ends its reason, as it does when the move is made.
  if (!reason_given && after.state() != tickets::v1::STATE_ON_HOLD) after.clear_hold_reason();
  return after;
}

}  // namespace

absl::StatusOr<std::vector<TicketInput>> InputsOfChange(const Ticket& ticket,
                                                        const v1::PreviewChangeRequest& request,
                                                        const TicketInput& first) {
  RETURN_IF_ERROR(CheckMask(request));
  Telling telling(ticket, first);
  for (const Teller teller :
       {Teller::kPriority, Teller::kClassification, Teller::kAttribute, Teller::kAssignment}) {
    Ticket after = telling.ticket();
    for (const std::string& path : request.update_mask()) {
      if (FindPath(path)->teller != teller) continue;
      Take(request.change(), path, after);
      // Each attribute has an event of its own.
      if (teller == Teller::kAttribute) Tell(teller, after, telling);
    }
    Tell(teller, after, telling);
  }
  if (request.reply()) {
    ev::TicketCommented comment;
    comment.set_author_kind(ev::ACTOR_KIND_AGENT);
    comment.set_public_(true);
    telling.Tell(std::move(comment), telling.ticket());
  }
  const Ticket after = Moved(telling.ticket(), request);
  RETURN_IF_ERROR(Check(after, request));
  if (!telling.Move(after)) {
    return InvalidField("change.state",
                        absl::StrCat("no move leads from ", State_Name(telling.ticket().state()),
                                     " to ", State_Name(after.state())));
  }
  return telling.Take();
}

}  // namespace watchbell::sla
