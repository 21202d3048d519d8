#include "services/sla/clocks/late_inputs.h"

#include <algorithm>
#include <tuple>

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::StandingBreach;
using state::v1::TicketClocks;
using state::v1::TicketInput;
using Kind = Happening::Kind;

bool Before(const TicketInput& a, const TicketInput& b) {
  return std::make_pair(a.at(), a.sequence()) < std::make_pair(b.at(), b.sequence());
}

// Null: there is none.
ClockRecord* SameClock(TicketClocks& ticket, const ClockRecord& as) {
  for (ClockRecord& clock : *ticket.mutable_clocks()) {
    if (IsSameClock(clock, as)) return &clock;
  }
  return nullptr;
}

// The ticket counted again from nothing, with `input` in its place.
TicketClocks CountAgain(const Judge& judge, const TicketClocks& ticket, const TicketInput& input,
                        Happenings& happenings) {
  TicketClocks again;
  again.set_opened_at(ticket.opened_at());
  *again.mutable_announced() = ticket.announced();
  std::vector<TicketInput> inputs(ticket.inputs().begin(), ticket.inputs().end());
  inputs.insert(std::upper_bound(inputs.begin(), inputs.end(), input, Before), input);
  for (const TicketInput& next : inputs) {
    Settle(again, next.at(), happenings);
    ApplyInOrder(judge, again, next, happenings);
  }
  Settle(again, ticket.decided_before(), happenings);
  return again;
}

// What changed for one clock between what was announced and what is true now.
class Corrections {
 public:
  Corrections(const TicketInput& input, const Happenings& counted, TicketClocks& ticket,
              Happenings& out)
      : input_(input), counted_(counted), ticket_(ticket), out_(out) {}

  // `was` and `is` may be null, not both.
  void Correct(const ClockRecord* was, ClockRecord* is) {
    if (was == nullptr) {
      for (const Happening& happening : counted_) {
        if (IsSameClock(happening.clock, *is)) out_.push_back(happening);
      }
      return;
    }
    KeepAnnounced(*was, is);
    if (is == nullptr) {
      ClockRecord gone = *was;
      gone.clear_breaches();
      gone.clear_due();
      gone.clear_verdict();
      gone.clear_waiver();
      gone.set_state(v1::CLOCK_STATE_CANCELLED);
      gone.set_ended_at(input_.at());
      for (const StandingBreach& breach : was->breaches()) Withdraw(breach, gone);
      Tell(Kind::kCancelled, input_.at(), gone);
      return;
    }
    // What somebody decided about the clock is no part of its history.
    if (was->has_waiver()) *is->mutable_waiver() = was->waiver();
    for (const StandingBreach& breach : was->breaches()) {
      const StandingBreach* stands = BreachOf(*is, breach.leg());
      if (stands == nullptr || stands->due() != breach.due()) Withdraw(breach, *is);
    }
    PassOn(*was, *is);
    const bool judged_before = was->judged();
    is->set_judged(is->judged() || judged_before);
    Place(*was, *is, judged_before);
  }

 private:
  // A warning is told once; one that is no longer true cannot be untold and must not be told again.
  void KeepAnnounced(const ClockRecord& was, const ClockRecord* is) {
    for (const state::v1::FiredWarning& fired : was.fired()) {
      if (is != nullptr && HasFired(*is, fired.leg(), fired.threshold())) continue;
      if (IsAnnounced(ticket_, was, fired)) continue;
      state::v1::AnnouncedWarning* announced = ticket_.add_announced();
      announced->set_clock(was.name());
      announced->set_cycle(was.cycle());
      *announced->mutable_warning() = fired;
    }
  }

  void Withdraw(const StandingBreach& breach, const ClockRecord& now) {
    Happening& told = Tell(Kind::kWithdrawn, input_.at(), now);
    told.leg = breach.leg();
    told.due = breach.due();
    if (BreachOf(now, breach.leg()) != nullptr) {
      told.cause = "due at another time";
    } else if (now.state() == v1::CLOCK_STATE_STOPPED && now.verdict() == v1::VERDICT_MET) {
      told.cause = "stopped in time";
    } else if (now.state() == v1::CLOCK_STATE_PAUSED) {
      told.cause = "paused in time";
    } else {
      told.cause = "an earlier input was heard late";
    }
  }

  // Warnings and breaches that are true now and were not told.
  void PassOn(const ClockRecord& was, const ClockRecord& is) {
    for (const Happening& happening : counted_) {
      if (!IsSameClock(happening.clock, is)) continue;
      const bool warning =
          happening.kind == Kind::kWarned && !HasFired(was, happening.leg, happening.threshold);
      bool breach = false;
      if (happening.kind == Kind::kBreached) {
        const StandingBreach* told = BreachOf(was, happening.leg);
        breach = told == nullptr || told->due() != happening.due;
      }
      if (!warning && !breach) continue;
      out_.push_back(happening);
      out_.back().clock = is;  // not as it was in the middle of its history
    }
  }

  // At most one happening that brings everybody to where the clock is now.
  void Place(const ClockRecord& was, const ClockRecord& is, bool restated) {
    const auto place = [](const ClockRecord& c) {
      return std::make_tuple(c.state(), c.leg(), c.target(), c.has_due(), c.due(), c.ended_at(),
                             c.verdict(), c.counted(), c.allowed(), c.started_at());
    };
    if (place(was) == place(is)) return;
    switch (is.state()) {
      case v1::CLOCK_STATE_STOPPED:
        Tell(Kind::kStopped, is.ended_at(), is).restated = restated;
        return;
      case v1::CLOCK_STATE_CANCELLED:
        Tell(Kind::kCancelled, is.ended_at(), is);
        return;
      case v1::CLOCK_STATE_PAUSED:
        if (was.leg() == is.leg()) {
          Tell(Kind::kPaused, input_.at(), is);
          return;
        }
        break;
      default:
        if (was.leg() == is.leg() && was.state() == v1::CLOCK_STATE_PAUSED) {
          Tell(Kind::kResumed, input_.at(), is);
          return;
        }
    }
    Tell(Kind::kRetargeted, input_.at(), is).cause = "late input";
  }

  Happening& Tell(Kind kind, int64_t at, const ClockRecord& clock) {
    out_.push_back({.kind = kind, .at = at, .clock = clock});
    return out_.back();
  }

  const TicketInput& input_;
  const Happenings& counted_;
  TicketClocks& ticket_;
  Happenings& out_;
};

}  // namespace

bool IsLate(const TicketClocks& ticket, const TicketInput& input) {
  if (ticket.decided_before() != 0 && input.at() < ticket.decided_before()) return true;
  return ticket.inputs_size() > 0 && Before(input, ticket.inputs(ticket.inputs_size() - 1));
}

void ApplyLate(const Judge& judge, TicketClocks& ticket, const TicketInput& input,
               Happenings& out) {
  Happenings counted;
  TicketClocks again = CountAgain(judge, ticket, input, counted);
  Corrections corrections(input, counted, ticket, out);
  for (const ClockRecord& was : ticket.clocks()) {
    corrections.Correct(&was, SameClock(again, was));
  }
  for (ClockRecord& is : *again.mutable_clocks()) {
    if (SameClock(ticket, is) == nullptr) corrections.Correct(nullptr, &is);
  }
  ticket.mutable_clocks()->Swap(again.mutable_clocks());
  ticket.mutable_inputs()->Swap(again.mutable_inputs());
  ticket.mutable_facts()->Swap(again.mutable_facts());
  ticket.set_era(again.era());
  ticket.set_decided_before(std::max(ticket.decided_before(), again.decided_before()));
}

void ApplyInput(const Judge& judge, TicketClocks& ticket, const TicketInput& input,
                Happenings& out) {
  if (IsLate(ticket, input)) {
    ApplyLate(judge, ticket, input, out);
    return;
  }
  Settle(ticket, input.at(), out);
  ApplyInOrder(judge, ticket, input, out);
}

}  // namespace watchbell::sla
