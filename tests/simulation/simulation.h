// One seeded run: five services, at most 10 tickets and 300 steps, faults from the seed, invariants
// after each step, the full recount at rest. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/simulation/checker.h"
#include "tests/support/world.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::test {

// Ways to break the program on purpose: the simulation must notice each (see simulation_test.cc).
struct PlantedBug {
  std::function<std::shared_ptr<const engine::Decider>(const std::string& service,
                                                       std::shared_ptr<const engine::Decider>)>
      wrap_decider;
  std::function<void(World&)> plant;
};

class Simulation {
 public:
  // With more than one replica of each service, processes die and freeze one by one, too.
  explicit Simulation(uint64_t seed, PlantedBug bug = {}, int replicas = 1);
  ~Simulation();

  // Empty, or what went wrong and at which step.
  std::string Run();
  const Checker& checker() const { return *checker_; }

 private:
  // A command that was sent and not answered yet; sent again with its id after a crash.
  struct Call;

  bool Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }

  std::string SetUp();
  std::string Step();
  void StepServices();
  void Send(std::shared_ptr<const google::protobuf::Message> request);
  void Submit(const std::shared_ptr<Call>& call);
  template <typename Request>
  std::shared_ptr<Request> Dated(std::shared_ptr<Request> request);
  std::shared_ptr<const google::protobuf::Message> RandomMove();
  std::shared_ptr<const google::protobuf::Message> RandomAlert();
  void MoveClock();
  void Crash();
  void DisturbReplica();
  void WakeReplicas();
  std::string TakeAnswers();
  std::string Rest();

  std::mt19937_64 random_;
  const int replicas_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Checker> checker_;
  std::vector<std::shared_ptr<Call>> calls_;
  std::vector<std::shared_ptr<const google::protobuf::Message>> sla_setup_;
  bool faults_ = false;
  bool crash_ = false;
  int opened_ = 0;
  std::string failure_;
};

}  // namespace watchbell::test
