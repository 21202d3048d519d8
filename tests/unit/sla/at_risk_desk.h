// Tickets with running clocks in the real database layer, as the engine leaves them there.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/proto_time.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/tables.h"
#include "common/runtime/service_core.h"
#include "gtest/gtest.h"
#include "services/sla/at_risk.h"
#include "services/sla/sla_decider.h"
#include "services/sla/sla_store.h"
#include "services/sla/spec.h"
#include "tests/unit/sla/calendar_tools.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla::test {

// A running clock "<ticket>/<name>/<cycle>" due then, by calendar time.
struct RunningClock {
  std::string ticket;
  int64_t due;
  std::string name = "resolution";
  int cycle = 1;
  bool breached = false;
  std::string calendar = "";  // "<id>@<version>"
  std::string zone = "";
};

class AtRiskDesk : public testing::Test {
 protected:
  AtRiskDesk() { EXPECT_TRUE(db::Migrate(*database_, runtime::AllMigrations(Spec())).ok()); }

  void Put(const v1::Calendar& calendar, int64_t version) {
    v1::Calendar versioned = calendar;
    versioned.set_version(version);
    Write(CalendarVersionKey("acme", calendar.calendar_id(), version),
          ToStored(std::move(versioned)), nullptr);
  }

  // Adds a clock to its ticket, which is in group "g-<ticket>" at site "s" and critical at first;
  // `pins` are what the ticket is judged by.
  state::v1::TicketClocks& Add(const RunningClock& running,
                               const std::vector<std::string>& pins = {}) {
    state::v1::TicketClocks& ticket = tickets[running.ticket];
    if (ticket.eras().empty()) {
      tickets::v1::Ticket& facts = *ticket.mutable_ticket();
      facts.set_ticket_id(running.ticket);
      facts.set_title("title of " + running.ticket);
      facts.set_group("g-" + running.ticket);
      facts.set_assignee("ana");
      facts.set_priority(tickets::v1::PRIORITY_CRITICAL);
      facts.set_site("s");
      state::v1::Era& era = *ticket.add_eras();
      for (const std::string& pin : pins) *era.add_calendars() = Pinned(pin);
    }
    state::v1::ClockRecord& clock = *ticket.add_clocks();
    clock.set_name(running.name);
    clock.set_cycle(running.cycle);
    clock.set_leg(1);
    clock.set_state(v1::CLOCK_STATE_RUNNING);
    clock.set_due(running.due);
    if (running.breached) {
      state::v1::StandingBreach& breach = *clock.add_breaches();
      breach.set_leg(1);
      breach.set_due(running.due);
    }
    if (!running.calendar.empty()) {
      const state::v1::PinnedCalendar calendar = Pinned(running.calendar);
      clock.set_calendar_id(calendar.calendar_id());
      clock.set_calendar_version(calendar.version());
    }
    clock.set_time_zone(running.zone);
    return ticket;
  }

  // Stores `tickets` as they are now.
  void Commit(const std::string& tenant = "acme") {
    for (const auto& [id, ticket] : tickets) {
      const engine::EntityKey key = TicketKey(tenant, id);
      const auto before = stored_.find(key);
      Write(key, ticket, before == stored_.end() ? nullptr : &before->second);
      stored_[key] = ticket;
    }
  }

  v1::ListAtRiskResponse List(const v1::ListAtRiskRequest& request, int64_t now,
                              const std::string& tenant = "acme") {
    const auto list =
        ListAtRisk(*database_, calendars_, tenant, request, absl::FromUnixMicros(now));
    EXPECT_TRUE(list.ok()) << list.status();
    return list.value_or(v1::ListAtRiskResponse());
  }

  static std::vector<std::string> Ids(
      const google::protobuf::RepeatedPtrField<v1::AtRiskClock>& clocks) {
    std::vector<std::string> ids;
    for (const v1::AtRiskClock& clock : clocks) ids.push_back(clock.clock().clock_id());
    return ids;
  }

  const std::unique_ptr<db::Database> database_ = *db::OpenSqliteInMemory();
  CalendarCache calendars_;
  std::map<std::string, state::v1::TicketClocks> tickets;

 private:
  class Writer : public engine::IndexWriter {
   public:
    explicit Writer(db::Transaction& transaction) : transaction_(transaction) {}
    void Upsert(const db::Table& table, db::Row row) override {
      EXPECT_TRUE(transaction_.Upsert(table, std::vector<db::Row>{std::move(row)}).ok());
    }
    void Delete(const db::Table& table, db::Row key) override {
      EXPECT_TRUE(transaction_.Delete(table, std::vector<db::Row>{std::move(key)}).ok());
    }

   private:
    db::Transaction& transaction_;
  };

  static state::v1::PinnedCalendar Pinned(const std::string& text) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, '@');
    state::v1::PinnedCalendar pinned;
    pinned.set_calendar_id(parts.first);
    pinned.set_version(std::stoi(parts.second));
    return pinned;
  }

  void Write(const engine::EntityKey& key, const google::protobuf::Message& state,
             const google::protobuf::Message* before) {
    auto transaction = database_->Begin();
    ASSERT_TRUE(transaction.ok());
    const db::Row row = {int64_t{key.cls}, key.tenant, key.id, int64_t{1},
                         db::Bytes{state.SerializeAsString()}};
    ASSERT_TRUE((*transaction)->Upsert(engine::EntityTable(), std::vector<db::Row>{row}).ok());
    Writer writer(**transaction);
    decider_.Index(key, before, state, writer);
    ASSERT_TRUE((*transaction)->Commit().ok());
  }

  const SlaDecider decider_;
  std::map<engine::EntityKey, state::v1::TicketClocks> stored_;
};

}  // namespace watchbell::sla::test
