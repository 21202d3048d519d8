// Adherence of 10,000 tickets, from events to answer, against a brute-force count: random tickets
// are kept as plain rows, told as events of tickets and sla in any interleaving, and every answer
// is counted again from the rows by the words of its definition, sharing no code with the folds.
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "protos/watchbell/events/v1/topics.h"
#include "services/analytics/analytics_queries.h"
#include "tests/support/decider_harness.h"
#include "tests/unit/analytics/facts_database.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

using Random = std::mt19937;
using google::protobuf::Message;
using tickets::v1::Priority;

constexpr int kTickets = 10'000;
constexpr int kFirstYear = 2015;
constexpr int kMonths = 14;  // from November of it

enum class End { kMet, kMissed, kWaived, kPending, kOpenBreached, kCancelled };

struct PlainClock {
  std::string name;
  int cycle;
  Priority priority;  // of the last leg
  int year, month;    // in which it began
  End end;
  int earlier_breaches;
};
struct PlainTicket {
  std::string id, category;
  bool imported;
  std::vector<PlainClock> clocks;
};

int Below(int n, Random& random) { return static_cast<int>(random() % static_cast<uint32_t>(n)); }
Priority AnyPriority(Random& random) { return static_cast<Priority>(1 + Below(5, random)); }
std::string AnyCategory(Random& random) {
  static const char* const kCategories[] = {"", "mail", "network", "hardware", "access"};
  return kCategories[Below(5, random)];
}

// Some instant of a month; often its first or its last microsecond.
absl::Time AnyTimeOf(int year, int month, Random& random) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time begin = absl::FromCivil(absl::CivilMonth(year, month), utc);
  const absl::Time end = absl::FromCivil(absl::CivilMonth(year, month) + 1, utc);
  switch (Below(4, random)) {
    case 0:
      return begin;
    case 1:
      return end - absl::Microseconds(1);
    default:
      return begin + absl::Microseconds(static_cast<int64_t>(
                         random() % static_cast<uint64_t>((end - begin) / absl::Microseconds(1))));
  }
}

using Events = std::vector<std::shared_ptr<Message>>;

template <typename E>
void Tell(const sla::v1::Clock& clock, Events& events) {
  auto event = std::make_shared<E>();
  *event->mutable_clock() = clock;
  events.push_back(std::move(event));
}

// A stopped clock with these verdicts.
template <typename E>
void TellStopped(sla::v1::Clock& clock, sla::v1::Verdict verdict, sla::v1::Verdict effective,
                 Events& events) {
  clock.set_verdict(verdict);
  clock.set_effective_verdict(effective);
  clock.set_breached(verdict == sla::v1::VERDICT_MISSED);
  Tell<E>(clock, events);
}

// How it came to its verdict: restated ones before it, waivers that were taken back.
void TellVerdict(sla::v1::Clock& clock, End end, Random& random, Events& events) {
  using enum sla::v1::Verdict;
  if (Below(4, random) == 0) {  // another one first, which may have been excused
    const bool met = end != End::kMet;
    TellStopped<ev::ClockStopped>(clock, met ? VERDICT_MET : VERDICT_MISSED,
                                  met ? VERDICT_MET : VERDICT_MISSED, events);
    if (!met && Below(2, random) == 0) {
      TellStopped<ev::ClockWaived>(clock, VERDICT_MISSED, VERDICT_MET, events);
    }
  }
  if (end == End::kMet) {
    return TellStopped<ev::ClockStopped>(clock, VERDICT_MET, VERDICT_MET, events);
  }
  TellStopped<ev::ClockStopped>(clock, VERDICT_MISSED, VERDICT_MISSED, events);
  if (end == End::kWaived || Below(4, random) == 0) {
    TellStopped<ev::ClockWaived>(clock, VERDICT_MISSED, VERDICT_MET, events);
  }
  if (end == End::kMissed) {
    TellStopped<ev::WaiverWithdrawn>(clock, VERDICT_MISSED, VERDICT_MISSED, events);
  }
}

// The life of one clock, which ends as `plain` says: legs before the last, breaches, an end that
// may have been another one at first.
void TellClock(const std::string& ticket, const PlainClock& plain, Random& random, Events& events) {
  static const std::map<std::string, sla::v1::Metric> kMetrics = {
      {"first-response", sla::v1::METRIC_FIRST_RESPONSE},
      {"resolution", sla::v1::METRIC_RESOLUTION},
      {"next-response", sla::v1::METRIC_NEXT_RESPONSE},
      {"ola-net", sla::v1::METRIC_OPERATIONAL_LEVEL},
      {"ola-desk", sla::v1::METRIC_OPERATIONAL_LEVEL}};
  sla::v1::Clock clock =
      MakeClock(ticket + "/" + plain.name + "/" + std::to_string(plain.cycle),
                kMetrics.at(plain.name), AnyPriority(random), sla::v1::CLOCK_STATE_RUNNING);
  clock.set_clock(plain.name);
  clock.set_cycle(plain.cycle);
  *clock.mutable_started_at() = ToProto(AnyTimeOf(plain.year, plain.month, random));
  if (plain.earlier_breaches == 0) clock.set_priority(plain.priority);
  Tell<ev::ClockAttached>(clock, events);
  for (int breach = 1; breach <= plain.earlier_breaches; ++breach) {
    clock.set_breached(true);
    Tell<ev::ClockBreached>(clock, events);
    clock.set_breached(false);
    clock.set_earlier_breaches(breach);
    clock.set_priority(breach == plain.earlier_breaches ? plain.priority : AnyPriority(random));
    Tell<ev::ClockRetargeted>(clock, events);
  }
  switch (plain.end) {
    case End::kPending:
      if (Below(3, random) != 0) return;
      clock.set_breached(true);
      Tell<ev::ClockBreached>(clock, events);
      clock.set_breached(false);
      return Tell<ev::BreachWithdrawn>(clock, events);
    case End::kOpenBreached:
      clock.set_breached(true);
      return Tell<ev::ClockBreached>(clock, events);
    case End::kCancelled:
      clock.set_state(sla::v1::CLOCK_STATE_CANCELLED);
      return Tell<ev::ClockCancelled>(clock, events);
    default:
      break;
  }
  clock.set_state(sla::v1::CLOCK_STATE_STOPPED);
  TellVerdict(clock, plain.end, random, events);
}

PlainTicket AnyTicket(int number, Random& random) {
  PlainTicket ticket{
      "inc-" + std::to_string(number), AnyCategory(random), Below(3, random) == 0, {}};
  for (const char* name :
       {"first-response", "resolution", "next-response", "ola-net", "ola-desk"}) {
    const std::string clock = name;
    const int cycles =
        clock == "next-response" || clock == "ola-net" ? Below(4, random) : Below(2, random);
    for (int cycle = 1; cycle <= cycles; ++cycle) {
      const int month = 10 + Below(kMonths, random);  // November is 10
      ticket.clocks.push_back({clock, cycle, AnyPriority(random), kFirstYear + month / 12,
                               month % 12 + 1, static_cast<End>(Below(6, random)),
                               Below(3, random) == 0 ? 1 + Below(2, random) : 0});
    }
  }
  return ticket;
}

// What tickets says of it: created in one category and priority, in another one later.
Events TicketEvents(const PlainTicket& plain, Random& random) {
  auto created = std::make_shared<ev::TicketCreated>();
  tickets::v1::Ticket& ticket = *created->mutable_ticket();
  ticket.set_state(tickets::v1::STATE_NEW);
  ticket.set_priority(AnyPriority(random));
  if (plain.imported) ticket.mutable_import()->set_source("log");
  const bool moves = Below(3, random) == 0;
  ticket.mutable_classification()->set_category(moves ? AnyCategory(random) : plain.category);
  Events events = {created};
  auto repriced = std::make_shared<ev::TicketReprioritized>();
  *repriced->mutable_ticket() = ticket;
  repriced->mutable_ticket()->set_priority(AnyPriority(random));
  events.push_back(repriced);
  if (moves) {
    auto moved = std::make_shared<ev::TicketReclassified>();
    *moved->mutable_previous() = ticket.classification();
    *moved->mutable_ticket() = repriced->ticket();
    moved->mutable_ticket()->mutable_classification()->set_category(plain.category);
    events.push_back(moved);
  }
  return events;
}

// ---- the oracle

struct Counts {
  int64_t met = 0, missed = 0, waived = 0, pending = 0, open_breached = 0, earlier_breaches = 0;
  auto operator<=>(const Counts&) const = default;
};
using Row = std::tuple<std::string, int, std::string, std::string>;  // clock, ..., month

struct Question {
  bool by_clock, by_priority, by_category, by_month;
  bool imported = false;
  std::set<std::string> clocks, categories;  // empty = all
  std::set<int> priorities;
  std::string first_month, last_month;
};

std::map<Row, Counts> CountAll(const std::vector<PlainTicket>& tickets, const Question& question) {
  std::map<Row, Counts> rows;
  for (const PlainTicket& ticket : tickets) {
    for (const PlainClock& clock : ticket.clocks) {
      char month[16];
      std::snprintf(month, sizeof month, "%04d-%02d", clock.year, clock.month);
      const bool asked =
          ticket.imported == question.imported && clock.end != End::kCancelled &&
          (question.clocks.empty() || question.clocks.count(clock.name) == 1) &&
          (question.categories.empty() || question.categories.count(ticket.category) == 1) &&
          (question.priorities.empty() || question.priorities.count(clock.priority) == 1) &&
          (question.first_month.empty() || month >= question.first_month) &&
          (question.last_month.empty() || month <= question.last_month);
      if (!asked) continue;
      Counts& counts =
          rows[{question.by_clock ? clock.name : "", question.by_priority ? int{clock.priority} : 0,
                question.by_category ? ticket.category : "", question.by_month ? month : ""}];
      counts.met += clock.end == End::kMet;
      counts.missed += clock.end == End::kMissed || clock.end == End::kWaived;
      counts.waived += clock.end == End::kWaived;
      counts.pending += clock.end == End::kPending;
      counts.open_breached += clock.end == End::kOpenBreached;
      counts.earlier_breaches += clock.earlier_breaches;
    }
  }
  return rows;
}

v1::GetAdherenceRequest RequestOf(const Question& question) {
  v1::GetAdherenceRequest request;
  if (question.by_clock) request.add_group_by(v1::DIMENSION_CLOCK);
  if (question.by_priority) request.add_group_by(v1::DIMENSION_PRIORITY);
  if (question.by_category) request.add_group_by(v1::DIMENSION_CATEGORY);
  if (question.by_month) request.add_group_by(v1::DIMENSION_MONTH);
  if (question.imported) request.set_import_source("log");
  for (const std::string& clock : question.clocks) request.add_clocks(clock);
  for (const std::string& category : question.categories) request.add_categories(category);
  for (int priority : question.priorities) request.add_priorities(static_cast<Priority>(priority));
  request.set_first_month(question.first_month);
  request.set_last_month(question.last_month);
  return request;
}

// The ratio by its definition: an end x of the Wilson interval solves (p - x)^2 = z^2 x(1-x) / n.
void CheckKept(bool given, const v1::Ratio& ratio, int64_t kept, int64_t finished) {
  ASSERT_EQ(given, finished > 0);
  if (finished == 0) return;
  EXPECT_EQ(ratio.numerator(), kept);
  EXPECT_EQ(ratio.denominator(), finished);
  const double n = static_cast<double>(finished), p = static_cast<double>(kept) / n;
  EXPECT_DOUBLE_EQ(ratio.rate(), p);
  EXPECT_LE(ratio.wilson95_low(), p);
  EXPECT_GE(ratio.wilson95_high(), p);
  EXPECT_LT(ratio.wilson95_low(), ratio.wilson95_high());
  for (const double x : {ratio.wilson95_low(), ratio.wilson95_high()}) {
    EXPECT_NEAR((p - x) * (p - x), 1.959963984540054 * 1.959963984540054 * x * (1 - x) / n, 1e-12);
  }
}

class AdherenceOracle : public FactsDatabase {
 protected:
  // Tells the decider everything, topics interleaved, and stores what it keeps.
  void TellAll(const std::vector<PlainTicket>& tickets, Random& random) {
    test::DeciderHarness harness(decider_);
    std::vector<std::pair<std::string, TicketFacts>> stored;
    for (const PlainTicket& ticket : tickets) {
      const Events first = TicketEvents(ticket, random);
      Events second;
      for (const PlainClock& clock : ticket.clocks) TellClock(ticket.id, clock, random, second);
      for (size_t i = 0, j = 0; i < first.size() || j < second.size();) {
        const bool from_tickets = j == second.size() || (i < first.size() && random() % 2 == 0);
        const absl::Status told = harness.EventMessage(
            from_tickets ? events::kTicketsTopic : events::kSlaTopic, ticket.id,
            from_tickets ? first[i++] : second[j++], At("2015-11-01T00:00:00Z"));
        ASSERT_TRUE(told.ok()) << told;
      }
      stored.emplace_back(ticket.id, *harness.State<TicketFacts>(TicketKey("default", ticket.id)));
    }
    ASSERT_EQ(Store("default", stored), kTickets);
  }

  // Answers how many rows it has.
  size_t Check(const std::vector<PlainTicket>& tickets, const Question& question) {
    const v1::GetAdherenceRequest request = RequestOf(question);
    SCOPED_TRACE(request.ShortDebugString());
    const auto response = GetAdherence(*database_, "default", request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return 0;
    std::vector<std::pair<Row, Counts>> rows;
    for (const v1::Adherence& row : response->rows()) {
      rows.push_back({{row.clock(), row.priority(), row.category(), row.month()},
                      {row.met(), row.missed(), row.waived(), row.pending(), row.open_breached(),
                       row.earlier_breaches()}});
      const int64_t finished = row.met() + row.missed();
      CheckKept(row.has_kept(), row.kept(), row.met(), finished);
      CheckKept(row.has_kept_with_waivers(), row.kept_with_waivers(), row.met() + row.waived(),
                finished);
    }
    const std::map<Row, Counts> expected = CountAll(tickets, question);
    // In the same order too.
    EXPECT_TRUE(rows == (std::vector<std::pair<Row, Counts>>(expected.begin(), expected.end())));
    return rows.size();
  }
};

TEST_F(AdherenceOracle, TenThousandTicketsByClockPriorityCategoryAndMonth) {
  Random random(20160229);
  std::vector<PlainTicket> tickets;
  for (int i = 0; i < kTickets; ++i) tickets.push_back(AnyTicket(i, random));
  ASSERT_NO_FATAL_FAILURE(TellAll(tickets, random));
  // All of clock x priority x category x month: the fixture fills nearly every cell of 1,750.
  EXPECT_GT(Check(tickets, {true, true, true, true}), 1700u);
  Question imported{true, true, true, true};
  imported.imported = true;
  EXPECT_GT(Check(tickets, imported), 1000u);
  for (int set = 0; set < 15; ++set) {
    Check(tickets, {(set & 1) != 0, (set & 2) != 0, (set & 4) != 0, (set & 8) != 0});
  }
  for (int i = 0; i < 20; ++i) {
    Question question{Below(2, random) == 0, Below(2, random) == 0, Below(2, random) == 0,
                      Below(2, random) == 0};
    question.imported = Below(2, random) == 0;
    if (Below(2, random) == 0) question.clocks = {"next-response", "ola-net"};
    if (Below(2, random) == 0) question.categories = {"mail", ""};
    if (Below(2, random) == 0) question.priorities = {1, 1 + Below(5, random)};
    if (Below(2, random) == 0) question.first_month = "2016-02";
    if (Below(2, random) == 0) question.last_month = "2016-09";
    EXPECT_GT(Check(tickets, question), 0u);
  }
}

}  // namespace
}  // namespace watchbell::analytics
