// A process in the distributed form whose database and broker are not there.
#include <gmock/gmock.h>
#include <httplib.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/runtime/process.h"
#include "google/protobuf/wrappers.pb.h"
#include "tests/support/toy_service.h"
#include "watchbell/admin/v1/admin_service.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Nothing listens on port 1.
constexpr char kDatabase[] = "--database-url=postgresql://someone:hunter2@127.0.0.1:1/none";
constexpr char kBrokers[] = "--kafka-brokers=127.0.0.1:1";

class DistributedProcessTest : public ::testing::Test {
 protected:
  static ModuleDefinition Toy() {
    ModuleDefinition module;
    module.name = "tickets";
    module.spec = [](const config::Config&) {
      return ServiceSpec{"tickets", {}, std::make_shared<test::ToyDecider>(), {}, {}};
    };
    module.services = [](const ModuleContext&) {
      return std::vector<std::unique_ptr<rpc::Service>>();
    };
    return module;
  }
  static Installation Two() {
    return {{{"tickets", {test::kToyTopic}}, {"sla", {}}},
            {{"tickets", {"watchbell.tickets.v1.TicketService"}},
             {"sla", {"watchbell.sla.v1.SlaService"}}}};
  }

  absl::StatusOr<std::unique_ptr<Process>> Start(std::vector<std::string> flags) {
    for (const char* flag : {"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0",
                             "--drain-pause=0", "--drain-grace=5000"}) {
      flags.emplace_back(flag);
    }
    const auto config = config::Config::Load(AllKeys({Toy()}, Two()), flags, {});
    if (!config.ok()) return config.status();
    return Process::Start("test", {Toy()}, *config, clock_, Two());
  }

  SystemClock clock_;
};

TEST_F(DistributedProcessTest, WrongConfigurationEndsTheStart) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{kDatabase}, "kafka.brokers is missing"},
      {{kBrokers}, "database.url is missing"},
      {{kDatabase, kBrokers}, "peers.sla is missing"},
      {{"--database-url=mysql://x", kBrokers, "--peers-sla=127.0.0.1:1"}, ""},
      {{kDatabase, kBrokers, "--peers-sla=127.0.0.1:1", "--kafka-properties=no.such.thing=1"},
       "no.such.thing"},
      {{kDatabase, kBrokers, "--peers-sla=127.0.0.1:1", "--kafka-properties=secret"},
       "property 1 is not of the form"},
      {{kDatabase, "--kafka-brokers=127.0.0.1:abc", "--peers-sla=127.0.0.1:1"},
       "kafka.brokers must be HOST:PORT,HOST:PORT with ports from 1 to 65535, not "
       "\"127.0.0.1:abc\""},
      {{kDatabase, kBrokers, "--peers-sla=http://127.0.0.1:1"}, "\"http://127.0.0.1:1\""},
      {{kDatabase, kBrokers, "--peers-sla=127.0.0.1:1", "--peers-tickets=here"},
       "peers.tickets must be HOST:PORT"},
      {{kDatabase, kBrokers, "--peers-sla=127.0.0.1:1", "--advertise=here"},
       "advertise must be HOST:PORT"},
      {{kDatabase, kBrokers, "--peers-sla=127.0.0.1:1", "--data-dir=watchbell-data"},
       "data.dir and database.url are both given"},
  };
  for (const auto& [flags, said] : cases) {
    const auto process = Start(flags);
    ASSERT_FALSE(process.ok()) << flags.back();
    EXPECT_EQ(process.status().code(), absl::StatusCode::kInvalidArgument) << process.status();
    EXPECT_THAT(std::string(process.status().message()), HasSubstr(said));
    EXPECT_THAT(std::string(process.status().message()), Not(HasSubstr("hunter2")));
  }
}

TEST_F(DistributedProcessTest, WithoutItsDatabaseItListensAndSaysWhatItWaitsFor) {
  auto process = Start({kDatabase, kBrokers, "--peers-sla=127.0.0.1:1"});
  ASSERT_TRUE(process.ok()) << process.status();
  httplib::Client http("127.0.0.1", (*process)->admin_port());
  EXPECT_EQ(http.Get("/livez")->status, 200);
  std::string reasons;
  for (int i = 0; i < 100'000 && !absl::StrContains(reasons, "tickets waits"); ++i) {
    const auto ready = http.Get("/readyz");
    EXPECT_EQ(ready->status, 503);
    reasons = ready->body;
  }
  EXPECT_THAT(reasons, HasSubstr("tickets waits"));
  EXPECT_THAT(reasons, Not(HasSubstr("hunter2")));
  EXPECT_EQ(http.Get("/metrics")->status, 200);

  const auto client = rpc::Connect(absl::StrCat("127.0.0.1:", (*process)->grpc_port()));
  google::protobuf::StringValue service;
  google::protobuf::Int32Value health;
  ASSERT_TRUE(client->Call("grpc.health.v1.Health/Check", service, &health).ok());
  EXPECT_EQ(health.value(), 2);  // NOT_SERVING
  tickets::v1::Ticket ticket;
  EXPECT_EQ(ErrorReason(client->Call("watchbell.tickets.v1.TicketService/GetTicket",
                                     tickets::v1::GetTicketRequest(), &ticket)),
            "STARTING");
  admin::v1::ListDeadLettersResponse letters;
  EXPECT_EQ(ErrorReason(client->Call("watchbell.admin.v1.AdminService/ListDeadLetters",
                                     admin::v1::ListDeadLettersRequest(), &letters)),
            "STARTING");
  sla::v1::ListClocksResponse clocks;
  EXPECT_EQ(ErrorReason(client->Call("watchbell.sla.v1.SlaService/ListClocks",
                                     sla::v1::ListClocksRequest(), &clocks)),
            "PEER_UNAVAILABLE");
  (*process)->Stop();
}

}  // namespace
}  // namespace watchbell::runtime
