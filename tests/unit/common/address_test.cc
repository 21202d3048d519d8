#include "common/config/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace watchbell::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(AddressTest, WhereToListen) {
  struct Case {
    const char* text;
    const char* host;
    int port;
  };
  for (const Case& c : {Case{"127.0.0.1:7700", "127.0.0.1", 7700}, Case{"0.0.0.0:0", "0.0.0.0", 0},
                        Case{"localhost:65535", "localhost", 65535}, Case{"[::]:1", "::", 1},
                        Case{"[fe80::1%eth0]:1", "fe80::1%eth0", 1}}) {
    const auto parsed = ParseListen("listen", c.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->host, c.host);
    EXPECT_EQ(parsed->port, c.port);
  }
  for (const char* text : {"",
                           ":",
                           "7700",
                           "localhost",
                           ":7700",
                           "localhost:",
                           "localhost:x",
                           "localhost:-1",
                           "localhost:+1",
                           "localhost: 1",
                           "127.0.0.1:99999",
                           "127.0.0.1:65536",
                           "127.0.0.1:99999999999999999999",
                           "::1:7700",
                           "[::1:7700",
                           "[::1]7700",
                           "[localhost]:7700",
                           "http://localhost:7700",
                           "local host:7700",
                           "a:1,b:2",
                           "unix:/tmp/socket"}) {
    const absl::Status status = ParseListen("listen", text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("listen must be HOST:PORT"), HasSubstr(std::string(text))));
  }
}

TEST(AddressTest, WhereSomethingAnswers) {
  for (const char* text : {"tickets:7700", "tickets.desk.svc.cluster.local:1", "[::1]:7700"}) {
    EXPECT_TRUE(CheckAddress("advertise", text).ok()) << text;
    EXPECT_TRUE(CheckAddresses("kafka.brokers", text).ok()) << text;
    EXPECT_TRUE(CheckTarget("peers.sla", text).ok()) << text;
  }
  for (const char* text : {"", "tickets", "tickets:0", "tickets:abc", "127.0.0.1:65536",
                           "http://tickets:7700", "tickets:7700/path"}) {
    EXPECT_FALSE(CheckAddress("advertise", text).ok()) << text;
    EXPECT_FALSE(CheckAddresses("kafka.brokers", text).ok()) << text;
    EXPECT_FALSE(CheckTarget("peers.sla", text).ok()) << text;
  }
  EXPECT_FALSE(CheckAddress("advertise", "a:1,b:2").ok());
}

TEST(AddressTest, Brokers) {
  for (const char* text : {"a:1,b:2", "a:1, b:2", "10.0.0.1:9092,10.0.0.2:9092,10.0.0.3:9092"}) {
    EXPECT_TRUE(CheckAddresses("kafka.brokers", text).ok()) << text;
  }
  for (const char* text : {"a:1,", "a:1,,b:2", "a:1;b:2", "a:1,b", "a:1 b:2", "127.0.0.1:abc"}) {
    EXPECT_THAT(std::string(CheckAddresses("kafka.brokers", text).message()),
                AllOf(HasSubstr("kafka.brokers must be HOST:PORT,HOST:PORT"), HasSubstr(text)));
  }
}

TEST(AddressTest, Targets) {
  for (const char* text : {"dns:///tickets:7700", "ipv4:127.0.0.1:7700",
                           "ipv4:127.0.0.1:7700,127.0.0.1:7701", "ipv6:[::1]:7700,[::2]:7700"}) {
    EXPECT_TRUE(CheckTarget("peers.sla", text).ok()) << text;
  }
  for (const char* text :
       {"dns:///tickets", "dns:///", "dns:///a:1,b:2", "ipv4:tickets:7700", "ipv4:127.0.0.1",
        "ipv4:127.0.0.1:1,", "ipv4:[::1]:7700", "ipv6:127.0.0.1:7700", "a:1,b:2", "https://a:1"}) {
    EXPECT_THAT(std::string(CheckTarget("peers.sla", text).message()),
                AllOf(HasSubstr("peers.sla must be HOST:PORT, dns:///"), HasSubstr(text)));
  }
}

}  // namespace
}  // namespace watchbell::config
