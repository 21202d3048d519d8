#include "tests/simulation/checker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/engine/dead_letters.h"
#include "google/protobuf/util/message_differencer.h"
#include "protos/watchbell/events/v1/topics.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/events/v1/notifications.pb.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/tickets/state/v1/state.pb.h"

namespace watchbell::test {
namespace {

const std::map<std::string, std::string>& ProducerOf() {
  static const auto* const producers =
      new std::map<std::string, std::string>{{events::kTicketsTopic, "tickets"},
                                             {events::kAlertsTopic, "tickets"},
                                             {events::kSlaTopic, "sla"},
                                             {events::kEscalationTopic, "escalation"},
                                             {events::kNotificationsTopic, "notifications"}};
  return *producers;
}

// The class of an aggregate, by the service's own table; -1 for the engine's.
int ClassOf(World& world, const std::string& service, const std::string& aggregate) {
  for (const auto& entity_class : world.core(service).spec().decider->classes()) {
    if (entity_class.name == aggregate) return entity_class.cls;
  }
  return -1;
}

std::string Name(const std::string& service, const journal::JournalRow& row) {
  return absl::StrCat(service, " ", row.aggregate, "/", row.stream_id, " v", row.version, " ",
                      row.type);
}

template <typename T>
T Parse(const journal::JournalRow& row) {
  T message;
  message.ParseFromString(row.payload);
  return message;
}

template <typename T>
bool Is(const journal::JournalRow& row) {
  return row.type == bus::EventTypeOf(*T::descriptor());
}

}  // namespace

std::string Checker::CheckStep() {
  touched_.clear();
  cancelled_now_.clear();
  escalation_positions_ = Positions("escalation");
  std::string failure = ReadJournals();
  if (failure.empty()) failure = CheckEntities();
  if (failure.empty()) failure = CheckSends();
  if (failure.empty()) failure = CheckProjections();
  return failure;
}

std::string Checker::ReadJournals() {
  for (const std::string& service : World::Services()) {
    const auto rows = world_.core(service).journal().After("", read_to_[service], 100'000);
    if (!rows.ok()) return std::string(rows.status().message());
    for (const journal::JournalRow& row : *rows) {
      if (row.sequence <= read_to_[service]) return "sequence does not grow: " + Name(service, row);
      read_to_[service] = row.sequence;
      if (std::string failure = TakeRow(service, row); !failure.empty()) return failure;
    }
  }
  return "";
}

std::string Checker::TakeRow(const std::string& service, const journal::JournalRow& row) {
  const StreamKey key{service, row.aggregate, row.stream_id};
  std::vector<journal::JournalRow>& stream = streams_[key];
  const int64_t expected = static_cast<int64_t>(stream.size()) + 1;
  if (row.version != expected) {
    return absl::StrCat("version hole, expected v", expected, ": ", Name(service, row));
  }
  stream.push_back(row);
  touched_.insert(key);
  if (service == "sla") return TakeSla(row);
  if (service == "escalation") return TakeEscalation(row);
  if (service == "notifications") return TakeNotification(row);
  return "";
}

std::string Checker::CheckEntities() {
  for (const StreamKey& key : touched_) {
    const auto& [service, aggregate, id] = key;
    const int cls = ClassOf(world_, service, aggregate);
    if (cls < 0) continue;
    const journal::JournalRow& last = streams_[key].back();
    int64_t version = 0;
    const auto body =
        runtime::ReadEntityBytes(world_.core(service).database(), cls, last.tenant, id, &version);
    if (!body.ok() || version != last.version) {
      return absl::StrCat("the row is at v", version, " but its last event is ",
                          Name(service, last));
    }
    if (service != "tickets" || aggregate != "ticket") continue;
    tickets::state::v1::TicketState state;
    state.ParseFromString(*body);
    const auto event = bus::DecodeEvent(last.type, last.payload);
    if (!event.ok()) return "cannot be decoded: " + Name(service, last);
    const auto* field = (*event)->GetDescriptor()->FindFieldByName("ticket");
    auto facts = static_cast<const tickets::v1::Ticket&>(
        (*event)->GetReflection()->GetMessage(**event, field));
    facts.clear_description();
    if (!google::protobuf::util::MessageDifferencer::Equals(facts, state.ticket())) {
      return "the row differs from its last event: " + Name(service, last);
    }
  }
  // A row without its events shows as a stored version beyond the journal's.
  for (const std::string& service : World::Services()) {
    const auto rows =
        world_.core(service).database().Read("SELECT COALESCE(SUM(version), 0) FROM entities", {});
    if (!rows.ok()) return std::string(rows.status().message());
    const auto events = world_.core(service).database().Read("SELECT COUNT(*) FROM journal", {});
    if (!events.ok()) return std::string(events.status().message());
    if (db::AsInt((*rows)[0][0]) != db::AsInt((*events)[0][0])) {
      return absl::StrCat(service, " has rows without events: versions add up to ",
                          db::AsInt((*rows)[0][0]), ", events are ", db::AsInt((*events)[0][0]));
    }
  }
  return "";
}

std::string Checker::TakeSla(const journal::JournalRow& row) {
  const auto event = bus::DecodeEvent(row.type, row.payload);
  if (!event.ok()) return "cannot be decoded: " + Name("sla", row);
  if (const auto* field = (*event)->GetDescriptor()->FindFieldByName("clock")) {
    const auto& clock =
        static_cast<const sla::v1::Clock&>((*event)->GetReflection()->GetMessage(**event, field));
    ++announced_[absl::StrCat(clock.clock(), " ", (*event)->GetDescriptor()->name())];
  }
  const auto count = [&](const std::string& clock, int leg, int change) -> std::string {
    int& standing = standing_breaches_[{clock, leg}];
    standing += change;
    if (standing >= 0 && standing <= 1) return "";
    return absl::StrCat(standing, " standing breaches of leg ", leg, ": ", Name("sla", row));
  };
  if (Is<events::v1::ClockBreached>(row)) {
    const auto breached = Parse<events::v1::ClockBreached>(row);
    return count(breached.clock().clock_id(), breached.leg(), 1);
  }
  if (Is<events::v1::BreachWithdrawn>(row)) {
    const auto withdrawn = Parse<events::v1::BreachWithdrawn>(row);
    return count(withdrawn.clock().clock_id(), withdrawn.leg(), -1);
  }
  return "";
}

std::string Checker::TakeEscalation(const journal::JournalRow& row) {
  const int64_t applied = escalation_positions_[{events::kTicketsTopic, row.stream_id}];
  if (Is<events::v1::RunStarted>(row)) {
    applied_at_start_[Parse<events::v1::RunStarted>(row).run().run_id()] = applied;
  } else if (Is<events::v1::RunEnded>(row)) {
    const auto event = Parse<events::v1::RunEnded>(row);
    if (!ended_runs_.insert(event.run().run_id()).second) {
      return "a run ended twice: " + Name("escalation", row);
    }
  } else if (Is<events::v1::PageRequested>(row)) {
    const std::string run = Parse<events::v1::PageRequested>(row).page().run_id();
    if (ended_runs_.count(run) > 0) return "a page after its run's end: " + Name("escalation", row);
    // Acknowledgements the service had applied since the run began: events come before timers in a
    // batch, so what it has applied now it had applied when it paged.
    const auto& ticket = streams_[{"tickets", "ticket", row.stream_id}];
    for (int64_t v = applied_at_start_[run] + 1; v <= applied; ++v) {
      if (Is<events::v1::TicketAcknowledged>(ticket[static_cast<size_t>(v) - 1])) {
        return absl::StrCat("a page although acknowledgement v", v,
                            " was applied: ", Name("escalation", row));
      }
    }
  }
  return "";
}

std::string Checker::TakeNotification(const journal::JournalRow& row) {
  if (Is<events::v1::DeliveryCancelled>(row)) {
    cancelled_now_.insert(Parse<events::v1::DeliveryCancelled>(row).delivery().delivery_id());
  }
  return "";
}

std::string Checker::CheckSends() {
  const auto attempts = world_.sender.attempts();
  for (; sends_seen_ < attempts.size(); ++sends_seen_) {
    const std::string& id = attempts[sends_seen_].delivery.delivery_id();
    if (cancelled_before_.count(id) > 0) return "a send after its cancel: " + id;
  }
  cancelled_before_.insert(cancelled_now_.begin(), cancelled_now_.end());
  return "";
}

std::map<Checker::PositionKey, int64_t> Checker::Positions(const std::string& service) const {
  std::map<PositionKey, int64_t> positions;
  const auto rows = world_.core(service).database().Read(
      "SELECT topic, stream_id, version FROM stream_positions", {});
  if (!rows.ok()) return positions;
  for (const db::Row& row : *rows) {
    positions[{db::AsText(row[0]), db::AsText(row[1])}] = db::AsInt(row[2]);
  }
  return positions;
}

// Folds what analytics says it has applied and compares bytes.
std::string Checker::CheckProjections() {
  std::set<std::string> changed;
  for (const auto& [key, version] : Positions("analytics")) {
    const auto& [topic, stream_id] = key;
    int64_t& folded = analytics_positions_[key];
    if (version == folded) continue;
    changed.insert(stream_id);
    const auto& stream = streams_[{ProducerOf().at(topic), "ticket", stream_id}];
    if (version > static_cast<int64_t>(stream.size())) {
      return absl::StrCat("analytics is at v", version, " of ", topic, " ", stream_id,
                          " which has ", stream.size(), " events");
    }
    for (; folded < version; ++folded) {
      const journal::JournalRow& row = stream[static_cast<size_t>(folded)];
      const auto event = bus::DecodeEvent(row.type, row.payload);
      if (!event.ok()) return "cannot be decoded: " + row.type;
      if (!analytics::ChangesFacts(**event)) continue;
      analytics::ApplyEvent(**event, {row.occurred_at, row.source_recorded_at}, facts_[stream_id]);
    }
  }
  for (const std::string& ticket : changed) {
    const auto stored = runtime::ReadEntity<analytics::TicketFacts>(
        world_.core("analytics").database(), 1, "default", ticket);
    if (!stored.ok()) return std::string(stored.status().message());
    const std::string now = *stored == nullptr ? "" : (*stored)->SerializeAsString();
    if (now != facts_[ticket].SerializeAsString()) {
      return absl::StrCat("analytics' facts of ", ticket, " differ from a recount");
    }
  }
  return "";
}

std::string Checker::CheckAcknowledged(const std::string& ticket_id, int64_t version) {
  const auto stream = streams_.find({"tickets", "ticket", ticket_id});
  if (stream != streams_.end() && version <= static_cast<int64_t>(stream->second.size())) return "";
  return absl::StrCat("an acknowledged command is lost: ", ticket_id, " v", version);
}

std::vector<std::string> Checker::TicketIds() const {
  std::vector<std::string> ids;
  for (const auto& [key, rows] : streams_) {
    if (std::get<0>(key) == "tickets" && std::get<1>(key) == "ticket") {
      ids.push_back(std::get<2>(key));
    }
  }
  return ids;
}

std::string Checker::CheckAtRest() {
  std::string failure = CheckStep();
  if (failure.empty()) failure = CheckEverythingApplied();
  if (failure.empty()) failure = CheckClocks();
  if (failure.empty()) failure = CheckDeliveries();
  return failure;
}

std::string Checker::CheckEverythingApplied() const {
  for (const std::string& service : World::Services()) {
    const auto letters = engine::ListDeadLetters(world_.core(service).database(), "", true);
    if (!letters.ok() || !letters->empty()) {
      return absl::StrCat(service, " has dead letters: ",
                          letters.ok() ? letters->front().ShortDebugString() : "unreadable");
    }
    std::map<PositionKey, int64_t> positions = Positions(service);
    for (const std::string& topic : world_.core(service).spec().consumes) {
      for (const auto& [key, stream] : streams_) {
        const auto& [producer, aggregate, id] = key;
        if (producer != ProducerOf().at(topic) || aggregate != "ticket") continue;
        const int64_t applied = positions[PositionKey{topic, id}];
        if (applied != static_cast<int64_t>(stream.size())) {
          return absl::StrCat(service, " has applied v", applied, " of ", stream.size(), " of ",
                              topic, " ", id);
        }
      }
    }
  }
  return "";
}

std::string Checker::CheckDeliveries() const {
  std::map<std::string, std::string> last;  // page -> last state of its deliveries
  for (const auto& [key, stream] : streams_) {
    if (std::get<0>(key) != "notifications") continue;
    for (const journal::JournalRow& row : stream) {
      const auto event = bus::DecodeEvent(row.type, row.payload);
      if (Is<events::v1::DeliveryQueued>(row)) {
        last[Parse<events::v1::DeliveryQueued>(row).delivery().page_id()] = "queued";
      } else if (Is<events::v1::DeliverySent>(row)) {
        last[Parse<events::v1::DeliverySent>(row).delivery().page_id()] = "sent";
      } else if (Is<events::v1::DeliveryFailed>(row)) {
        last[Parse<events::v1::DeliveryFailed>(row).delivery().page_id()] = "failed";
      } else if (Is<events::v1::DeliveryCancelled>(row)) {
        last[Parse<events::v1::DeliveryCancelled>(row).delivery().page_id()] = "cancelled";
      } else if (Is<events::v1::PersonUnreachable>(row)) {
        last[Parse<events::v1::PersonUnreachable>(row).page_id()] = "unreachable";
      }
    }
  }
  for (const auto& [key, stream] : streams_) {
    if (std::get<0>(key) != "escalation") continue;
    for (const journal::JournalRow& row : stream) {
      if (!Is<events::v1::PageRequested>(row)) continue;
      const std::string page = Parse<events::v1::PageRequested>(row).page().page_id();
      if (last[page].empty() || last[page] == "queued") {
        return absl::StrCat("page ", page, " is at rest but ",
                            last[page].empty() ? "unknown to notifications" : last[page]);
      }
    }
  }
  return "";
}

}  // namespace watchbell::test
