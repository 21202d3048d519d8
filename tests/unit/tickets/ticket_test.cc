#include "services/tickets/ticket.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/base/errors.h"

namespace watchbell::tickets {
namespace {

constexpr v1::State kStates[] = {v1::STATE_NEW, v1::STATE_IN_PROGRESS, v1::STATE_ON_HOLD,
                                 v1::STATE_RESOLVED, v1::STATE_CLOSED};
constexpr Move kMoves[] = {Move::kStartWork, Move::kHold,  Move::kResume,
                           Move::kResolve,   Move::kClose, Move::kResolveAndClose,
                           Move::kReopen};

// Every legal move with the state it leads to; what is not named is forbidden.
const std::map<std::pair<Move, v1::State>, v1::State>& Legal() {
  static const auto* const table = new std::map<std::pair<Move, v1::State>, v1::State>{
      {{Move::kStartWork, v1::STATE_NEW}, v1::STATE_IN_PROGRESS},
      {{Move::kHold, v1::STATE_NEW}, v1::STATE_ON_HOLD},
      {{Move::kHold, v1::STATE_IN_PROGRESS}, v1::STATE_ON_HOLD},
      {{Move::kHold, v1::STATE_ON_HOLD}, v1::STATE_ON_HOLD},
      {{Move::kResume, v1::STATE_ON_HOLD}, v1::STATE_IN_PROGRESS},
      {{Move::kResolve, v1::STATE_NEW}, v1::STATE_RESOLVED},
      {{Move::kResolve, v1::STATE_IN_PROGRESS}, v1::STATE_RESOLVED},
      {{Move::kResolve, v1::STATE_ON_HOLD}, v1::STATE_RESOLVED},
      {{Move::kClose, v1::STATE_RESOLVED}, v1::STATE_CLOSED},
      {{Move::kResolveAndClose, v1::STATE_NEW}, v1::STATE_CLOSED},
      {{Move::kResolveAndClose, v1::STATE_IN_PROGRESS}, v1::STATE_CLOSED},
      {{Move::kResolveAndClose, v1::STATE_ON_HOLD}, v1::STATE_CLOSED},
      {{Move::kReopen, v1::STATE_RESOLVED}, v1::STATE_IN_PROGRESS},
      {{Move::kReopen, v1::STATE_CLOSED}, v1::STATE_IN_PROGRESS},
  };
  return *table;
}

v1::HoldReason ReasonIn(v1::State state) {
  return state == v1::STATE_ON_HOLD ? v1::HOLD_REASON_USER : v1::HOLD_REASON_UNSPECIFIED;
}

TEST(StateMachine, EveryStateTimesEveryMove) {
  for (const Move move : kMoves) {
    for (const v1::State state : kStates) {
      SCOPED_TRACE(testing::Message()
                   << "move " << static_cast<int>(move) << " from " << v1::State_Name(state));
      MoveRequest request{move};
      if (move == Move::kHold) request.reason = v1::HOLD_REASON_VENDOR;
      if (move == Move::kReopen) request.target = v1::STATE_IN_PROGRESS;
      const auto result = CheckMove("tickets/inc-1", state, ReasonIn(state), request);
      const auto legal = Legal().find({move, state});
      if (legal == Legal().end()) {
        ASSERT_FALSE(result.ok());
        EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
        EXPECT_EQ(ErrorReason(result.status()), "MOVE_FORBIDDEN");
        continue;
      }
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->to, legal->second);
      EXPECT_EQ(result->reason, legal->second == v1::STATE_ON_HOLD ? v1::HOLD_REASON_VENDOR
                                                                   : v1::HOLD_REASON_UNSPECIFIED);
      EXPECT_EQ(result->reason_change, move == Move::kHold && state == v1::STATE_ON_HOLD);
    }
  }
}

TEST(StateMachine, ReopensToEveryOpenStateOnly) {
  for (const v1::State from : {v1::STATE_RESOLVED, v1::STATE_CLOSED}) {
    for (const v1::State target : kStates) {
      const auto result = CheckMove("t", from, v1::HOLD_REASON_UNSPECIFIED,
                                    {Move::kReopen, target, v1::HOLD_REASON_CHANGE});
      EXPECT_EQ(result.ok(), IsOpen(target)) << v1::State_Name(target);
      if (result.ok()) {
        EXPECT_EQ(result->to, target);
        EXPECT_EQ(result->reason, target == v1::STATE_ON_HOLD ? v1::HOLD_REASON_CHANGE
                                                              : v1::HOLD_REASON_UNSPECIFIED);
      }
    }
  }
}

TEST(StateMachine, HoldsNeedAReasonAndAnotherOneEachTime) {
  const auto without = CheckMove("t", v1::STATE_NEW, v1::HOLD_REASON_UNSPECIFIED, {Move::kHold});
  EXPECT_EQ(without.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldViolations(without.status())[0].field, "reason");
  const auto reopened = CheckMove("t", v1::STATE_CLOSED, v1::HOLD_REASON_UNSPECIFIED,
                                  {Move::kReopen, v1::STATE_ON_HOLD});
  EXPECT_EQ(FieldViolations(reopened.status())[0].field, "hold_reason");
  const auto same = CheckMove("t", v1::STATE_ON_HOLD, v1::HOLD_REASON_USER,
                              {Move::kHold, v1::STATE_UNSPECIFIED, v1::HOLD_REASON_USER});
  EXPECT_EQ(ErrorReason(same.status()), "MOVE_FORBIDDEN");
}

TEST(StateMachine, SaysFromWhereAMoveIsLegal) {
  const auto result =
      CheckMove("tickets/inc-7", v1::STATE_NEW, v1::HOLD_REASON_UNSPECIFIED, {Move::kResume});
  EXPECT_EQ(result.status().message(), "tickets/inc-7: is New; work resumes only from OnHold");
}

TEST(TicketName, ParsesAndRefuses) {
  EXPECT_EQ(*ParseTicketName("tickets/inc-1042"), "inc-1042");
  EXPECT_EQ(TicketName("inc-1042"), "tickets/inc-1042");
  EXPECT_EQ(TicketId(v1::TICKET_TYPE_INCIDENT, 1042), "inc-1042");
  EXPECT_EQ(TicketId(v1::TICKET_TYPE_SERVICE_REQUEST, 1043), "req-1043");
  for (const char* bad : {"", "inc-1042", "tickets/", "tickets/INC-1", "tickets/inc 1",
                          "tickets/inc-1/x", "ticket/inc-1", "tickets/-a", "tickets/a-"}) {
    const auto parsed = ParseTicketName(bad);
    ASSERT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(FieldViolations(parsed.status())[0].field, "name");
  }
}

TEST(Etag, DiffersByVersion) {
  std::set<std::string> etags;
  for (int version = 1; version <= 20; ++version) etags.insert(EtagOf(version));
  EXPECT_EQ(etags.size(), 20u);
}

}  // namespace
}  // namespace watchbell::tickets
