#include "services/notifications/mail.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell::notifications {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kDate = absl::FromUnixSeconds(1'767'225'600);

v1::Delivery Sample() {
  v1::Delivery delivery;
  delivery.set_delivery_id("inc-7/run/1/1/1/ana/email1");
  delivery.set_ticket_id("inc-7");
  delivery.set_address("ana@example.com");
  delivery.set_subject("[P1] inc-7 Payment API down");
  delivery.set_body("Ticket: inc-7\n\n.a line with a dot\nEnd\n");
  delivery.set_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  return delivery;
}

TEST(WriteMail, IsPlainToRead) {
  EXPECT_EQ(WriteMail(Sample(), "watchbell@example.com", kDate),
            "From: Watchbell <watchbell@example.com>\r\n"
            "To: <ana@example.com>\r\n"
            "Subject: [P1] inc-7 Payment API down\r\n"
            "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
            "Message-ID: <inc-7.run.1.1.1.ana.email1@watchbell>\r\n"
            "X-Watchbell-Delivery: inc-7/run/1/1/1/ana/email1\r\n"
            "X-Watchbell-Ticket: inc-7\r\n"
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "Ticket: inc-7\r\n"
            "\r\n"
            ".a line with a dot\r\n"
            "End\r\n");
}

TEST(WriteMail, MarksAPossibleRepeat) {
  v1::Delivery delivery = Sample();
  EXPECT_THAT(WriteMail(delivery, "w@x", kDate), Not(HasSubstr("X-Watchbell-Possible-Repeat")));
  delivery.set_possible_repeat(true);
  EXPECT_THAT(WriteMail(delivery, "w@x", kDate),
              HasSubstr("\r\nX-Watchbell-Possible-Repeat: true\r\n"));
}

TEST(WriteMail, NoContentAddsAHeader) {
  const std::string attack = "x\r\nBcc: all@example.com\r\n\r\nfree text";
  v1::Delivery delivery = Sample();
  delivery.set_delivery_id(attack);
  delivery.set_ticket_id(attack);
  delivery.set_subject(attack);
  delivery.set_address(attack);
  delivery.set_traceparent(attack);
  const std::string mail = WriteMail(delivery, attack, kDate);
  const std::string head = mail.substr(0, mail.find("\r\n\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Transfer-Encoding: quoted-printable"));
  for (const absl::string_view line : absl::StrSplit(head, "\r\n")) {
    EXPECT_FALSE(absl::StartsWith(line, "Bcc")) << mail;
    EXPECT_FALSE(absl::StrContains(line, "\n")) << mail;
    EXPECT_FALSE(absl::StrContains(line, "\r")) << mail;
  }
}

TEST(WriteMail, BodyIsQuotedPrintable) {
  v1::Delivery delivery = Sample();
  delivery.set_body(absl::StrCat("a=b \nZ\xc3\xbcrich\r\n", std::string(200, 'x'), "\n"));
  const std::string mail = WriteMail(delivery, "w@x", kDate);
  EXPECT_EQ(mail.substr(mail.find("\r\n\r\n") + 4),
            absl::StrCat("a=3Db=20\r\nZ=C3=BCrich=0D\r\n", std::string(75, 'x'), "=\r\n",
                         std::string(75, 'x'), "=\r\n", std::string(50, 'x'), "\r\n"));
}

TEST(HeaderText, EncodesWhatIsNotPlain) {
  EXPECT_EQ(HeaderText("Subject", "plain [P1]"), "plain [P1]");
  EXPECT_EQ(HeaderText("Subject", "Z\xc3\xbcrich"), "=?UTF-8?B?WsO8cmljaA==?=");
  EXPECT_EQ(HeaderText("Subject", "=?UTF-8?B?eA==?="), "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
}

TEST(HeaderText, FoldsLongLines) {
  std::string words;
  std::string umlauts;
  for (int i = 0; i < 60; ++i) absl::StrAppend(&words, i > 0 ? " " : "", "word", i);
  for (int i = 0; i < 200; ++i) umlauts += "\xc3\xbc";
  for (const std::string& text : {words, umlauts}) {
    const std::string folded = absl::StrCat("Subject: ", HeaderText("Subject", text));
    const std::vector<std::string> lines = absl::StrSplit(folded, "\r\n");
    EXPECT_GT(lines.size(), 3u);
    for (size_t i = 0; i < lines.size(); ++i) {
      EXPECT_LE(lines[i].size(), 78u) << lines[i];
      EXPECT_EQ(lines[i][0], i == 0 ? 'S' : ' ') << lines[i];
    }
  }
  EXPECT_EQ(HeaderText("Subject", std::string(300, 'x')), std::string(300, 'x'));
}

}  // namespace
}  // namespace watchbell::notifications
