#include "services/tickets/ticket_watch.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/bus/event_registry.h"
#include "services/tickets/tickets_entities.h"
#include "services/tickets/tickets_store.h"

namespace watchbell::tickets {
namespace {

constexpr char kPrefix[] = "w1.";
constexpr int kChunk = 256;  // rows read at once

class TicketWatch : public rpc::WatchSource {
 public:
  TicketWatch(const journal::Reader& journal, std::string tenant, std::string ticket_id,
              std::string group, int64_t sequence)
      : journal_(journal),
        tenant_(std::move(tenant)),
        ticket_id_(std::move(ticket_id)),
        group_(std::move(group)),
        sequence_(sequence) {}

  absl::StatusOr<std::vector<rpc::MessagePtr>> Next(int max) override {
    std::vector<rpc::MessagePtr> messages;
    while (messages.empty()) {
      ASSIGN_OR_RETURN(const std::vector<journal::JournalRow> rows,
                       journal_.After(kTicketAggregate, sequence_, kChunk));
      if (rows.empty()) break;
      const bool more = rows.size() == kChunk;
      for (const journal::JournalRow& row : rows) {
        if (static_cast<int>(messages.size()) == max) break;
        ASSIGN_OR_RETURN(rpc::MessagePtr message, Read(row));
        sequence_ = row.sequence;
        if (message != nullptr) messages.push_back(std::move(message));
      }
      // What is wanted may lie far ahead: whoever is cut off on the way goes on from here.
      if (messages.empty() && more) messages.push_back(Bookmark());
    }
    return messages;
  }

  rpc::MessagePtr Bookmark() override {
    auto message = std::make_shared<v1::WatchTicketsResponse>();
    message->set_resume_token(MakeResumeToken(sequence_));
    return message;
  }

 private:
  // Null if the row is not wanted.
  absl::StatusOr<rpc::MessagePtr> Read(const journal::JournalRow& row) const {
    if (row.tenant != tenant_) return rpc::MessagePtr();
    if (!ticket_id_.empty() && row.stream_id != ticket_id_) return rpc::MessagePtr();
    ASSIGN_OR_RETURN(const std::shared_ptr<const google::protobuf::Message> event,
                     bus::DecodeEvent(row.type, row.payload));
    const auto* facts = event->GetDescriptor()->FindFieldByName("ticket");
    if (facts == nullptr) return rpc::MessagePtr();
    const auto* ticket =
        dynamic_cast<const v1::Ticket*>(&event->GetReflection()->GetMessage(*event, facts));
    if (ticket == nullptr || (!group_.empty() && ticket->group() != group_)) {
      return rpc::MessagePtr();
    }
    auto message = std::make_shared<v1::WatchTicketsResponse>();
    message->set_resume_token(MakeResumeToken(row.sequence));
    *message->mutable_ticket() = *ticket;
    message->set_event_type(row.type);
    return rpc::MessagePtr(std::move(message));
  }

  const journal::Reader& journal_;
  const std::string tenant_;
  const std::string ticket_id_;
  const std::string group_;
  int64_t sequence_;  // all up to it was looked at
};

}  // namespace

std::string MakeResumeToken(int64_t sequence) {
  return absl::WebSafeBase64Escape(absl::StrCat(kPrefix, sequence));
}

absl::StatusOr<int64_t> ReadResumeToken(const std::string& token) {
  std::string text;
  int64_t sequence = 0;
  absl::string_view digits;
  if (absl::WebSafeBase64Unescape(token, &text)) digits = text;
  if (!absl::ConsumePrefix(&digits, kPrefix) || !absl::SimpleAtoi(digits, &sequence) ||
      sequence < 0) {
    return InvalidField("resume_token", "is no token of ours");
  }
  return sequence;
}

absl::StatusOr<std::unique_ptr<rpc::WatchSource>> WatchTickets(
    db::Database& database, const journal::Reader& journal, const std::string& tenant,
    const v1::WatchTicketsRequest& request) {
  ASSIGN_OR_RETURN(const int64_t head, journal.Head());
  int64_t sequence = head;
  if (!request.resume_token().empty()) {
    ASSIGN_OR_RETURN(sequence, ReadResumeToken(request.resume_token()));
    if (sequence > head) {
      return WithReason(absl::StatusCode::kOutOfRange, "RESUME_TOKEN_EXPIRED",
                        "resume_token: is not of this journal; list again and watch from now on");
    }
  }
  std::string ticket_id;
  if (!request.name().empty()) {
    ASSIGN_OR_RETURN(const v1::Ticket ticket, GetTicket(database, tenant, request.name()));
    ticket_id = ticket.ticket_id();
  }
  return std::unique_ptr<rpc::WatchSource>(std::make_unique<TicketWatch>(
      journal, tenant, std::move(ticket_id), request.group(), sequence));
}

}  // namespace watchbell::tickets
