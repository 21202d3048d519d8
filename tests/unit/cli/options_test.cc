// Flags, file and environment of the commands, and their exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/rpc/identity.h"
#include "common/rpc/server.h"
#include "common/rpc/service.h"
#include "common/runtime/process.h"
#include "services/watchbell/rpc_names.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/cli/run_command.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* const name_;
};

TEST(InstallationTest, KnowsEveryRpcOnce) {
  std::vector<std::string> told;
  for (const auto& [service, names] : TheInstallation().rpcs) {
    EXPECT_EQ(TheInstallation().topics.count(service), 1u) << service;
    told.insert(told.end(), names.begin(), names.end());
  }
  std::vector<std::string> known;
  for (const google::protobuf::ServiceDescriptor* service : KnownServices()) {
    if (service->full_name() != "watchbell.admin.v1.AdminService") {
      known.push_back(service->full_name());
    }
  }
  EXPECT_THAT(told, ::testing::UnorderedElementsAreArray(known));
  std::vector<std::string> modules;
  for (const auto& module : AllModules()) modules.push_back(module.name);
  EXPECT_EQ(modules.size(), TheInstallation().topics.size());
  for (const std::string& name : modules) EXPECT_EQ(TheInstallation().topics.count(name), 1u);
}

TEST(InstallationTest, KnowsWhoFillsEachTopic) {
  const auto config = config::Config::Load(ServerKeys(), {}, {});
  ASSERT_TRUE(config.ok()) << config.status();
  const runtime::Installation installation = TheInstallation();
  for (const auto& module : AllModules()) {
    std::vector<std::string> filled;
    const runtime::ServiceSpec spec = module.spec(*config);
    for (const engine::EntityClass& cls : spec.decider->classes()) {
      const bool known = std::find(filled.begin(), filled.end(), cls.topic) != filled.end();
      if (!cls.topic.empty() && !known) filled.push_back(cls.topic);
    }
    EXPECT_THAT(installation.topics.at(module.name), ::testing::UnorderedElementsAreArray(filled))
        << module.name;
  }
}

TEST(OptionsTest, WrongUseEndsWith2) {
  const std::vector<Arguments> wrong = {
      {"call", "--no-such-flag"},
      {"call", "--data-dir=x"},
      {"call", "--smtp-url=smtp://x", "TicketService/ListTickets"},
      {"call", "--timeout=soon"},
      {"policy", "explain", "--clock=a/b/1", "--timeout=-1"},
      {"call", "NoService/X"},
      {"call", "TicketService/CreateTicket", "{not json"},
      {"dead-letters", "list", "--listen=127.0.0.1:1"},
      {"demo", "--stay=perhaps"},
      {"demo", "--no-such-flag"},
      {"migrate", "--check", "--dry-run"},
      {"migrate", "--smtp-url=smtp://x"},
      {"migrate", "now"},
      {"print-config", "--drain-grace=soon"},
      {"replay", "--format=servicenow-audit", "--smtp-url=smtp://x", "file"},
      {"replay", "--format=servicenow-audit", "--data-dir=a", "--data=b", "file"},
      {"replay", "--format=servicenow-audit", "--data-dir=a", "--target=b", "file"},
      {"topics"},
      {"topics", "--kafka-brokers=127.0.0.1:1", "--kafka-replication=0"},
      {"topics", "--kafka-brokers=127.0.0.1:1", "--kafka-properties=nonsense"},
      {"topics", "--listen=127.0.0.1:1"},
      {"topics", "--kafka-brokers=127.0.0.1:abc"},
      {"call", "--target=localhost", "TicketService/ListTickets"},
      {"call", "--target=", "TicketService/ListTickets"},
      {"dead-letters", "list", "--target=http://127.0.0.1:7700"},
      {"replay", "--format=servicenow-audit", "--target=localhost", "file"},
  };
  for (const Arguments& arguments : wrong) {
    const Outcome outcome = RunCommand(arguments);
    EXPECT_EQ(outcome.status, 2) << ::testing::PrintToString(arguments) << outcome.err;
    EXPECT_NE(outcome.err, "");
  }
}

TEST(OptionsTest, OneEnvironmentServesAllCommands) {
  const Variable target("WATCHBELL_TARGET", "127.0.0.1:1");
  const Variable tenant("WATCHBELL_TENANT", "acme");
  const Variable mail("WATCHBELL_SMTP_URL", "smtp://env.test:25");
  const Variable replication("WATCHBELL_KAFKA_REPLICATION", "1");
  const Outcome config = RunCommand({"print-config"});
  EXPECT_EQ(config.status, 0) << config.err;
  EXPECT_THAT(config.out, HasSubstr("smtp.url = smtp://env.test:25"));
  EXPECT_THAT(config.out, Not(HasSubstr("acme")));
  const Outcome list = RunCommand({"call"});
  EXPECT_EQ(list.status, 0) << list.err;
  // As a server loads it.
  const auto server =
      config::Config::Load(ServerKeys(), {}, config::Environment(), runtime::KeysOfOtherCommands());
  EXPECT_TRUE(server.ok()) << server.status();
  const Variable misspelt("WATCHBELL_TARGTE", "x");
  EXPECT_EQ(RunCommand({"call"}).status, 2);
}

TEST(OptionsTest, SecretsAreMasked) {
  const Outcome config = RunCommand(
      {"print-config", "--database-url=postgresql://desk:hunter2@db.test:5432/desk?sslmode=require",
       "--kafka-brokers=k.test:9092", "--kafka-properties=sasl.password=swordfish",
       "--peers-sla=sla.test:7700", "--replica-id=one"});
  EXPECT_EQ(config.status, 0) << config.err;
  EXPECT_THAT(
      config.out,
      AllOf(HasSubstr("database.url = postgresql://desk:***@db.test:5432/desk?sslmode=require"),
            HasSubstr("kafka.brokers = k.test:9092"), HasSubstr("peers.sla = sla.test:7700"),
            Not(HasSubstr("hunter2")), Not(HasSubstr("swordfish"))));
}

TEST(MigrateTest, ChecksShowsAndRuns) {
  const test::TempFolder folder;
  const std::string data = folder.File("data");
  const std::string flag = "--data-dir=" + data;
  const Outcome before = RunCommand({"migrate", "--check", flag});
  EXPECT_EQ(before.status, 1);
  EXPECT_THAT(before.err, AllOf(HasSubstr("pending"), HasSubstr("tickets lacks 1")));
  const Outcome shown = RunCommand({"migrate", "--dry-run", flag});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out,
              AllOf(HasSubstr("-- tickets, schema change 1"),
                    HasSubstr("-- notifications, schema change 2"), HasSubstr("CREATE TABLE")));
  EXPECT_FALSE(std::filesystem::exists(data)) << "looking makes nothing";
  EXPECT_EQ(RunCommand({"migrate", flag}).status, 0);
  const Outcome after = RunCommand({"migrate", "--check", flag});
  EXPECT_EQ(after.status, 0) << after.err;
  EXPECT_THAT(RunCommand({"migrate", "--dry-run", flag}).out, IsEmpty());
}

TEST(MigrateTest, ADatabaseThatIsAwayIsAFailureThatShowsNoPassword) {
  for (const char* how : {"--check", "--dry-run=false"}) {
    const Outcome outcome =
        RunCommand({"migrate", how, "--database-url=postgresql://desk:hunter2@127.0.0.1:1/desk"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("tickets"), Not(HasSubstr("hunter2"))));
  }
}

TEST(CallTest, AServerThatIsAwayIsWaitedForAndTold) {
  const Outcome outcome =
      RunCommand({"call", "--target=127.0.0.1:1", "--timeout=1", "TicketService/ListTickets"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("watchbell: 127.0.0.1:1: "),
                    HasSubstr("Trying again for 1 s (--timeout)."), HasSubstr("UNAVAILABLE")));
  // The hint comes with the first failure, and once.
  const size_t hint = outcome.err.find("Is `watchbell serve` running there?");
  EXPECT_LT(hint, outcome.err.find("Trying again"));
  EXPECT_EQ(outcome.err.rfind("Is `watchbell serve` running there?"), hint);
}

TEST(CallTest, ATargetThatIsNoneIsNamed) {
  const Outcome outcome = RunCommand({"call", "--target=localhost", "TicketService/ListTickets"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("target must be HOST:PORT"), HasSubstr("not \"localhost\"")));
}

TEST(DeadLettersTest, OnlyWhatIsKnownOfARecordIsShown) {
  rpc::Service admin("watchbell.admin.v1.AdminService");
  admin.Query<admin::v1::ListDeadLettersRequest, admin::v1::ListDeadLettersResponse>(
      "ListDeadLetters", [](const rpc::CallContext&, const admin::v1::ListDeadLettersRequest&) {
        admin::v1::ListDeadLettersResponse response;
        admin::v1::DeadLetter& raw = *response.add_dead_letters();
        raw.set_topic("watchbell.alerts.raw.v1");
        raw.set_partition(7);
        raw.set_offset(0);
        admin::v1::DeadLetter& event = *response.add_dead_letters();
        event.set_topic("watchbell.sla.v1");
        event.set_partition(3);
        event.set_sequence(12);
        event.set_key("INC-1");
        event.set_version(2);
        event.set_type("some.type");
        return absl::StatusOr<admin::v1::ListDeadLettersResponse>(response);
      });
  const auto identity = rpc::MakeDevelopmentIdentity();
  SystemClock clock;
  const auto server = rpc::Server::Start({}, {&admin}, *identity, clock);
  ASSERT_TRUE(server.ok()) << server.status();
  const Outcome outcome =
      RunCommand({"dead-letters", "list", absl::StrCat("--target=127.0.0.1:", (*server)->port())});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("    watchbell.alerts.raw.v1 partition 7 offset 0\n"));
  EXPECT_THAT(outcome.out, HasSubstr("    watchbell.sla.v1 partition 3 sequence 12, key INC-1, "
                                     "version 2, some.type\n"));
}

TEST(TopicsTest, MissingOnesAreNamedAsTheBrokersWouldKnowThem) {
  char text[256] = "";
  const std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> client(
      rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text)), rd_kafka_destroy);
  const std::unique_ptr<rd_kafka_mock_cluster_t, void (*)(rd_kafka_mock_cluster_t*)> broker(
      rd_kafka_mock_cluster_new(client.get(), 1), rd_kafka_mock_cluster_destroy);
  const Outcome outcome = RunCommand(
      {"topics", absl::StrCat("--kafka-brokers=", rd_kafka_mock_cluster_bootstraps(broker.get())),
       "--kafka-topic-prefix=desk.", "--kafka-replication=1"});
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("desk.watchbell.sla.v1 is missing\n"),
                                 Not(HasSubstr("\nwatchbell.sla.v1"))));
}

}  // namespace
}  // namespace watchbell::cli
