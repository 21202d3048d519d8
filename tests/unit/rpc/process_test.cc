// A process with one small module: from its start to its stop, over the wire.
#include "common/runtime/process.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/runtime/schema.h"
#include "google/protobuf/wrappers.pb.h"
#include "tests/unit/rpc/gate.h"
#include "watchbell/admin/v1/admin_service.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::runtime {
namespace {

using sla::v1::ActivatePolicySetRequest;
using sla::v1::PolicyVersion;
using ::testing::HasSubstr;

constexpr char kActivate[] = "watchbell.sla.v1.SlaService/ActivatePolicySet";
constexpr int kClass = 1;

// Counts activations under the policy set's id and runs one effect for each.
class CountingDecider final : public engine::Decider {
 public:
  const std::vector<engine::EntityClass>& classes() const override {
    static const std::vector<engine::EntityClass> all = {
        {kClass, "counter", &google::protobuf::Int64Value::default_instance(), ""}};
    return all;
  }
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override {
    const auto* request = input.As<ActivatePolicySetRequest>();
    if (request == nullptr) return {};
    return {{kClass, input.identity.tenant, request->policy_set_id()}};
  }
  engine::Decision Decide(const engine::View& view, const engine::Input& input) const override {
    engine::Decision decision;
    if (input.kind != engine::Input::Kind::kCommand) return decision;
    const engine::EntityKey key = Needs(input)[0];
    google::protobuf::Int64Value count;
    if (const auto* before = view.Get<google::protobuf::Int64Value>(key)) count = *before;
    count.set_value(count.value() + 1);
    PolicyVersion response;
    response.set_policy_set_id(absl::StrCat(key.id, "-", count.value()));
    decision.Reply(response);
    decision.Run({key, input.message, input.traceparent});
    decision.Put(key, count);
    return decision;
  }
};

// What a test sees and says of the effects.
struct Effects {
  rpc::Gate ran;
  rpc::Gate draining;
  std::function<void()> drain;  // may be null
};

class NotingRunner final : public engine::EffectRunner {
 public:
  explicit NotingRunner(Effects& effects) : effects_(effects) {}
  void Run(std::vector<engine::Effect> effects) override {
    for (size_t i = 0; i < effects.size(); ++i) effects_.ran.Open();
  }
  void Drain() override {
    effects_.draining.Open();
    if (effects_.drain != nullptr) effects_.drain();
  }

 private:
  Effects& effects_;
};

class ProcessTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override {
    process_.reset();
    std::filesystem::remove_all(folder_);
  }

  ModuleDefinition Counter() {
    ModuleDefinition module;
    module.name = "sla";
    module.keys = {{"sla.greeting", "hello", "of no use"}};
    module.spec = [](const config::Config&) {
      return ServiceSpec{"sla", {}, std::make_shared<CountingDecider>(), {"watchbell.tickets.v1"}};
    };
    module.services = [this](ModuleContext context) {
      auto service = std::make_unique<rpc::Service>("watchbell.sla.v1.SlaService");
      service->Command("ActivatePolicySet", context.core.engine(), "manager");
      if (prepare_ != nullptr) service->Prepare("ActivatePolicySet", prepare_);
      service->Async("GetPolicySet", [this, &engine = context.core.engine()](
                                         const rpc::CallContext& call, rpc::MessagePtr,
                                         const rpc::Method::Done& done) {
        finish_call_ = [&engine, identity = call.identity, done] {
          auto request = std::make_shared<ActivatePolicySetRequest>();
          request->set_policy_set_id("late");
          engine::Input input;
          input.identity = identity;
          input.message = std::move(request);
          input.done = [done](const absl::StatusOr<engine::Reply>& reply) {
            done(reply.ok() ? absl::StatusOr<engine::Reply>(engine::Reply{}) : reply.status());
          };
          EXPECT_TRUE(engine.Submit(std::move(input)).ok());
        };
        called_.Open();
      });
      std::vector<std::unique_ptr<rpc::Service>> services;
      services.push_back(std::move(service));
      return services;
    };
    module.effects = [this](const config::Config&, Clock&,
                            const std::function<absl::Status(engine::Input)>&)
        -> absl::StatusOr<std::unique_ptr<engine::EffectRunner>> {
      return std::make_unique<NotingRunner>(effects_);
    };
    module.recover = [this](ServiceCore&, int) {
      recovered_.Open();
      return absl::OkStatus();
    };
    return module;
  }

  absl::StatusOr<std::unique_ptr<Process>> Start(const std::string& listen = "127.0.0.1:0") {
    const auto config = config::Config::Load(
        AllKeys({Counter()}),
        {"--listen=" + listen, "--admin-listen=127.0.0.1:0", "--data-dir=" + folder_,
         "--drain-pause=0", "--drain-grace=" + drain_grace_},
        {});
    if (!config.ok()) return config.status();
    return Process::Start("test", {Counter()}, *config, clock_);
  }

  void StartOrFail() {
    auto process = Start();
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
  }

  // The answer, or the reason it was refused.
  std::string Activate(const std::string& id, const std::string& request_id,
                       const std::string& roles = "manager") {
    ActivatePolicySetRequest request;
    request.set_policy_set_id(id);
    request.set_request_id(request_id);
    PolicyVersion response;
    rpc::CallOptions options;
    options.metadata = {{"x-watchbell-roles", roles}};
    const auto client = rpc::Connect(absl::StrCat("127.0.0.1:", process_->grpc_port()));
    const absl::Status status = client->Call(kActivate, request, &response, options);
    return status.ok() ? response.policy_set_id() : ErrorReason(status);
  }

  SystemClock clock_;
  const std::string folder_ = ::testing::TempDir() + "/process_" +
                              ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::string drain_grace_ = "5000";
  Effects effects_;
  rpc::Gate recovered_;
  rpc::Service::PrepareRequest prepare_;  // of ActivatePolicySet; may be null
  // GetPolicySet stays under way until this is called; then it activates "late".
  rpc::Gate called_;
  std::function<void()> finish_call_;
  std::unique_ptr<Process> process_;
};

constexpr char kFirst[] = "0188a8e2-7c00-7000-8000-000000000001";
constexpr char kSecond[] = "0188a8e2-7c00-7000-8000-000000000002";

TEST_F(ProcessTest, CommandsAreAnsweredOnceByTheirRequestIdAcrossRestarts) {
  StartOrFail();
  EXPECT_TRUE(recovered_.Wait());
  EXPECT_EQ(Activate("gold", kFirst), "gold-1");
  EXPECT_EQ(Activate("gold", kFirst), "gold-1");
  EXPECT_EQ(Activate("gold", kSecond), "gold-2");
  EXPECT_EQ(Activate("gold", absl::AsciiStrToUpper(kSecond)), "gold-2");
  EXPECT_EQ(Activate("gold", kSecond, "agent"), "ROLE_MISSING");
  EXPECT_TRUE(effects_.ran.Wait(2));
  process_.reset();
  StartOrFail();
  EXPECT_EQ(Activate("gold", kSecond), "gold-2");
  EXPECT_EQ(Activate("gold", ""), "gold-3");
}

// What takes long is done before the engine gets the request: others go on meanwhile.
TEST_F(ProcessTest, ACommandIsPreparedWhileOthersGoOn) {
  rpc::Gate begun;
  rpc::Gate go_on;
  prepare_ = [&](const rpc::MessagePtr& request) -> absl::StatusOr<rpc::MessagePtr> {
    auto prepared = std::make_shared<ActivatePolicySetRequest>(
        static_cast<const ActivatePolicySetRequest&>(*request));
    if (prepared->policy_set_id() == "bad") return ForbiddenMove("BAD", "policySets/bad", "is bad");
    if (prepared->policy_set_id() != "slow") return request;
    begun.Open();
    EXPECT_TRUE(go_on.Wait());
    prepared->set_policy_set_id("prepared");
    return prepared;
  };
  StartOrFail();
  std::thread slow([&] { EXPECT_EQ(Activate("slow", kFirst), "prepared-1"); });
  EXPECT_TRUE(begun.Wait());
  EXPECT_EQ(Activate("gold", kSecond), "gold-1");
  EXPECT_EQ(Activate("bad", ""), "BAD");
  go_on.Open();
  slow.join();
  EXPECT_EQ(Activate("slow", kFirst), "prepared-1") << "the same request: answered once";
}

TEST_F(ProcessTest, ReadyAndMeasured) {
  StartOrFail();
  EXPECT_EQ(Activate("gold", kFirst), "gold-1");
  httplib::Client http("127.0.0.1", process_->admin_port());
  EXPECT_EQ(http.Get("/readyz")->status, 200);
  EXPECT_THAT(http.Get("/metrics")->body,
              HasSubstr("watchbell_service_healthy{service=\"sla\"} 1"));
  // A call is counted just after its answer.
  const std::string counted = absl::StrCat("method=\"", kActivate, "\"} 1");
  bool seen = false;
  for (int i = 0; i < 10'000 && !seen; ++i) {
    seen = absl::StrContains(http.Get("/metrics")->body, counted);
  }
  EXPECT_TRUE(seen);
  google::protobuf::StringValue service;
  service.set_value("watchbell.sla.v1.SlaService");
  google::protobuf::Int32Value health;
  ASSERT_TRUE(
      process_->InProcessClient()->Call("grpc.health.v1.Health/Check", service, &health).ok());
  EXPECT_EQ(health.value(), 1);
}

TEST_F(ProcessTest, DeadLettersOfUnknownServicesAndIds) {
  StartOrFail();
  const auto client = process_->InProcessClient();
  admin::v1::ListDeadLettersRequest list;
  admin::v1::ListDeadLettersResponse listed;
  EXPECT_TRUE(client->Call("watchbell.admin.v1.AdminService/ListDeadLetters", list, &listed).ok());
  EXPECT_EQ(listed.dead_letters_size(), 0);
  list.set_service("nobody");
  EXPECT_EQ(client->Call("watchbell.admin.v1.AdminService/ListDeadLetters", list, &listed).code(),
            absl::StatusCode::kNotFound);
  admin::v1::RetryDeadLetterRequest retry;
  retry.set_service("sla");
  retry.set_dead_letter_id("dl-0000000000000000");
  admin::v1::DeadLetter letter;
  EXPECT_EQ(client->Call("watchbell.admin.v1.AdminService/RetryDeadLetter", retry, &letter).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ProcessTest, TheDataFolderIsHeld) {
  StartOrFail();
  const auto second = Start();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
}

TEST_F(ProcessTest, SettingsThatCannotWorkAreRefusedBeforeAnythingIsMade) {
  ModuleDefinition module = Counter();
  module.check = [](const config::Config& config) {
    return config.Get("sla.greeting") == "hello" ? absl::OkStatus()
                                                 : absl::InvalidArgumentError("sla.greeting");
  };
  const std::pair<const char*, const char*> cases[] = {
      {"--listen=127.0.0.1:99999",
       "listen must be HOST:PORT with a port from 0 to 65535, not \"127.0.0.1:99999\""},
      {"--admin-listen=localhost", "admin.listen must be HOST:PORT"},
      {"--advertise=desk:0", "advertise must be HOST:PORT"},
      {"--sla-greeting=no", "sla.greeting"}};
  for (const auto& [flag, said] : cases) {
    const auto config =
        config::Config::Load(AllKeys({module}), {flag, "--data-dir=" + folder_}, {});
    ASSERT_TRUE(config.ok()) << config.status();
    const auto refused = Process::Start("test", {module}, *config, clock_);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << flag;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(said));
    EXPECT_FALSE(std::filesystem::exists(folder_)) << flag;
  }
}

TEST_F(ProcessTest, ARefusedStartDoesNotSayThatItStops) {
  StartOrFail();
  ::testing::internal::CaptureStderr();
  const bool refused = !Start().ok();
  const std::string of_refused = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(refused);
  EXPECT_THAT(of_refused, HasSubstr("starting"));
  EXPECT_THAT(of_refused, ::testing::Not(HasSubstr("stop")));
  ::testing::internal::CaptureStderr();
  process_->Stop();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("\"stopped\""));
}

TEST_F(ProcessTest, ATakenPortLeavesNothingBehind) {
  StartOrFail();
  const std::string taken = absl::StrCat("127.0.0.1:", process_->grpc_port());
  const auto config = config::Config::Load(
      AllKeys({Counter()}),
      {"--listen=" + taken, "--admin-listen=127.0.0.1:0", "--data-dir=" + folder_ + "/other"}, {});
  const auto second = Process::Start("test", {Counter()}, *config, clock_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(taken));
}

TEST_F(ProcessTest, MigrateAllMakesTheDatabases) {
  const auto config = config::Config::Load(AllKeys({Counter()}), {"--data-dir=" + folder_}, {});
  const auto before = PendingSchemas({Counter()}, *config, clock_);
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_EQ(before->size(), 1u);
  EXPECT_EQ(before->front().service, "sla");
  EXPECT_FALSE(before->front().steps.empty());
  EXPECT_FALSE(std::filesystem::exists(folder_)) << "looking makes nothing";
  ASSERT_TRUE(MigrateAll({Counter()}, *config, clock_).ok());
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/sla.db"));
  EXPECT_TRUE(MigrateAll({Counter()}, *config, clock_).ok());
  const auto after = PendingSchemas({Counter()}, *config, clock_);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_TRUE(after->empty());
}

TEST_F(ProcessTest, AStopDrainsCallsAndEffectsBesideEachOther) {
  drain_grace_ = "600000";
  rpc::Gate sent;
  effects_.drain = [&sent] { EXPECT_TRUE(sent.Wait()); };
  StartOrFail();
  const auto client = rpc::Connect(absl::StrCat("127.0.0.1:", process_->grpc_port()));
  sla::v1::GetPolicySetRequest request;
  request.set_policy_set_id("gold");
  sla::v1::PolicySet response;
  absl::Status status;
  rpc::Gate answered;
  client->CallAsync("watchbell.sla.v1.SlaService/GetPolicySet", request, &response, {},
                    [&](absl::Status s) {
                      status = std::move(s);
                      answered.Open();
                    });
  ASSERT_TRUE(called_.Wait());
  std::thread stop([this] { process_->Stop(); });
  // The effects do not wait for the call, nor the call for the effects.
  EXPECT_TRUE(effects_.draining.Wait());
  finish_call_();
  EXPECT_TRUE(answered.Wait());
  EXPECT_TRUE(status.ok()) << status;
  // What it began meanwhile came to the runner, to be given back.
  EXPECT_TRUE(effects_.ran.Wait());
  sent.Open();
  stop.join();
}

TEST_F(ProcessTest, WhatACallBeginsAfterTheEffectsDrainedIsStillGivenBack) {
  drain_grace_ = "600000";
  rpc::Gate drained;
  effects_.drain = [&drained] { drained.Open(); };
  StartOrFail();
  const auto client = rpc::Connect(absl::StrCat("127.0.0.1:", process_->grpc_port()));
  sla::v1::GetPolicySetRequest request;
  request.set_policy_set_id("gold");
  sla::v1::PolicySet response;
  rpc::Gate answered;
  client->CallAsync("watchbell.sla.v1.SlaService/GetPolicySet", request, &response, {},
                    [&](const absl::Status&) { answered.Open(); });
  ASSERT_TRUE(called_.Wait());
  std::thread stop([this] { process_->Stop(); });
  EXPECT_TRUE(drained.Wait());
  finish_call_();
  EXPECT_TRUE(answered.Wait());
  EXPECT_TRUE(effects_.ran.Wait());
  stop.join();
}

TEST_F(ProcessTest, ARepeatedMutationWithoutARequestIdIsRefused) {
  StartOrFail();
  ActivatePolicySetRequest request;
  request.set_policy_set_id("gold");
  PolicyVersion response;
  rpc::CallOptions options;
  options.metadata = {{"grpc-previous-rpc-attempts", "1"}};
  const auto client = rpc::Connect(absl::StrCat("127.0.0.1:", process_->grpc_port()));
  const absl::Status refused = client->Call(kActivate, request, &response, options);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(refused), "RETRY_WITHOUT_REQUEST_ID");
  request.set_request_id(kFirst);
  ASSERT_TRUE(client->Call(kActivate, request, &response, options).ok());
  EXPECT_EQ(response.policy_set_id(), "gold-1");
}

TEST_F(ProcessTest, KeysAreListedOnce) {
  const auto keys = AllKeys({Counter(), Counter()});
  EXPECT_EQ(std::count_if(keys.begin(), keys.end(),
                          [](const config::Key& key) { return key.name == "sla.greeting"; }),
            1);
}

}  // namespace
}  // namespace watchbell::runtime
