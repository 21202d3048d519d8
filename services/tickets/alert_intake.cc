#include "services/tickets/alert_intake.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/tickets/alert_episode.h"
#include "services/tickets/alert_payload.h"
#include "services/tickets/dating.h"
#include "services/tickets/priority_matrix.h"
#include "services/tickets/raw_alert.h"
#include "services/tickets/ticket_editor.h"
#include "services/tickets/tickets_entities.h"
#include "watchbell/tickets/state/v1/state.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {
namespace {

using engine::Decision;
using engine::EntityKey;

// What an input brings.
struct Delivered {
  std::string integration;
  std::vector<ParsedAlert> alerts;
};

absl::StatusOr<Delivered> Read(const engine::Input& input) {
  Delivered delivered;
  if (const auto* raw = input.As<state::v1::RawAlerts>()) {
    delivered.integration = raw->integration();
    ASSIGN_OR_RETURN(delivered.alerts, ParseRawAlerts(*raw, input.now));
    return delivered;
  }
  const auto& request = *input.As<v1::PublishAlertsRequest>();
  delivered.integration = request.integration().empty() ? "default" : request.integration();
  ASSIGN_OR_RETURN(delivered.alerts, ParseAlertmanager(request.payload(), input.now));
  return delivered;
}

// A copy of a stored state, written back if touched.
template <typename State>
struct Copy {
  State state;
  bool changed = false;
  bool created = false;
};

// Copies by id; loaded from the view when first asked for.
template <typename State>
class Copies {
 public:
  Copies(const engine::View& view, EntityKey (*key)(const std::string&, const std::string&),
         const std::string& tenant)
      : view_(view), key_(key), tenant_(tenant) {}

  Copy<State>& Of(const std::string& id) {
    auto [it, first] = copies_.try_emplace(id);
    if (first) {
      if (const State* known = view_.Get<State>(key_(tenant_, id))) it->second.state = *known;
    }
    return it->second;
  }
  Copy<State>& New(const std::string& id) {
    Copy<State>& copy = copies_[id];
    copy.created = true;
    return copy;
  }
  void PutAll(Decision* decision) {
    for (auto& [id, copy] : copies_) {
      if (copy.created) {
        decision->Create(key_(tenant_, id), std::move(copy.state));
      } else if (copy.changed) {
        decision->Put(key_(tenant_, id), std::move(copy.state));
      }
    }
  }

 private:
  const engine::View& view_;
  EntityKey (*const key_)(const std::string&, const std::string&);
  const std::string& tenant_;
  std::map<std::string, Copy<State>> copies_;
};

Episode EpisodeOf(const state::v1::AlertState& state) {
  Episode episode;
  if (state.has_fired_at()) episode.fired_at = FromProto(state.fired_at());
  if (state.has_cleared_until()) episode.cleared_until = FromProto(state.cleared_until());
  return episode;
}

void SetEpisode(const Episode& episode, state::v1::AlertState* state) {
  if (episode.fired_at != absl::InfinitePast()) {
    *state->mutable_fired_at() = ToProto(episode.fired_at);
  }
  if (episode.cleared_until != absl::InfinitePast()) {
    *state->mutable_cleared_until() = ToProto(episode.cleared_until);
  }
}

class Intake {
 public:
  Intake(const engine::View& view, const engine::Input& input, const Delivered& delivered)
      : view_(view),
        now_(input.now),
        tenant_(input.identity.tenant),
        integration_(delivered.integration),
        monitor_(absl::StrCat("monitoring:", integration_)),
        parsed_(delivered.alerts),
        alerts_(view, AlertKey, tenant_),
        correlations_(view, CorrelationKey, tenant_),
        tickets_(view, TicketKey, tenant_) {
    const auto* known = view.Get<state::v1::Counter>(CounterKey(tenant_));
    if (known != nullptr) counter_ = *known;
    first_new_ = counter_.last() + 1;
  }

  Decision Run() {
    if (std::vector<EntityKey> more = Referenced(); !more.empty()) {
      return Decision::NeedsMore(std::move(more));
    }
    v1::PublishAlertsResponse response;
    for (const ParsedAlert& alert : parsed_) Take(alert, response.add_outcomes());
    decision_.Reply(response);
    if (counter_.last() >= first_new_) decision_.Put(CounterKey(tenant_), std::move(counter_));
    correlations_.PutAll(&decision_);
    alerts_.PutAll(&decision_);
    tickets_.PutAll(&decision_);
    return std::move(decision_);
  }

 private:
  // What the loaded alerts and correlations point to, as far as it is not loaded.
  std::vector<EntityKey> Referenced() {
    std::vector<EntityKey> keys;
    const auto want = [&](EntityKey key) {
      if (!key.id.empty() && !view_.Loaded(key)) keys.push_back(std::move(key));
    };
    for (const ParsedAlert& alert : parsed_) {
      if (!alert.error.empty()) continue;
      const std::string id = CorrelationId(tenant_, integration_, alert.group_labels);
      const auto* group = view_.Get<state::v1::Correlation>(CorrelationKey(tenant_, id));
      if (group != nullptr) want(TicketKey(tenant_, group->ticket_id()));
      const std::string fingerprint = AlertFingerprint(tenant_, integration_, alert.identity);
      const auto* known = view_.Get<state::v1::AlertState>(AlertKey(tenant_, fingerprint));
      if (known == nullptr) continue;
      want(TicketKey(tenant_, known->ticket_id()));
      want(CorrelationKey(tenant_, known->correlation_id()));
    }
    return keys;
  }

  void Take(const ParsedAlert& alert, v1::AlertOutcome* outcome) {
    outcome->set_path(alert.path);
    if (!alert.error.empty()) {
      outcome->set_outcome("bad");
      outcome->set_error(alert.error);
      return;
    }
    const std::string fingerprint = AlertFingerprint(tenant_, integration_, alert.identity);
    Copy<state::v1::AlertState>& known = alerts_.Of(fingerprint);
    Episode episode = EpisodeOf(known.state);
    const News news = Hear(alert, &episode);
    outcome->set_fingerprint(fingerprint);
    if (news == News::kNone || news == News::kOld) {
      outcome->set_outcome(news == News::kOld ? "cleared" : "repeated");
    } else {
      SetEpisode(episode, &known.state);
      known.changed = true;
      outcome->set_outcome(news == News::kStillFiring ? "repeated"
                           : alert.firing ? Fired(alert, fingerprint, news, &known.state)
                                          : Cleared(fingerprint, news, &known.state));
    }
    // A ticket is named only where this delivery belongs to its episode.
    if (news != News::kOld && news != News::kBornResolved && news != News::kNotFiring &&
        !known.state.ticket_id().empty()) {
      outcome->set_ticket(TicketName(known.state.ticket_id()));
    }
  }

  News Hear(const ParsedAlert& alert, Episode* episode) const {
    if (!alert.firing) return HearResolved(alert.starts_at, alert.ends_at, now_, episode);
    return alert.start_is_sending ? HearStillFiring(alert.starts_at, now_, episode)
                                  : HearFiring(alert.starts_at, now_, episode);
  }

  // Keeps `members` sorted and each in it once. A payload may bring thousands: only pointers move.
  static void Join(const std::string& fingerprint,
                   google::protobuf::RepeatedPtrField<std::string>* members) {
    const auto at = std::lower_bound(members->begin(), members->end(), fingerprint);
    if (at != members->end() && *at == fingerprint) return;
    const auto index = at - members->begin();
    *members->Add() = fingerprint;
    std::rotate(members->pointer_begin() + index, members->pointer_end() - 1,
                members->pointer_end());
  }

  // The answer's outcome.
  std::string Fired(const ParsedAlert& alert, const std::string& fingerprint, News news,
                    state::v1::AlertState* known) {
    events::v1::AlertFired event;
    event.set_fingerprint(fingerprint);
    event.mutable_labels()->insert(alert.labels.begin(), alert.labels.end());
    *event.mutable_starts_at() = known->fired_at();
    std::string outcome = "cleared";
    if (news == News::kBornResolved) {
      event.set_outcome("suppressed:already_cleared");
    } else {
      outcome = GiveTicket(alert, fingerprint, news, known);
      event.set_outcome(outcome);
      event.set_ticket_id(known->ticket_id());
    }
    decision_.Emit(AlertKey(tenant_, fingerprint), std::move(event), FromProto(known->fired_at()));
    return outcome;
  }

  std::string GiveTicket(const ParsedAlert& alert, const std::string& fingerprint, News news,
                         state::v1::AlertState* known) {
    if (news == News::kMovedOn) {
      if (IsOpenTicket(known->ticket_id())) return "joined";
      Leave(fingerprint, *known);
    }
    const std::string id = CorrelationId(tenant_, integration_, alert.group_labels);
    Copy<state::v1::Correlation>& group = correlations_.Of(id);
    group.changed = true;
    const bool joins = IsOpenTicket(group.state.ticket_id());
    if (!joins) {
      group.state.clear_members();
      group.state.set_ticket_id(OpenTicket(alert, fingerprint));
    }
    Join(fingerprint, group.state.mutable_members());
    known->set_ticket_id(group.state.ticket_id());
    known->set_correlation_id(id);
    return joins ? "joined" : "opened";
  }

  std::string Cleared(const std::string& fingerprint, News news, state::v1::AlertState* known) {
    events::v1::AlertCleared event;
    event.set_fingerprint(fingerprint);
    *event.mutable_ends_at() = known->cleared_until();
    std::string outcome = "cleared";
    if (news == News::kNotFiring) {
      event.set_outcome("kept:not_firing");
    } else {
      outcome = news == News::kNewerEpisode ? "kept:newer_episode" : Release(fingerprint, *known);
      event.set_outcome(outcome);
      event.set_ticket_id(known->ticket_id());
    }
    decision_.Emit(AlertKey(tenant_, fingerprint), std::move(event),
                   FromProto(known->cleared_until()));
    return outcome;
  }

  // The alert fires no longer: its ticket is resolved if it was the last.
  std::string Release(const std::string& fingerprint, const state::v1::AlertState& known) {
    Leave(fingerprint, known);
    const state::v1::Correlation& group = correlations_.Of(known.correlation_id()).state;
    Copy<state::v1::TicketState>& ticket = tickets_.Of(known.ticket_id());
    if (!IsOpen(ticket.state.ticket().state())) return "kept:already_resolved";
    // A later ticket took the alerts over: who else this one was about is not known any more.
    if (group.ticket_id() != known.ticket_id()) return "kept:reopened";
    if (!group.members().empty()) return "kept:others_firing";
    if (ticket.state.ticket().state() == v1::STATE_ON_HOLD) return "kept:on_hold";
    TicketEditor editor(&ticket.state, TicketKey(tenant_, known.ticket_id()), &decision_);
    MoveDetails details;
    details.resolution_code = "alert_cleared";
    details.resolver = monitor_;
    const Act act =
        ActAt(ClampedTime(FromProto(known.cleared_until()), now_, editor.last_change()));
    if (!editor.Apply({Move::kResolve}, details, act).ok()) return "kept:already_resolved";
    ticket.changed = true;
    return "resolved";
  }

  void Leave(const std::string& fingerprint, const state::v1::AlertState& known) {
    Copy<state::v1::Correlation>& group = correlations_.Of(known.correlation_id());
    if (group.state.ticket_id() != known.ticket_id()) return;
    auto& members = *group.state.mutable_members();
    members.erase(std::remove(members.begin(), members.end(), fingerprint), members.end());
    group.changed = true;
  }

  bool IsOpenTicket(const std::string& id) {
    return !id.empty() && IsOpen(tickets_.Of(id).state.ticket().state());
  }

  std::string OpenTicket(const ParsedAlert& alert, const std::string& fingerprint) {
    counter_.set_last(counter_.last() + 1);
    const std::string id = TicketId(v1::TICKET_TYPE_INCIDENT, counter_.last());
    const EntityKey key = TicketKey(tenant_, id);
    Copy<state::v1::TicketState>& copy = tickets_.New(id);
    copy.state.set_description(alert.description);
    v1::Ticket& ticket = *copy.state.mutable_ticket();
    ticket.set_type(v1::TICKET_TYPE_INCIDENT);
    ticket.set_title(alert.summary);
    ticket.set_impact(alert.impact);
    ticket.set_urgency(alert.urgency);
    ticket.set_priority(PriorityOf(alert.impact, alert.urgency));
    ticket.set_requester(monitor_);
    ticket.set_creator(monitor_);
    ticket.set_channel(v1::CHANNEL_MONITORING);
    ticket.set_config_item(alert.config_item);
    ticket.set_alert_fingerprint(fingerprint);
    TicketEditor(&copy.state, key, &decision_).Create(ActAt(now_));
    return id;
  }

  static Act ActAt(absl::Time at) {
    return Act{at, events::v1::ACTOR_KIND_AUTOMATION, "", std::nullopt};
  }

  const engine::View& view_;
  const absl::Time now_;
  const std::string tenant_;
  const std::string integration_;
  const std::string monitor_;  // who opens and resolves
  const std::vector<ParsedAlert>& parsed_;
  Copies<state::v1::AlertState> alerts_;
  Copies<state::v1::Correlation> correlations_;
  Copies<state::v1::TicketState> tickets_;
  state::v1::Counter counter_;
  int64_t first_new_ = 0;
  Decision decision_;
};

}  // namespace

bool IsAlertIntake(const engine::Input& input) {
  return input.As<v1::PublishAlertsRequest>() != nullptr ||
         input.As<state::v1::RawAlerts>() != nullptr;
}

std::vector<EntityKey> AlertIntakeNeeds(const engine::Input& input) {
  const absl::StatusOr<Delivered> delivered = Read(input);
  if (!delivered.ok()) return {};
  const std::string& tenant = input.identity.tenant;
  const std::string& integration = delivered->integration;
  std::vector<EntityKey> keys = {CounterKey(tenant)};
  for (const ParsedAlert& alert : delivered->alerts) {
    if (!alert.error.empty()) continue;
    keys.push_back(AlertKey(tenant, AlertFingerprint(tenant, integration, alert.identity)));
    keys.push_back(CorrelationKey(tenant, CorrelationId(tenant, integration, alert.group_labels)));
  }
  return keys;
}

Decision DecideAlertIntake(const engine::View& view, const engine::Input& input) {
  const absl::StatusOr<Delivered> delivered = Read(input);
  if (!delivered.ok()) return Decision::Refuse(delivered.status());
  return Intake(view, input, *delivered).Run();
}

}  // namespace watchbell::tickets
