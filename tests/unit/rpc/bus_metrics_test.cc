#include "common/runtime/bus_metrics.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"

namespace watchbell::runtime {
namespace {

using Lag = bus::KafkaStats::Lag;
using ::testing::HasSubstr;

class BusMetricsTest : public ::testing::Test {
 protected:
  std::string TextAfter(std::vector<Lag> lags,
                        std::vector<bus::KafkaStats::Backlog> backlogs = {}) {
    bus_metrics_.Report({std::move(lags), std::move(backlogs)}, metrics_);
    return metrics_.Text();
  }

  Metrics metrics_;
  BusMetrics bus_metrics_;
};

TEST_F(BusMetricsTest, ShardsOfATopicAreAddedUp) {
  const std::string text =
      TextAfter({{"sla", "t", 0, 3, false}, {"sla", "t", 1, 4, true}, {"sla", "u", 0, 5, true}},
                {{"sla", 7}});
  for (const char* line : {
           "watchbell_consumer_lag_records{service=\"sla\",topic=\"t\"} 7",
           "watchbell_consumer_lag_records{service=\"sla\",topic=\"u\"} 5",
           "watchbell_consumer_catching_up_shards{service=\"sla\",topic=\"t\"} 1",
           "watchbell_consumer_catching_up_shards{service=\"sla\",topic=\"u\"} 1",
           "watchbell_consumer_positions_lost_total{service=\"sla\",topic=\"t\"} 0",
           "watchbell_relay_backlog_rows{service=\"sla\"} 7",
           "# HELP watchbell_consumer_catching_up_shards Shards",
           "# TYPE watchbell_consumer_positions_lost_total counter",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(BusMetricsTest, WhatIsHeldElsewhereCountsNoMore) {
  TextAfter({{"sla", "t", 0, 3, true}}, {{"sla", 7}});
  const std::string text = TextAfter({});
  EXPECT_THAT(text, HasSubstr("watchbell_consumer_lag_records{service=\"sla\",topic=\"t\"} 0"));
  EXPECT_THAT(text,
              HasSubstr("watchbell_consumer_catching_up_shards{service=\"sla\",topic=\"t\"} 0"));
  EXPECT_THAT(text, HasSubstr("watchbell_relay_backlog_rows{service=\"sla\"} 0"));
}

TEST_F(BusMetricsTest, ALossIsCountedOnceWhoeverHoldsItsShardMeanwhile) {
  const auto lost = [this](std::vector<Lag> lags, int total) {
    EXPECT_THAT(TextAfter(std::move(lags)),
                HasSubstr(absl::StrCat(
                    "watchbell_consumer_positions_lost_total{service=\"tickets\",topic=\"raw\"} ",
                    total, "\n")));
  };
  lost({{"tickets", "raw", 0, 0, false, 1}, {"tickets", "raw", 1, 0, false, 2}}, 3);
  lost({{"tickets", "raw", 0, 0, false, 1}, {"tickets", "raw", 1, 0, false, 2}}, 3);
  lost({{"tickets", "raw", 1, 0, false, 2}}, 3);
  lost({{"tickets", "raw", 0, 0, false, 2}, {"tickets", "raw", 1, 0, false, 2}}, 4);
}

}  // namespace
}  // namespace watchbell::runtime
