// What a draft would have made of tickets, beside what is stored of them. Pure; times are
// microseconds since the epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/arena.h"
#include "services/sla/clocks/clock_machine.h"
#include "watchbell/sla/state/v1/life.pb.h"
#include "watchbell/sla/v1/what_if.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::sla {

// Which clocks are listed, beside being counted.
enum class Listed {
  kNone,
  kOtherVerdict,
  kAll,
};

// Judges one ticket after the other and counts. One thread's.
class WhatIf {
 public:
  // `draft` is of one era and outlives this. `now` is until when live tickets are judged; historic
  // ones are as far as they were.
  WhatIf(const Judge& draft, Listed listed, int64_t now);

  void Take(const state::v1::TicketLife& stored);

  int64_t tickets() const { return tickets_; }
  // Of what is listed so far.
  size_t bytes() const { return bytes_; }

  // All of it, but for the token.
  v1::WhatIfResponse Answer();

 private:
  // A clock by what is stored and by the draft; one of them may be null.
  struct Pair {
    const state::v1::ClockRecord* before = nullptr;
    const state::v1::ClockRecord* after = nullptr;

    const state::v1::ClockRecord& either() const { return after != nullptr ? *after : *before; }
  };

  // As the draft has it; gone with the next ticket.
  state::v1::TicketClocks& CountAgain(const state::v1::TicketLife& stored);
  void PairUp(const state::v1::TicketLife& stored, const state::v1::TicketClocks& again);
  void Count(const Pair& pair);
  void List(const tickets::v1::Ticket& ticket, const Pair& pair);

  const Judge& draft_;
  const Listed listed_;
  const int64_t now_;
  int64_t tickets_ = 0;
  size_t bytes_ = 0;
  std::map<std::pair<std::string, int>, v1::WhatIfCount> counts_;  // by clock and priority
  v1::WhatIfResponse response_;

  // Of the ticket in hand.
  std::vector<char> room_;  // of the arena, for an ordinary ticket
  google::protobuf::Arena arena_;
  std::vector<Pair> pairs_;
};

}  // namespace watchbell::sla
