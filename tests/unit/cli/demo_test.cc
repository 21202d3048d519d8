#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "services/notifications/webhook.h"
#include "services/tickets/alert_payload.h"
#include "services/watchbell/command.h"
#include "services/watchbell/demo_alerts.h"
#include "services/watchbell/demo_mail_sink.h"
#include "services/watchbell/demo_webhook_sink.h"

namespace watchbell::cli {
namespace {

TEST(AlertStormTest, IsOnePayloadOfOneGroup) {
  const absl::Time since = absl::FromUnixSeconds(1'700'000'000);
  const auto alerts = tickets::ParseAlertmanager(AlertStorm(40, since));
  ASSERT_TRUE(alerts.ok()) << alerts.status();
  ASSERT_EQ(alerts->size(), 40u);
  std::set<tickets::Labels> groups, labels;
  for (const tickets::ParsedAlert& alert : *alerts) {
    EXPECT_EQ(alert.error, "");
    EXPECT_TRUE(alert.firing);
    groups.insert(alert.group_labels);
    labels.insert(alert.labels);
  }
  EXPECT_EQ(groups.size(), 1u);
  EXPECT_EQ(labels.size(), 40u);
  const auto cleared = tickets::ParseAlertmanager(AlertStorm(40, since, since + absl::Seconds(9)));
  ASSERT_TRUE(cleared.ok());
  EXPECT_FALSE(cleared->front().firing);
  EXPECT_EQ(cleared->front().labels, alerts->front().labels);
}

TEST(SignatureTest, FitsOnlyItsBodyAndSecret) {
  const std::string signature =
      notifications::SignNotice("secret", absl::FromUnixSeconds(1'700'000'000), "{}");
  EXPECT_TRUE(SignatureFits("secret", signature, "{}"));
  EXPECT_FALSE(SignatureFits("secret", signature, "{ }"));
  EXPECT_FALSE(SignatureFits("other", signature, "{}"));
  EXPECT_FALSE(SignatureFits("secret", "", "{}"));
  EXPECT_FALSE(SignatureFits("secret", "t=x,v1=00", "{}"));
}

TEST(MailSinkTest, TakesAMailHoweverItIsCutUp) {
  SinkMail got;
  auto sink = MailSink::Start([&](const SinkMail& mail) { got = mail; });
  ASSERT_TRUE(sink.ok()) << sink.status();
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>((*sink)->port()));
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string text =
      "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<ada@desk.example>\r\nDATA\r\nSubject: a long\r\n "
      "one\r\n"
      "X-Watchbell-Delivery: d/1\r\n\r\nSubject: not this\r\n..\r\n.\r\nQUIT\r\n";
  for (size_t i = 0; i < text.size(); i += 7) {
    const std::string part = text.substr(i, 7);
    ASSERT_EQ(send(fd, part.data(), part.size(), 0), static_cast<ssize_t>(part.size()));
  }
  std::string replies;
  char bytes[512];
  for (ssize_t n = recv(fd, bytes, sizeof bytes, 0); n > 0; n = recv(fd, bytes, sizeof bytes, 0)) {
    replies.append(bytes, static_cast<size_t>(n));
  }
  close(fd);
  EXPECT_NE(replies.find("250 taken\r\n221 bye\r\n"), std::string::npos) << replies;
  sink->reset();
  EXPECT_EQ(got.to, "ada@desk.example");
  EXPECT_EQ(got.subject, "a long one");
  EXPECT_EQ(got.delivery_id, "d/1");
}

// The whole of it, as a newcomer sees it: about eight seconds on the wall clock, which is what it
// shows.
TEST(DemoTest, PlaysToItsEnd) { EXPECT_EQ(cli::Run({"demo", "--stay=no"}), 0); }

}  // namespace
}  // namespace watchbell::cli
