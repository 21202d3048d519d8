#include "services/tickets/import_finish.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/time/rfc3339.h"
#include "services/tickets/dating.h"
#include "services/tickets/import_batch.h"
#include "services/tickets/ticket_editor.h"
#include "services/tickets/tickets_entities.h"
#include "watchbell/tickets/state/v1/state.pb.h"

namespace watchbell::tickets {
namespace {

using engine::Decision;
using engine::EntityKey;

constexpr char kField[] = "as_of";
constexpr absl::Duration kLiveTolerance = absl::Minutes(1);

// The as_of this call asks for.
absl::StatusOr<absl::Time> AsOf(const v1::FinishImportRequest& request,
                                const state::v1::ImportState& import, absl::Time now) {
  const absl::Time latest = FromProto(import.latest());
  const absl::Time in_force = import.round() > 0 ? FromProto(import.as_of()) : absl::InfinitePast();
  absl::Time as_of = std::max(latest, in_force);
  if (request.has_as_of()) {
    ASSIGN_OR_RETURN(as_of, ParseInstant(request.as_of(), kField));
    if (as_of < latest) {
      return InvalidField(
          kField, absl::StrCat("is before the import's last event at ", FormatRfc3339(latest)));
    }
    if (as_of < in_force) {
      return InvalidField(kField,
                          absl::StrCat("is before the as_of in force, ", FormatRfc3339(in_force)));
    }
    if (as_of > std::max(now + kAheadTolerance, in_force)) {
      return InvalidField(kField, absl::StrCat("is ahead of now, ", FormatRfc3339(now)));
    }
  }
  if (request.go_live() && (as_of < now - kLiveTolerance || as_of > now + kLiveTolerance)) {
    return InvalidField(kField, "must be within a minute of now to go live");
  }
  return as_of;
}

int TicketsOnPage(const state::v1::ImportState& import, int page) {
  return std::min(kImportPageSize, import.total() - page * kImportPageSize);
}

// The first page with unfinished tickets, -1 if there is none.
int UnfinishedPage(const state::v1::ImportState& import) {
  for (int page = 0; page * kImportPageSize < import.total(); ++page) {
    const int done = page < import.page_finished_size() ? import.page_finished(page) : 0;
    if (done < TicketsOnPage(import, page)) return page;
  }
  return -1;
}

void BeginRound(absl::Time as_of, bool go_live, state::v1::ImportState* import) {
  import->set_round(import->round() + 1);
  *import->mutable_as_of() = ToProto(as_of);
  import->set_go_live(go_live);
  import->set_finished(0);
  import->clear_page_finished();
}

void FinishTicket(const EntityKey& key, const state::v1::TicketState& known,
                  const state::v1::ImportState& import, Decision* decision) {
  state::v1::TicketState state = known;
  state.mutable_imported()->set_finished_round(import.round());
  // A ticket that went live earlier is judged by the wall clock: nothing to settle.
  const bool live = !state.ticket().import().historic();
  if (!live) {
    TicketEditor editor(&state, key, decision);
    const absl::Time as_of = FromProto(import.as_of());
    Act act;
    act.at = std::max(as_of, editor.last_change());
    act.kind = events::v1::ACTOR_KIND_AUTOMATION;
    editor.FinishImport(as_of, import.go_live(), act);
  }
  decision->Put(key, std::move(state));
}

// Finishes what is left of `page`. NeedsMore until the page and its tickets are loaded.
Decision FinishPage(const engine::View& view, const std::string& tenant, const std::string& source,
                    int page, state::v1::ImportState import, v1::FinishImportResponse response) {
  const EntityKey page_key = ImportPageKey(tenant, source, page);
  if (!view.Loaded(page_key)) return Decision::NeedsMore({page_key});
  const auto* content = view.Get<state::v1::ImportPage>(page_key);
  if (content == nullptr)
    return Decision::Refuse(absl::DataLossError("a page of the import is gone"));
  std::vector<EntityKey> tickets;
  std::vector<EntityKey> missing;
  for (const std::string& id : content->ticket_ids()) {
    tickets.push_back(TicketKey(tenant, id));
    if (!view.Loaded(tickets.back())) missing.push_back(tickets.back());
  }
  if (!missing.empty()) return Decision::NeedsMore(std::move(missing));

  Decision decision;
  int finished = 0;
  for (const EntityKey& key : tickets) {
    const auto* known = view.Get<state::v1::TicketState>(key);
    if (known == nullptr)
      return Decision::Refuse(absl::DataLossError("a ticket of the import is gone"));
    if (known->imported().finished_round() == import.round()) continue;
    FinishTicket(key, *known, import, &decision);
    ++finished;
  }
  while (import.page_finished_size() <= page) import.add_page_finished(0);
  import.set_page_finished(page, content->ticket_ids_size());
  import.set_finished(import.finished() + finished);
  response.set_finished(finished);
  response.set_remaining(import.total() - import.finished());
  decision.Put(ImportKey(tenant, source), std::move(import));
  decision.Reply(response);
  return decision;
}

}  // namespace

std::vector<EntityKey> FinishImportNeeds(const engine::Input& input,
                                         const v1::FinishImportRequest& request) {
  return {ImportKey(input.identity.tenant, request.source())};
}

Decision DecideFinishImport(const engine::View& view, const engine::Input& input,
                            const v1::FinishImportRequest& request) {
  const std::string& tenant = input.identity.tenant;
  const auto* known = view.Get<state::v1::ImportState>(ImportKey(tenant, request.source()));
  if (known == nullptr)
    return Decision::Refuse(NotFound(absl::StrCat("imports/", request.source())));
  const absl::StatusOr<absl::Time> as_of = AsOf(request, *known, input.now);
  if (!as_of.ok()) return Decision::Refuse(as_of.status());
  state::v1::ImportState import = *known;
  const bool later = import.round() == 0 || *as_of > FromProto(import.as_of());
  if (later || (request.go_live() && !import.go_live())) {
    BeginRound(*as_of, request.go_live(), &import);
  }
  v1::FinishImportResponse response;
  response.set_total(import.total());
  *response.mutable_as_of() = import.as_of();
  const int page = UnfinishedPage(import);
  if (page >= 0) {
    return FinishPage(view, tenant, request.source(), page, std::move(import), std::move(response));
  }
  Decision decision;
  decision.Reply(response);
  return decision;
}

}  // namespace watchbell::tickets
