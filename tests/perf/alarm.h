// The smallest service with timers, for benchmarks: its firing changes a state of a few bytes and
// is an event dated when it was due.
#pragma once

#include <vector>

#include "common/engine/decider.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::perf {

class AlarmDecider : public engine::Decider {
 public:
  static engine::TimerKey Key(const std::string& id) { return {{1, "default", id}, "due"}; }

  const std::vector<engine::EntityClass>& classes() const override {
    static const std::vector<engine::EntityClass> classes = {
        {1, "alarm", &tickets::v1::Ticket::default_instance(), ""}};
    return classes;
  }
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override {
    return {input.timer.entity};
  }
  engine::Decision Decide(const engine::View&, const engine::Input& input) const override {
    engine::Decision decision;
    tickets::v1::Ticket state;
    state.set_title("fired");
    decision.Emit(input.timer.entity, events::v1::TicketTouched(), input.due);
    decision.Put(input.timer.entity, state);
    return decision;
  }
};

}  // namespace watchbell::perf
