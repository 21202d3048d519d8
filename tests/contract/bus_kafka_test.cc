#include "common/bus/kafka/kafka_bus.h"

#include "tests/contract/bus_contract.h"
#include "tests/contract/kafka_tools.h"

namespace watchbell::bus {
namespace {

struct Kafka {
  static constexpr bool kAtLeastOnce = true;
  explicit Kafka(JournalSource& journals) : journals_(journals) {
    topics_.Make(kWidgets);
    topics_.Make(kGadgets);
    Restart();
  }
  Bus& bus() { return *bus_; }
  void AwaitPublished(Producer& producer) {
    ASSERT_TRUE(Await([&producer] { return producer.Settled(); })) << bus_->Health();
  }
  void Restart() {
    bus_ = nullptr;
    auto bus = OpenKafka(topics_.options(), journals_, clock_);
    ASSERT_TRUE(bus.ok()) << bus.status();
    bus_ = std::move(*bus);
  }

 private:
  JournalSource& journals_;
  SystemClock clock_;
  TestTopics topics_;
  std::unique_ptr<KafkaBus> bus_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Kafka, BusContract, Kafka);

}  // namespace
}  // namespace watchbell::bus
