#include "services/watchbell/replayer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::cli {
namespace {

constexpr int kBatch = 500;
constexpr int kClocksPage = 1000;
constexpr absl::Duration kGiveUp = absl::Minutes(2);
constexpr absl::Duration kPoll = absl::Milliseconds(100);
// So long without any progress means that something is parked, or, if nothing is, down. A broker
// may be away for minutes, and all goes on.
constexpr absl::Duration kStalled = absl::Seconds(30);
constexpr absl::Duration kDown = absl::Minutes(5);

bool IsLater(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status);
}

}  // namespace

Replayer::Replayer(rpc::Client& client, rpc::CallOptions options, Clock& clock, Screen& screen,
                   sla::v1::PolicyFile policy)
    : client_(client),
      options_(std::move(options)),
      clock_(clock),
      screen_(screen),
      policy_(std::move(policy)) {
  options_.patient = false;  // it waits by itself, and heeds Ctrl-C meanwhile
}

absl::Status Replayer::Call(const std::string& method, const google::protobuf::Message& request,
                            google::protobuf::Message* response) {
  const absl::Time give_up = clock_.Now() + kGiveUp;
  bool waiting = false;
  for (absl::Duration wait = absl::Milliseconds(50);; wait = std::min(wait * 2, absl::Seconds(2))) {
    absl::Status called = client_.Call(method, request, response, options_);
    if (called.ok() || !IsLater(called) || clock_.Now() > give_up) return called;
    if (!waiting && absl::IsUnavailable(called)) {
      screen_.Line(absl::StrCat(screen_.terminal() ? "\n" : "", "Trying again for up to ",
                                absl::FormatDuration(kGiveUp), ": ", called.message()));
      waiting = true;
    }
    RETURN_IF_ERROR(Pause(clock_, wait));
  }
}

absl::StatusOr<ReplayResult> Replayer::Run(const AuditLog& log) {
  tally_.failed = log.failed;
  RETURN_IF_ERROR(PutPolicy());
  RETURN_IF_ERROR(Apply(log));
  ASSIGN_OR_RETURN(const int64_t tickets, Finish());
  RETURN_IF_ERROR(AwaitFigures(tickets));
  analytics::v1::GetImportReportRequest request;
  request.set_source(kAuditSource);
  request.set_expected_tickets(tickets);
  ReplayResult result;
  RETURN_IF_ERROR(
      Call("watchbell.analytics.v1.AnalyticsService/GetImportReport", request, &result.figures));
  result.tally = std::move(tally_);
  return result;
}

absl::Status Replayer::PutPolicy() {
  ASSIGN_OR_RETURN(stored_, StorePolicy(policy_, "", clock_,
                                        [this](const std::string& method, const auto& request,
                                               google::protobuf::Message* response) {
                                          return Call(
                                              absl::StrCat("watchbell.sla.v1.SlaService/", method),
                                              request, response);
                                        }));
  return absl::OkStatus();
}

absl::Status Replayer::CheckJudgedByPolicy(const sla::v1::ImportClock& clock) const {
  const auto differs = [&](absl::string_view what, const std::string& id, int64_t version,
                           const std::string& other_id, int64_t other_version) {
    return absl::FailedPreconditionError(absl::StrCat(
        clock.external_id(), " is judged by ", what, " ", other_id, "@", other_version, ", not ",
        id, "@", version,
        ": it was imported with that before. Give another --data-dir for another policy"));
  };
  const sla::v1::Clock& judged = clock.clock();
  const sla::v1::PolicySet& set = stored_.policy_set;
  if (judged.policy_set_id() != set.policy_set_id() || judged.policy_version() != set.version()) {
    return differs("policy set", set.policy_set_id(), set.version(), judged.policy_set_id(),
                   judged.policy_version());
  }
  for (const sla::v1::Calendar& calendar : stored_.calendars) {
    if (calendar.calendar_id() == judged.calendar_id() &&
        calendar.version() != judged.calendar_version()) {
      return differs("calendar", calendar.calendar_id(), calendar.version(), judged.calendar_id(),
                     judged.calendar_version());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<sla::v1::ImportClock>> Replayer::Clocks() {
  sla::v1::ListImportClocksRequest request;
  request.set_source(kAuditSource);
  request.set_page_size(kClocksPage);
  std::vector<sla::v1::ImportClock> clocks;
  do {
    if (Interrupted()) return absl::CancelledError("interrupted");
    sla::v1::ListImportClocksResponse page;
    RETURN_IF_ERROR(Call("watchbell.sla.v1.SlaService/ListImportClocks", request, &page));
    for (sla::v1::ImportClock& clock : *page.mutable_clocks()) {
      RETURN_IF_ERROR(CheckJudgedByPolicy(clock));
      clocks.push_back(std::move(clock));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return clocks;
}

absl::Status Replayer::Apply(const AuditLog& log) {
  Progress progress(screen_, clock_, "Importing", "commands",
                    static_cast<int64_t>(log.commands.size()));
  for (size_t next = 0; next < log.commands.size();) {
    progress.Update(static_cast<int64_t>(next));
    if (Interrupted()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(ApplyBatch(log, &next));
  }
  progress.Update(static_cast<int64_t>(log.commands.size()));
  progress.Finish();
  return absl::OkStatus();
}

absl::Status Replayer::ApplyBatch(const AuditLog& log, size_t* next) {
  tickets::v1::ImportBatchRequest request;
  request.set_source(kAuditSource);
  request.set_policy_set(stored_.policy_set.policy_set_id());
  request.set_policy_version(stored_.policy_set.version());
  for (const sla::v1::Calendar& calendar : stored_.calendars) {
    tickets::v1::CalendarVersion& version = *request.add_calendar_versions();
    version.set_calendar_id(calendar.calendar_id());
    version.set_version(calendar.version());
  }
  std::vector<size_t> sent;
  for (; *next < log.commands.size() && request.commands_size() < kBatch; ++*next) {
    const QueuedCommand& command = log.commands[*next];
    if (refused_.contains(command.ticket)) continue;
    if (!request.add_commands()->ParseFromString(command.bytes)) {
      return absl::InternalError("a command of the log cannot be read back");
    }
    sent.push_back(*next);
  }
  if (sent.empty()) return absl::OkStatus();
  tickets::v1::ImportBatchResponse response;
  RETURN_IF_ERROR(Call("watchbell.tickets.v1.ImportService/ImportBatch", request, &response));
  if (response.results_size() != static_cast<int>(sent.size())) {
    return absl::InternalError("ImportBatch did not answer every command");
  }
  for (size_t i = 0; i < sent.size(); ++i)
    Count(log, sent[i], response.results(static_cast<int>(i)));
  return absl::OkStatus();
}

void Replayer::Count(const AuditLog& log, size_t command, const tickets::v1::ImportResult& result) {
  const QueuedCommand& queued = log.commands[command];
  const std::string& external_id = log.tickets[queued.ticket].external_id;
  if (result.error().empty()) {
    ++tally_.commands[queued.kind];
    external_ids_.emplace(std::string(absl::StripPrefix(result.ticket(), "tickets/")), external_id);
    return;
  }
  // The first refusal says why; what follows it on the ticket could only confuse.
  if (!refused_.emplace(queued.ticket, tally_.failed.size()).second) return;
  FailedTicket failed;
  failed.external_id = external_id;
  failed.reason = absl::StrCat(
      queued.kind, " refused: ", result.error(),
      result.error_reason().empty() ? "" : absl::StrCat(" (", result.error_reason(), ")"));
  tally_.failed.push_back(std::move(failed));
}

absl::StatusOr<int64_t> Replayer::Finish() {
  tickets::v1::FinishImportRequest request;
  request.set_source(kAuditSource);
  tickets::v1::FinishImportResponse response;
  Progress progress(screen_, clock_, "Finishing", "tickets",
                    static_cast<int64_t>(external_ids_.size()));
  do {
    if (Interrupted()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(Call("watchbell.tickets.v1.ImportService/FinishImport", request, &response));
    progress.Update(response.total() - response.remaining());
  } while (response.remaining() > 0);
  progress.Finish();
  return response.total();
}

absl::Status Replayer::AwaitFigures(int64_t tickets) {
  analytics::v1::GetImportProgressRequest request;
  request.set_source(kAuditSource);
  Progress progress(screen_, clock_, "Counting", "tickets", tickets);
  int64_t before = -1;
  absl::Time moved = clock_.Now();
  while (true) {
    analytics::v1::GetImportProgressResponse response;
    RETURN_IF_ERROR(
        Call("watchbell.analytics.v1.AnalyticsService/GetImportProgress", request, &response));
    const int64_t done = std::min(response.finished(), response.settled());
    progress.Update(std::min(done, tickets));
    if (done >= tickets && response.tickets() >= tickets) break;
    const int64_t now = response.tickets() + response.finished() + response.settled();
    if (now != before) moved = clock_.Now();
    before = now;
    if (clock_.Now() - moved > kStalled) {
      const std::string parked = ParkedTickets();
      if (parked.empty() && clock_.Now() - moved < kDown) {
        RETURN_IF_ERROR(Pause(clock_, kStalled / 10));
        continue;
      }
      return absl::FailedPreconditionError(absl::StrCat(
          done, " of ", tickets, " tickets are counted and nothing moves",
          parked.empty()
              ? ""
              : absl::StrCat(
                    ": events are parked of ", parked,
                    "; `watchbell dead-letters list` says why, retry or skip them and replay "
                    "again")));
    }
    RETURN_IF_ERROR(Pause(clock_, kPoll));
  }
  progress.Finish();
  return absl::OkStatus();
}

std::string Replayer::ParkedTickets() {
  admin::v1::ListDeadLettersRequest request;
  admin::v1::ListDeadLettersResponse response;
  if (!Call("watchbell.admin.v1.AdminService/ListDeadLetters", request, &response).ok()) return "";
  std::set<std::string> names;
  for (const admin::v1::DeadLetter& letter : response.dead_letters()) {
    const auto known = external_ids_.find(letter.key());
    if (letter.parked()) names.insert(known == external_ids_.end() ? letter.key() : known->second);
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace watchbell::cli
