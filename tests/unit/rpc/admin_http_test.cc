#include "common/runtime/admin_http.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/runtime/metrics.h"
#include "common/runtime/version.h"

namespace watchbell::runtime {
namespace {

using ::testing::HasSubstr;

class AdminHttpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto admin = AdminHttp::Start("127.0.0.1:0",
                                  {[this] { return metrics_.Text(); }, [this] { return reasons_; },
                                   [this] { return producers_; }});
    ASSERT_TRUE(admin.ok()) << admin.status();
    admin_ = *std::move(admin);
  }

  httplib::Result Get(const std::string& path) {
    return httplib::Client("127.0.0.1", admin_->port()).Get(path.c_str());
  }

  Metrics metrics_;
  std::vector<std::string> reasons_;
  std::vector<std::string> producers_;
  std::unique_ptr<AdminHttp> admin_;
};

TEST_F(AdminHttpTest, LiveAndReadyAreDifferentQuestions) {
  EXPECT_EQ(Get("/livez")->status, 200);
  EXPECT_EQ(Get("/readyz")->status, 200);
  reasons_ = {"tickets: the disk is full"};
  EXPECT_EQ(Get("/livez")->status, 200);
  const auto ready = Get("/readyz");
  EXPECT_EQ(ready->status, 503);
  EXPECT_EQ(nlohmann::json::parse(ready->body)["reasons"][0], "tickets: the disk is full");
}

TEST_F(AdminHttpTest, AProducerThatIsSilentIsToldAndNoReason) {
  producers_ = {"sla: the producer does not answer"};
  const auto ready = Get("/readyz");
  EXPECT_EQ(ready->status, 200);
  const auto body = nlohmann::json::parse(ready->body);
  EXPECT_EQ(body["ready"], true);
  EXPECT_TRUE(body["reasons"].empty());
  EXPECT_EQ(body["producers"][0], "sla: the producer does not answer");
}

TEST_F(AdminHttpTest, Metrics) {
  engine::Probe& probe = metrics_.ProbeFor("tickets");
  probe.Batch(3, 2, absl::Milliseconds(4));
  probe.QueueDepth(5);
  probe.TimersArmed(6);
  probe.TimerFired(absl::Microseconds(1500));
  probe.EventApplied(absl::Milliseconds(7));
  probe.DeadLettered();
  probe.StorageFailed();
  metrics_.EffectsBegun("tickets", 2);
  metrics_.SetHealthy("tickets", true);
  metrics_.SetConsumerLag("tickets", "t", 8);
  metrics_.SetCatchingUp("tickets", "t", 9);
  metrics_.PositionsLost("tickets", "t", 10);
  metrics_.SetRelayBacklog("tickets", 11);
  metrics_.SetLeases("tickets", 12, 2);
  metrics_.CallFinished({"a.B/C", 5, "", "", "", absl::Milliseconds(3)});
  const std::string text = Get("/metrics")->body;
  for (const char* line : {
           "watchbell_engine_inputs_total{service=\"tickets\"} 3",
           "watchbell_engine_events_total{service=\"tickets\"} 2",
           "watchbell_engine_batch_inputs_count{service=\"tickets\"} 1",
           "watchbell_engine_queue_commands{service=\"tickets\"} 5",
           "watchbell_timers_armed{service=\"tickets\"} 6",
           "watchbell_timer_late_seconds_bucket{service=\"tickets\",le=\"0.001\"} 0",
           "watchbell_timer_late_seconds_bucket{service=\"tickets\",le=\"0.002\"} 1",
           "watchbell_event_behind_seconds_count{service=\"tickets\"} 1",
           "watchbell_dead_letters_total{service=\"tickets\"} 1",
           "watchbell_storage_failures_total{service=\"tickets\"} 1",
           "watchbell_effects_total{service=\"tickets\"} 2",
           "watchbell_service_healthy{service=\"tickets\"} 1",
           "watchbell_consumer_lag_records{service=\"tickets\",topic=\"t\"} 8",
           "watchbell_consumer_catching_up_shards{service=\"tickets\",topic=\"t\"} 9",
           "watchbell_consumer_positions_lost_total{service=\"tickets\",topic=\"t\"} 10",
           "watchbell_relay_backlog_rows{service=\"tickets\"} 11",
           "watchbell_shards_held{service=\"tickets\"} 12",
           "watchbell_replicas_live{service=\"tickets\"} 2",
           "watchbell_rpc_seconds_count{code=\"NOT_FOUND\",method=\"a.B/C\"} 1",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(&metrics_.ProbeFor("tickets"), &probe);
}

TEST_F(AdminHttpTest, Version) {
  const auto version = nlohmann::json::parse(Get("/version")->body);
  EXPECT_EQ(version["version"], Version());
  for (const char* part : {"compiler", "grpc", "protobuf", "sqlite"}) {
    EXPECT_TRUE(version.contains(part)) << part;
  }
}

TEST_F(AdminHttpTest, RefusesATakenPortAndNonsense) {
  const auto second = AdminHttp::Start(absl::StrCat("127.0.0.1:", admin_->port()), {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(absl::StrCat(admin_->port())));
  for (const char* nonsense :
       {"", "7701", "localhost", "localhost:x", "localhost:70000", ":7701"}) {
    EXPECT_EQ(AdminHttp::Start(nonsense, {}).status().code(), absl::StatusCode::kInvalidArgument)
        << nonsense;
  }
}

}  // namespace
}  // namespace watchbell::runtime
