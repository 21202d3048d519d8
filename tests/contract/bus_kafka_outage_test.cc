// The broker goes away and comes back. It is a broker of this file's own.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tests/contract/kafka_fixture.h"

namespace watchbell::bus {
namespace {

// Drives tests/contract/broker.py.
class Broker {
 public:
  Broker() {
    int to[2], from[2];
    EXPECT_EQ(pipe(to), 0);
    EXPECT_EQ(pipe(from), 0);
    const std::string script = std::string(WATCHBELL_SOURCE_DIR) + "/tests/contract/broker.py";
    const std::string folder = folder_.File("kafka");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(to[0], STDIN_FILENO);
      dup2(from[1], STDOUT_FILENO);
      for (const int end : {to[0], to[1], from[0], from[1]}) close(end);
      execlp("python3", "python3", script.c_str(), folder.c_str(), nullptr);
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    in_ = fdopen(to[1], "w");
    out_ = fdopen(from[0], "r");
    address_ = ReadLine();
    EXPECT_NE(address_, "") << "no broker can be started";
  }
  ~Broker() {
    fclose(in_);
    waitpid(pid_, nullptr, 0);
    fclose(out_);
  }

  const std::string& address() const { return address_; }
  void Do(const std::string& step) {
    fprintf(in_, "%s\n", step.c_str());
    fflush(in_);
    ASSERT_EQ(ReadLine(), "ok") << step;
  }

 private:
  std::string ReadLine() {
    char line[256] = "";
    if (fgets(line, sizeof(line), out_) == nullptr) return "";
    std::string text(line);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  test::TempFolder folder_;
  pid_t pid_ = 0;
  FILE* in_ = nullptr;
  FILE* out_ = nullptr;
  std::string address_;
};

Broker* broker = nullptr;

class KafkaOutageTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { broker = new Broker; }
  static void TearDownTestSuite() { delete std::exchange(broker, nullptr); }

  void SetUp() override {
    topics_.Make(kWidgets);
    auto bus = OpenKafka(topics_.options(), journals_, clock_);
    ASSERT_TRUE(bus.ok()) << bus.status();
    bus_ = std::move(*bus);
  }
  void TearDown() override {
    consumer_.Leave();
    producer_.Publish(nullptr);
  }
  void Join() {
    auto publisher =
        bus_->AddProducer(producer_.name(), producer_.reader(), {{"widget", kWidgets}});
    ASSERT_TRUE(publisher.ok()) << publisher.status();
    producer_.Publish(std::move(*publisher), {"widget"});
    journals_.Add(kWidgets, producer_, {"widget"});
    consumer_.Start(bus_->Subscribe({"readers", {kWidgets}, {}}, consumer_.bell.Wake()));
    AwaitLive(*bus_, consumer_);
  }
  bool AwaitHealth(bool ok) {
    return Await([this, ok] { return bus_->Health().ok() == ok; });
  }

  SystemClock clock_;
  TestTopics topics_{broker->address()};
  Producer producer_{"makers"};
  JournalBook journals_;
  std::unique_ptr<KafkaBus> bus_;
  Consumer consumer_{true};
};

TEST_F(KafkaOutageTest, ABrokerThatIsKilledInMidStreamLosesNothing) {
  Join();
  producer_.CommitMany("widget", 2'000, 50);
  broker->Do("kill");
  // More than can be under way at once.
  producer_.CommitMany("widget", 8'000, 5);
  ASSERT_TRUE(AwaitHealth(false));
  EXPECT_FALSE(producer_.Settled());
  broker->Do("start");
  producer_.CommitMany("widget", 100, 50);
  consumer_.AwaitTotal(10'100);
  ASSERT_TRUE(AwaitHealth(true)) << bus_->Health();
  EXPECT_TRUE(Await([this] { return producer_.Settled(); }));
  consumer_.ExpectNothing();
}

TEST_F(KafkaOutageTest, NothingWaitsForABrokerThatIsFrozen) {
  Join();
  producer_.CommitMany("widget", 100, 50);
  consumer_.AwaitTotal(100);
  consumer_.ExpectNothing();
  broker->Do("freeze");
  // None of this comes back only when the broker does: it is thawed at the end.
  consumer_.AtEnd(kWidgets, 3);
  producer_.CommitMany("widget", 5'000, 50);
  consumer_.Release(3);
  consumer_.Hold(3);
  EXPECT_EQ(consumer_.PollOnce(), 0u);
  consumer_.subscriber().Stored({{{kWidgets, 3}, {1, 1}}});
  producer_.publisher().Release(4);
  producer_.publisher().Hold(4, 0);
  ASSERT_TRUE(AwaitHealth(false));
  // What the journal has has not come. (As of now: its head is looked at every few seconds, and
  // may have been between the freeze and the commits.)
  const absl::Time since = clock_.Now();
  EXPECT_FALSE(consumer_.subscriber().AtEnd(kWidgets, 5, since));
  EXPECT_FALSE(consumer_.subscriber().AtEnd(kWidgets, 5, since));  // the head is known
  // A bus that begins now begins all the same, and one of its parts may end.
  auto other = OpenKafka(topics_.options(), journals_, clock_);
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE((*other)->Health().ok());
  *other = nullptr;
  broker->Do("thaw");
  consumer_.AwaitTotal(5'100);
  consumer_.AwaitEnd(kWidgets, 3);
  consumer_.ExpectNothing();
  EXPECT_TRUE(AwaitHealth(true)) << bus_->Health();
}

TEST_F(KafkaOutageTest, OneThatStartsWithoutABrokerGoesOnWhenItIsThere) {
  broker->Do("kill");
  auto bus = OpenKafka(topics_.options(), journals_, clock_);
  ASSERT_TRUE(bus.ok()) << bus.status();
  bus_ = std::move(*bus);
  auto publisher = bus_->AddProducer(producer_.name(), producer_.reader(), {{"widget", kWidgets}});
  ASSERT_TRUE(publisher.ok()) << publisher.status();
  producer_.Publish(std::move(*publisher), {"widget"});
  journals_.Add(kWidgets, producer_, {"widget"});
  consumer_.Start(bus_->Subscribe({"readers", {kWidgets}, {}}, consumer_.bell.Wake()));
  producer_.CommitMany("widget", 500, 50);
  EXPECT_FALSE(bus_->Health().ok());
  EXPECT_EQ(consumer_.PollOnce(), 0u);
  broker->Do("start");
  consumer_.AwaitTotal(500);
  consumer_.ExpectNothing();
  EXPECT_TRUE(AwaitHealth(true)) << bus_->Health();
}

}  // namespace
}  // namespace watchbell::bus
