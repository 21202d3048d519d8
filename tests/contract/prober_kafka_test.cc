// The prober and the machine's clock.
#include "common/bus/kafka/prober.h"

#include <atomic>

#include "gtest/gtest.h"
#include "tests/contract/bus_fixture.h"
#include "tests/contract/kafka_tools.h"

namespace watchbell::bus::kafka {
namespace {

// Knows whether somebody waits for long: the prober does when nothing is wanted.
class WatchedClock : public SystemClock {
 public:
  void WaitUntil(Mutex& mu, CondVar& cv, absl::Time deadline) override {
    if (deadline - Now() > absl::Milliseconds(500)) ++long_waits;
    SystemClock::WaitUntil(mu, cv, deadline);
  }
  std::atomic<int> long_waits{0};
};

TEST(ProberTest, WhatIsWantedOfATimeToComeIsNotAskedForUntilThen) {
  TestTopics topics;
  topics.Make(kWidgets);
  const KafkaOptions options = topics.options();
  WatchedClock clock;
  Prober prober(options, clock);
  ASSERT_TRUE(prober.Start().ok());
  const TopicShard place{kWidgets, 0};
  // As one that was wanted before the clock went back by an hour.
  prober.Ask(place, clock.Now() + absl::Hours(1));
  ASSERT_TRUE(Await([&] { return prober.Latest(place).has_value(); }));
  const int before = clock.long_waits;
  EXPECT_TRUE(Await([&] { return clock.long_waits > before; })) << "it is asked again and again";
}

}  // namespace
}  // namespace watchbell::bus::kafka
