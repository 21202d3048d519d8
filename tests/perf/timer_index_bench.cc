// A million armed timers in memory: the engine's index beside a plain ordered set, and beside a set
// with a map of numbers, which is the least that can find a timer again by who it belongs to.
#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/engine/timer_index.h"
#include "tests/perf/bench.h"
#include "tests/perf/held_bytes.h"

namespace watchbell::perf {
namespace {

const int kTimers = FromEnvironment("BENCH_TIMERS", 1'000'000);
constexpr int kRounds = 3;
constexpr size_t kBatch = 512;  // fired together, as by the engine

// What is armed and cancelled: the same for all, in an order of chance.
struct Plan {
  std::vector<engine::TimerKey> keys;
  std::vector<absl::Time> due, moved;  // armed for; armed again for
  std::vector<int> order;              // of cancelling and moving
};

Plan MakePlan() {
  std::mt19937 random(7);
  // Within 30 days, as those of real promises are.
  std::uniform_int_distribution<int64_t> within(0, int64_t{30} * 86'400 * 1'000'000);
  Plan plan;
  for (int i = 0; i < kTimers; ++i) {
    plan.keys.push_back({{1, "default", absl::StrCat("inc-", i)}, "due"});
    plan.due.push_back(absl::FromUnixMicros(within(random)));
    plan.moved.push_back(absl::FromUnixMicros(within(random)));
    plan.order.push_back(i);
  }
  std::shuffle(plan.order.begin(), plan.order.end(), random);
  return plan;
}

class Index {
 public:
  explicit Index(const Plan& plan) : plan_(plan) {}
  void Arm(int i, absl::Time due) { index_.Set(plan_.keys[static_cast<size_t>(i)], due); }
  void Move(int i, absl::Time, absl::Time due) { Arm(i, due); }
  void Cancel(int i, absl::Time) { index_.Erase(plan_.keys[static_cast<size_t>(i)]); }
  size_t FireAll() {
    size_t fired = 0;
    std::vector<engine::TimerKey> batch;
    while (index_.size() > 0) {
      batch.clear();
      index_.VisitDue(absl::InfiniteFuture(), [&](engine::TimerIndex::Entry timer) {
        batch.push_back(std::move(timer.key));
        return batch.size() < kBatch;
      });
      for (const engine::TimerKey& key : batch) index_.Erase(key);
      fired += batch.size();
    }
    return fired;
  }

 private:
  const Plan& plan_;
  engine::TimerIndex index_;
};

// Must be told what a timer is armed for to cancel it: the index finds that itself.
class PlainSet {
 public:
  explicit PlainSet(const Plan& plan) : plan_(plan) {}
  void Arm(int i, absl::Time due) { set_.emplace(due, plan_.keys[static_cast<size_t>(i)]); }
  void Move(int i, absl::Time from, absl::Time due) {
    Cancel(i, from);
    Arm(i, due);
  }
  void Cancel(int i, absl::Time due) { set_.erase({due, plan_.keys[static_cast<size_t>(i)]}); }
  size_t FireAll() {
    size_t fired = 0;
    for (; !set_.empty(); ++fired) set_.erase(set_.begin());
    return fired;
  }

 private:
  const Plan& plan_;
  std::set<std::pair<absl::Time, engine::TimerKey>> set_;
};

// Timers are numbers and have no names.
class Numbers {
 public:
  explicit Numbers(const Plan&) {}
  void Arm(int i, absl::Time due) {
    const int64_t micros = absl::ToUnixMicros(due);
    due_.emplace(i, micros);
    set_.emplace(micros, i);
  }
  void Move(int i, absl::Time from, absl::Time due) {
    Cancel(i, from);
    Arm(i, due);
  }
  void Cancel(int i, absl::Time) {
    const auto it = due_.find(i);
    set_.erase({it->second, i});
    due_.erase(it);
  }
  size_t FireAll() {
    size_t fired = 0;
    for (; !set_.empty(); ++fired) {
      due_.erase(set_.begin()->second);
      set_.erase(set_.begin());
    }
    return fired;
  }

 private:
  absl::btree_set<std::pair<int64_t, int64_t>> set_;
  absl::flat_hash_map<int64_t, int64_t> due_;
};

// Nanoseconds of processor time each.
struct Figures {
  std::vector<double> arm, move, cancel, fire, bytes;
};

template <typename Work>
double NanosecondsEach(int count, const Work& work) {
  const absl::Duration began = ThreadTime();
  work();
  return absl::ToDoubleNanoseconds(ThreadTime() - began) / count;
}

template <typename Timers>
void Measure(const Plan& plan, Figures* figures) {
  const double before = HeldBytes();
  Timers timers(plan);
  figures->arm.push_back(NanosecondsEach(kTimers, [&] {
    for (int i = 0; i < kTimers; ++i) timers.Arm(i, plan.due[static_cast<size_t>(i)]);
  }));
  figures->bytes.push_back((HeldBytes() - before) / kTimers);
  figures->move.push_back(NanosecondsEach(kTimers, [&] {
    for (const int i : plan.order) {
      const auto place = static_cast<size_t>(i);
      timers.Move(i, plan.due[place], plan.moved[place]);
    }
  }));
  const int kCancelled = kTimers / 2;
  figures->cancel.push_back(NanosecondsEach(kCancelled, [&] {
    for (int k = 0; k < kCancelled; ++k) {
      const int i = plan.order[static_cast<size_t>(k)];
      timers.Cancel(i, plan.moved[static_cast<size_t>(i)]);
    }
  }));
  size_t fired = 0;
  figures->fire.push_back(NanosecondsEach(kTimers - kCancelled, [&] { fired = timers.FireAll(); }));
  if (fired != static_cast<size_t>(kTimers - kCancelled))
    Must(absl::InternalError("timers are missing"));
}

void Show(const std::string& what, const Figures& figures) {
  Figure(what, absl::StrFormat("arm %.0f  move %.0f  cancel %.0f  fire %.0f   %.0f bytes",
                               Median(figures.arm), Median(figures.move), Median(figures.cancel),
                               Median(figures.fire), Median(figures.bytes)));
}

double ArmAndCancel(const Figures& figures) { return Median(figures.arm) + Median(figures.cancel); }

int Main() {
  Title("timer_index_bench",
        absl::StrCat(kTimers, " armed timers in memory; nanoseconds of processor time each"));
  const Plan plan = MakePlan();
  Figures index, plain, numbers;
  // In turns, so that what else runs on the machine hits all.
  for (int round = 0; round < kRounds; ++round) {
    Measure<PlainSet>(plan, &plain);
    Measure<Numbers>(plan, &numbers);
    Measure<Index>(plan, &index);
  }
  Show("std::set of due time and key, due time told", plain);
  Show("btree_set and flat_hash_map of numbers", numbers);
  Show("index of the engine", index);
  Factor("index / std::set, arm and cancel", ArmAndCancel(index) / ArmAndCancel(plain), 2);
  Factor("index / numbers, arm and cancel", ArmAndCancel(index) / ArmAndCancel(numbers), 2);
  Figure("index / std::set, bytes",
         absl::StrFormat("%10.2f x", Median(index.bytes) / Median(plain.bytes)));
  const double bytes = Median(index.bytes);
  Figure("memory of an armed timer",
         absl::StrFormat("%10.0f bytes   goal <= 150%s", bytes, bytes <= 150 ? "" : "  NOT MET"));
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
