// Many seeds of the simulation, and the proof that it can fail.
#include "tests/simulation/simulation.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/telemetry/log.h"
#include "gtest/gtest.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::test {
namespace {

// SIM_SEEDS: how many (default 500). SIM_SEED: this one only, to look at a failure again.
uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

class SimulationTest : public testing::Test {
 protected:
  // Injected faults are no news.
  void SetUp() override { telemetry::SetLogLevel(telemetry::Level::kError); }
  void TearDown() override { telemetry::SetLogLevel(telemetry::Level::kInfo); }
};

TEST_F(SimulationTest, EveryInvariantHoldsForEverySeed) {
  const uint64_t only = FromEnvironment("SIM_SEED", 0);
  const uint64_t first = only == 0 ? 1 : only;
  const uint64_t last = only == 0 ? FromEnvironment("SIM_SEEDS", 500) : only;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const std::string failure = Simulation(seed).Run();
    ASSERT_EQ(failure, "") << "seed " << seed << "; again with SIM_SEED=" << seed;
  }
}

// Two processes of each service: commands through either, leases that move, zombies.
TEST_F(SimulationTest, EveryInvariantHoldsWithReplicas) {
  const uint64_t only = FromEnvironment("SIM_SEED", 0);
  const uint64_t first = only == 0 ? 1 : only;
  const uint64_t last = only == 0 ? FromEnvironment("SIM_SEEDS", 500) / 5 : only;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const std::string failure = Simulation(seed, {}, 2).Run();
    ASSERT_EQ(failure, "") << "seed " << seed << "; again with SIM_SEED=" << seed;
  }
}

// What never happens proves nothing: within a few seeds every clock goes through all it can.
TEST_F(SimulationTest, EveryClockIsPutToTheTest) {
  std::map<std::string, int> told;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Simulation simulation(seed);
    ASSERT_EQ(simulation.Run(), "") << "seed " << seed;
    for (const auto& [what, times] : simulation.checker().announced()) told[what] += times;
  }
  for (const char* clock : {"first-response", "resolution", "next-response", "periodic-update",
                            "network", "desk", "t10", "care", "today"}) {
    for (const char* what : {"ClockAttached", "ClockWarned", "ClockBreached"}) {
      const std::string key = absl::StrCat(clock, " ", what);
      EXPECT_GT(told[key], 0) << key;
    }
  }
  for (const char* what :
       {"first-response BreachWithdrawn", "resolution BreachWithdrawn", "care BreachWithdrawn",
        "first-response ClockRetargeted", "first-response ClockCancelled", "resolution ClockPaused",
        "resolution ClockResumed", "resolution ClockRetargeted", "resolution ClockCancelled",
        "periodic-update ClockPaused", "care ClockPaused", "care ClockResumed",
        "care ClockCancelled", "care ClockStopped", "today ClockStopped", "t10 ClockStopped"}) {
    EXPECT_GT(told[what], 0) << what;
  }
}

TEST_F(SimulationTest, ASeedGivesTheSameRunAgain) {
  PlantedBug bug;
  bug.plant = [](World& world) {
    world.database("tickets").tamper = [](const db::Table& table, std::vector<db::Row>& rows) {
      if (table.name == "journal" && rows.size() > 1) rows.pop_back();
    };
  };
  EXPECT_EQ(Simulation(7, bug).Run(), Simulation(7, bug).Run());
}

// --- planted bugs: one of each invariant's kind must be caught within a few seeds ---

// What the first seed that notices says.
std::string Caught(const PlantedBug& bug) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    if (std::string failure = Simulation(seed, bug).Run(); !failure.empty()) return failure;
  }
  return "nothing noticed";
}

// Passes everything on; bugs override one thing.
class Spoiled : public engine::Decider {
 public:
  explicit Spoiled(std::shared_ptr<const engine::Decider> real) : real_(std::move(real)) {}
  const std::vector<engine::EntityClass>& classes() const override { return real_->classes(); }
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override {
    return real_->Needs(input);
  }
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
    return real_->Decide(view, input);
  }
  void Index(const engine::EntityKey& key, const google::protobuf::Message* before,
             const google::protobuf::Message& after, engine::IndexWriter& writer) const override {
    real_->Index(key, before, after, writer);
  }

 protected:
  std::shared_ptr<const engine::Decider> real_;
};

// Tells each event of one kind twice.
template <typename Event>
class Twice : public Spoiled {
 public:
  using Spoiled::Spoiled;
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
    engine::Decision decision = real_->Decide(view, input);
    const std::vector<engine::NewEvent> events = decision.events();
    for (const engine::NewEvent& event : events) {
      if (const auto* told = dynamic_cast<const Event*>(event.payload.get())) {
        decision.Emit(event.stream, *told, event.occurred_at);
      }
    }
    return decision;
  }
};

template <typename Bug>
PlantedBug In(const std::string& where) {
  PlantedBug bug;
  bug.wrap_decider = [where](const std::string& service,
                             std::shared_ptr<const engine::Decider> real) {
    return service == where
               ? std::static_pointer_cast<const engine::Decider>(std::make_shared<Bug>(real))
               : real;
  };
  return bug;
}

PlantedBug Tamper(std::function<void(std::vector<db::Row>&)> change) {
  PlantedBug bug;
  bug.plant = [change](World& world) {
    world.database("tickets").tamper = [change](const db::Table& table,
                                                std::vector<db::Row>& rows) {
      if (table.name == "journal") change(rows);
    };
  };
  return bug;
}

TEST_F(SimulationTest, CatchesARowWithoutItsEvent) {
  const std::string caught = Caught(Tamper([](std::vector<db::Row>& rows) {
    if (rows.size() > 1) rows.pop_back();
  }));
  EXPECT_TRUE(caught.find("last event") != std::string::npos ||
              caught.find("rows without events") != std::string::npos ||
              caught.find("version hole") != std::string::npos)
      << caught;
}

TEST_F(SimulationTest, CatchesAHoleInTheVersions) {
  const std::string caught = Caught(Tamper([](std::vector<db::Row>& rows) {
    for (db::Row& row : rows) row[5] = db::AsInt(row[5]) + (db::AsInt(row[5]) > 2 ? 1 : 0);
  }));
  EXPECT_NE(caught.find("version hole"), std::string::npos) << caught;
}

TEST_F(SimulationTest, CatchesASecondStandingBreach) {
  const std::string caught = Caught(In<Twice<events::v1::ClockBreached>>("sla"));
  EXPECT_NE(caught.find("2 standing breaches"), std::string::npos) << caught;
}

TEST_F(SimulationTest, CatchesAWarningThatIsToldTwice) {
  const std::string caught = Caught(In<Twice<events::v1::ClockWarned>>("sla"));
  EXPECT_NE(caught.find("was crossed on 1 legs and told 2 times"), std::string::npos) << caught;
}

TEST_F(SimulationTest, CatchesALostWarning) {
  class Mute : public Spoiled {
   public:
    using Spoiled::Spoiled;
    engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
      engine::Decision decision = real_->Decide(view, input);
      const std::vector<engine::NewEvent>& events = decision.events();
      const bool only_warns =
          !events.empty() && std::all_of(events.begin(), events.end(), [](const auto& event) {
            return dynamic_cast<const events::v1::ClockWarned*>(event.payload.get()) != nullptr;
          });
      if (!only_warns) return decision;
      engine::Decision silent;
      for (const auto& [key, state] : decision.writes()) silent.Put(key, state);
      for (const engine::TimerChange& change : decision.timers()) {
        if (change.due) silent.Arm(change.key.entity, change.key.name, *change.due);
      }
      return silent;
    }
  };
  const std::string caught = Caught(In<Mute>("sla"));
  EXPECT_NE(caught.find("was crossed on 1 legs and told 0 times"), std::string::npos) << caught;
}

TEST_F(SimulationTest, CatchesAPageAfterTheAcknowledgement) {
  class Deaf : public Spoiled {
   public:
    using Spoiled::Spoiled;
    engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
      if (input.As<events::v1::TicketAcknowledged>() != nullptr) return engine::Decision();
      return real_->Decide(view, input);
    }
  };
  const std::string caught = Caught(In<Deaf>("escalation"));
  EXPECT_NE(caught.find("although acknowledgement"), std::string::npos) << caught;
}

TEST_F(SimulationTest, CatchesAProjectionThatMissesAnEvent) {
  class Forgetful : public Spoiled {
   public:
    using Spoiled::Spoiled;
    engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
      if (input.As<events::v1::TicketResolved>() != nullptr) return engine::Decision();
      return real_->Decide(view, input);
    }
  };
  const std::string caught = Caught(In<Forgetful>("analytics"));
  EXPECT_NE(caught.find("differ from a recount"), std::string::npos) << caught;
}

TEST_F(SimulationTest, CatchesAVerdictThatDependsOnArrival) {
  class Blind : public Spoiled {
   public:
    using Spoiled::Spoiled;
    engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
      if (input.As<events::v1::TicketHeld>() != nullptr) return engine::Decision();
      return real_->Decide(view, input);
    }
  };
  const std::string caught = Caught(In<Blind>("sla"));
  EXPECT_NE(caught.find("counted in event time"), std::string::npos) << caught;
}

TEST_F(SimulationTest, CatchesALostDelivery) {
  class Silent : public Spoiled {
   public:
    using Spoiled::Spoiled;
    engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
      if (input.As<events::v1::PageRequested>() != nullptr) return engine::Decision();
      return real_->Decide(view, input);
    }
  };
  const std::string caught = Caught(In<Silent>("notifications"));
  EXPECT_NE(caught.find("unknown to notifications"), std::string::npos) << caught;
}

TEST_F(SimulationTest, CatchesALostCommand) {
  const std::string caught = Caught(Tamper([](std::vector<db::Row>& rows) { rows.clear(); }));
  EXPECT_NE(caught, "nothing noticed");
}

}  // namespace
}  // namespace watchbell::test
