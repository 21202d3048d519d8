// A service small enough to test the engine with: things that can be bumped, and a follower that
// counts the bumps.
//
// Bump = StartWorkRequest{name: thing, etag: what to do}: "" bumps; "arm:<seconds>" also arms timer
// "t"; "refuse" is refused; "more:<id>" first asks to see another thing; "create:<id>" makes one
// without asking; "poison" emits an event the follower refuses.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/engine/decider.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::test {

using tickets::v1::StartWorkRequest;
using tickets::v1::Ticket;

inline constexpr char kToyTopic[] = "toy.things.v1";

inline engine::EntityKey Thing(const std::string& id, const std::string& tenant = "default") {
  return {1, tenant, id};
}

class ToyDecider : public engine::Decider {
 public:
  const std::vector<engine::EntityClass>& classes() const override {
    static const std::vector<engine::EntityClass> classes = {
        {1, "thing", &Ticket::default_instance(), kToyTopic}};
    return classes;
  }
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override {
    if (input.kind == engine::Input::Kind::kTimer) return {input.timer.entity};
    if (const auto* bump = input.As<StartWorkRequest>()) {
      return {Thing(bump->name(), input.identity.tenant)};
    }
    return {};
  }
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
    engine::Decision decision;
    if (input.kind == engine::Input::Kind::kTimer) {
      Ticket thing = *view.Get<Ticket>(input.timer.entity);
      thing.set_title("fired");
      events::v1::TicketTouched event;
      *event.mutable_ticket() = thing;
      decision.Emit(input.timer.entity, event, input.due);
      decision.Put(input.timer.entity, thing);
      return decision;
    }
    const auto& bump = *input.As<StartWorkRequest>();
    if (bump.etag() == "refuse") {
      return engine::Decision::Refuse(ForbiddenMove("REFUSED", bump.name(), "as asked"));
    }
    if (absl::StartsWith(bump.etag(), "more:")) {
      const engine::EntityKey other = Thing(bump.etag().substr(5), input.identity.tenant);
      if (!view.Loaded(other)) return engine::Decision::NeedsMore({other});
    }
    const engine::EntityKey key = Thing(bump.name(), input.identity.tenant);
    const Ticket* before = view.Get<Ticket>(key);
    Ticket thing = before == nullptr ? Ticket() : *before;
    thing.set_reopen_count(thing.reopen_count() + 1);
    thing.set_description(bump.etag());
    events::v1::TicketTouched event;
    *event.mutable_ticket() = thing;
    decision.Emit(key, event, input.now);
    decision.Put(key, thing);
    if (absl::StartsWith(bump.etag(), "create:")) {
      decision.Create(Thing(bump.etag().substr(7), input.identity.tenant), thing);
    }
    absl::string_view seconds = bump.etag();
    int delay = 0;
    if (absl::ConsumePrefix(&seconds, "arm:") && absl::SimpleAtoi(seconds, &delay)) {
      decision.Arm(key, "t", input.now + absl::Seconds(delay));
    }
    decision.Reply(thing);
    return decision;
  }
};

// Counts the events of each thing; state: reopen_count = events seen, title = what was seen last.
// Bumping it (a command) with "arm:<seconds>" arms a timer, whose firing notes in `resolver` how
// many events it had seen by then. What was bumped with "idle" is none of its business.
class FollowerDecider : public engine::Decider {
 public:
  bool refuse_poison = true;

  const std::vector<engine::EntityClass>& classes() const override {
    static const std::vector<engine::EntityClass> classes = {
        {1, "follower", &Ticket::default_instance(), ""}};
    return classes;
  }
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override {
    if (input.kind == engine::Input::Kind::kTimer) return {input.timer.entity};
    if (IsIdle(input)) return {};
    if (input.kind == engine::Input::Kind::kEvent) {
      return {Thing(input.envelope.subject, input.identity.tenant)};
    }
    return {Thing(input.As<StartWorkRequest>()->name(), input.identity.tenant)};
  }
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
    if (IsIdle(input)) return {};
    const engine::EntityKey key = Needs(input)[0];
    const Ticket* before = view.Get<Ticket>(key);
    Ticket state = before == nullptr ? Ticket() : *before;
    engine::Decision decision;
    if (input.kind == engine::Input::Kind::kTimer) {
      state.set_resolver(std::to_string(state.reopen_count()) + (input.ungated ? " ungated" : ""));
    } else if (const auto* touched = input.As<events::v1::TicketTouched>()) {
      if (refuse_poison && touched->ticket().description() == "poison") {
        return engine::Decision::Refuse(
            WithReason(absl::StatusCode::kInvalidArgument, "POISON", "poison"));
      }
      state.set_reopen_count(state.reopen_count() + 1);
      state.set_title(touched->ticket().description());
    } else {
      absl::string_view seconds = input.As<StartWorkRequest>()->etag();
      int delay = 0;
      absl::ConsumePrefix(&seconds, "arm:");
      if (absl::SimpleAtoi(seconds, &delay))
        decision.Arm(key, "t", input.now + absl::Seconds(delay));
      decision.Reply(state);
    }
    decision.Put(key, state);
    return decision;
  }

 private:
  static bool IsIdle(const engine::Input& input) {
    const auto* touched = input.As<events::v1::TicketTouched>();
    return touched != nullptr && touched->ticket().description() == "idle";
  }
};

}  // namespace watchbell::test
