#include "services/tickets/import_batch.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/tickets/dating.h"
#include "services/tickets/import_action.h"
#include "services/tickets/tickets_entities.h"
#include "watchbell/tickets/state/v1/state.pb.h"

namespace watchbell::tickets {
namespace {

using engine::Decision;
using engine::EntityKey;

// One ticket of the batch. `state` is null until it is created.
struct Working {
  EntityKey key;
  std::unique_ptr<state::v1::TicketState> state;
  bool is_new = false;
  bool changed = false;
};

template <typename T>
T CopyOf(const engine::View& view, const EntityKey& key) {
  const T* known = view.Get<T>(key);
  return known != nullptr ? *known : T();
}

// Clocks of other tools and their zones may be off; a year may not.
constexpr absl::Duration kFutureTolerance = absl::Hours(24);

class ImportRun {
 public:
  ImportRun(const engine::View& view, const engine::Input& input,
            const v1::ImportBatchRequest& request)
      : view_(view),
        request_(request),
        tenant_(input.identity.tenant),
        now_(input.now),
        import_(CopyOf<state::v1::ImportState>(view, ImportKey(tenant_, request.source()))),
        counter_(CopyOf<state::v1::Counter>(view, CounterKey(tenant_))) {}

  Decision Run() {
    if (std::vector<EntityKey> more = Missing(); !more.empty()) {
      return Decision::NeedsMore(std::move(more));
    }
    v1::ImportBatchResponse response;
    response.mutable_results()->Reserve(request_.commands_size());
    for (const v1::ImportCommand& command : request_.commands()) {
      Answer(command, response.add_results());
    }
    decision_.Reply(response);
    if (any_) Store();
    return std::move(decision_);
  }

 private:
  // Tickets and pages the commands may touch, as far as they are not loaded. New tickets are not
  // there yet.
  std::vector<EntityKey> Missing() {
    std::vector<EntityKey> keys;
    int creates = 0;  // at most
    for (const v1::ImportCommand& command : request_.commands()) {
      auto [it, first] = tickets_.try_emplace(command.external_id());
      Working& working = it->second;
      if (first) {
        order_.push_back(command.external_id());
        const auto* ref = view_.Get<state::v1::ExternalRef>(RefKey(command.external_id()));
        if (ref != nullptr) {
          working.key = TicketKey(tenant_, ref->ticket_id());
          keys.push_back(working.key);
        }
      }
      if (working.key.id.empty() && command.has_create()) ++creates;
    }
    if (creates > 0) {
      for (int page = PageOf(import_.total()); page <= PageOf(import_.total() + creates - 1);
           ++page) {
        keys.push_back(ImportPageKey(tenant_, request_.source(), page));
      }
    }
    keys.erase(std::remove_if(keys.begin(), keys.end(),
                              [this](const EntityKey& key) { return view_.Loaded(key); }),
               keys.end());
    return keys;
  }

  void Answer(const v1::ImportCommand& command, v1::ImportResult* result) {
    Working& working = tickets_[command.external_id()];
    if (working.state == nullptr && !working.key.id.empty()) {
      const auto* known = view_.Get<state::v1::TicketState>(working.key);
      if (known != nullptr) working.state = std::make_unique<state::v1::TicketState>(*known);
    }
    const absl::StatusOr<bool> applied = Take(command, working);
    if (working.state != nullptr) result->set_ticket(working.state->ticket().name());
    if (applied.ok()) {
      result->set_applied(*applied);
    } else {
      result->set_error(std::string(applied.status().message()));
      result->set_error_reason(ErrorReason(applied.status()));
    }
  }

  // True if the command was applied now, false if it had been before.
  absl::StatusOr<bool> Take(const v1::ImportCommand& command, Working& working) {
    if (working.state != nullptr) {
      const state::v1::ImportPosition& last = working.state->imported();
      if (std::make_pair(command.row(), command.step()) <=
          std::make_pair(last.row(), last.step())) {
        return false;
      }
    }
    Act act;
    ASSIGN_OR_RETURN(act.at, ParseOccurredAt(command.occurred_at()));
    // The import's own end is its latest event: one date typed wrong must not move it out of reach.
    if (act.at > now_ + kFutureTolerance) {
      return InvalidField("occurred_at", "is more than a day ahead of now");
    }
    act.kind = events::v1::ACTOR_KIND_AGENT;
    act.actor = command.actor();
    if (command.has_source_recorded_at()) {
      ASSIGN_OR_RETURN(act.source_recorded_at,
                       ParseInstant(command.source_recorded_at(), "source_recorded_at"));
    }
    if (command.has_create()) {
      RETURN_IF_ERROR(Create(command, act, working));
    } else {
      RETURN_IF_ERROR(Change(command, act, working));
    }
    working.changed = true;
    any_ = true;
    state::v1::ImportPosition& position = *working.state->mutable_imported();
    position.set_row(command.row());
    position.set_step(command.step());
    const absl::Time at = FromProto(working.state->ticket().update_time());
    if (!import_.has_latest() || at > FromProto(import_.latest())) {
      *import_.mutable_latest() = ToProto(at);
    }
    return true;
  }

  absl::Status Create(const v1::ImportCommand& command, const Act& act, Working& working) {
    if (working.state != nullptr) {
      return WithReason(absl::StatusCode::kFailedPrecondition, "ALREADY_CREATED",
                        absl::StrCat(command.external_id(), ": was created before"));
    }
    ASSIGN_OR_RETURN(state::v1::TicketState facts, ImportedFacts(request_, command));
    counter_.set_last(counter_.last() + 1);
    working.key = TicketKey(tenant_, TicketId(facts.ticket().type(), counter_.last()));
    working.is_new = true;
    working.state = std::make_unique<state::v1::TicketState>(std::move(facts));
    TicketEditor(working.state.get(), working.key, &decision_).Create(act);

    const int page = PageOf(import_.total());
    auto [it, first] = pages_.try_emplace(page);
    if (first) {
      it->second =
          CopyOf<state::v1::ImportPage>(view_, ImportPageKey(tenant_, request_.source(), page));
    }
    it->second.add_ticket_ids(working.key.id);
    working.state->mutable_imported()->set_page(page);
    import_.set_total(import_.total() + 1);
    return absl::OkStatus();
  }

  absl::Status Change(const v1::ImportCommand& command, Act act, Working& working) {
    if (working.state == nullptr) {
      return WithReason(absl::StatusCode::kNotFound, "NOT_CREATED",
                        absl::StrCat(command.external_id(), ": its first command must be create"));
    }
    TicketEditor editor(working.state.get(), working.key, &decision_);
    act.at = ImportTime(act.at, FromProto(editor.ticket().opened_at()), editor.last_change());
    RETURN_IF_ERROR(ApplyImported(command, act, editor));
    Unfinish(*working.state->mutable_imported());
    return absl::OkStatus();
  }

  // What changes after it was finished is to be finished again.
  void Unfinish(state::v1::ImportPosition& position) {
    if (position.finished_round() != 0 && position.finished_round() == import_.round()) {
      import_.set_finished(import_.finished() - 1);
      import_.set_page_finished(position.page(), import_.page_finished(position.page()) - 1);
    }
    position.set_finished_round(0);
  }

  void Store() {
    decision_.Put(ImportKey(tenant_, request_.source()), std::move(import_));
    bool created = false;
    for (const std::string& external_id : order_) {
      Working& working = tickets_[external_id];
      if (working.is_new) {
        created = true;
        state::v1::ExternalRef ref;
        ref.set_ticket_id(working.key.id);
        decision_.Put(RefKey(external_id), std::move(ref));
        decision_.Create(working.key, std::move(*working.state));
      } else if (working.changed) {
        decision_.Put(working.key,
                      std::shared_ptr<const google::protobuf::Message>(std::move(working.state)));
      }
    }
    for (auto& [page, content] : pages_) {
      decision_.Put(ImportPageKey(tenant_, request_.source(), page), std::move(content));
    }
    if (created) decision_.Put(CounterKey(tenant_), std::move(counter_));
  }

  EntityKey RefKey(const std::string& external_id) const {
    return ExternalRefKey(tenant_, request_.source(), external_id);
  }
  static int PageOf(int index) { return index / kImportPageSize; }

  const engine::View& view_;
  const v1::ImportBatchRequest& request_;
  const std::string tenant_;
  const absl::Time now_;
  state::v1::ImportState import_;
  state::v1::Counter counter_;
  absl::flat_hash_map<std::string, Working> tickets_;
  std::vector<std::string> order_;  // external ids as they first appear
  std::map<int, state::v1::ImportPage> pages_;
  Decision decision_;
  bool any_ = false;
};

// Versions are of a policy set that is named, too.
std::vector<FieldViolation> FaultsOfVersions(const v1::ImportBatchRequest& request) {
  std::vector<FieldViolation> faults;
  if (request.policy_set().empty()) {
    constexpr char kAlone[] = "must be left out without policy_set";
    if (request.policy_version() != 0) faults.push_back({"policy_version", kAlone});
    if (!request.calendar_versions().empty()) faults.push_back({"calendar_versions", kAlone});
  }
  std::set<std::string> seen;
  for (int i = 0; i < request.calendar_versions_size(); ++i) {
    const std::string& id = request.calendar_versions(i).calendar_id();
    if (seen.insert(id).second) continue;
    faults.push_back({absl::StrCat("calendar_versions[", i, "].calendar_id"),
                      absl::StrCat("\"", id, "\" is given twice")});
  }
  return faults;
}

}  // namespace

std::vector<EntityKey> ImportBatchNeeds(const engine::Input& input,
                                        const v1::ImportBatchRequest& request) {
  const std::string& tenant = input.identity.tenant;
  std::vector<EntityKey> keys = {ImportKey(tenant, request.source()), CounterKey(tenant)};
  keys.reserve(keys.size() + request.commands_size());
  const std::string* last = nullptr;
  for (const v1::ImportCommand& command : request.commands()) {
    // Commands of one record mostly follow each other.
    if (last == nullptr || *last != command.external_id()) {
      keys.push_back(ExternalRefKey(tenant, request.source(), command.external_id()));
    }
    last = &command.external_id();
  }
  return keys;
}

Decision DecideImportBatch(const engine::View& view, const engine::Input& input,
                           const v1::ImportBatchRequest& request) {
  if (std::vector<FieldViolation> faults = FaultsOfVersions(request); !faults.empty()) {
    return Decision::Refuse(InvalidFields(std::move(faults)));
  }
  return ImportRun(view, input, request).Run();
}

}  // namespace watchbell::tickets
