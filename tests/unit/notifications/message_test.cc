#include "services/notifications/message.h"

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/notifications/text.h"

namespace watchbell::notifications {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Facts {
  Facts() {
    page.set_page_id("inc-7/run/1/1/1/ana");
    page.set_ticket_id("inc-7");
    page.set_person("ana");
    page.set_pass(1);
    page.set_reason("rota payments");
    ticket.set_ticket_id("inc-7");
    ticket.set_title("Payment API down");
    ticket.set_priority(tickets::v1::PRIORITY_CRITICAL);
    ticket.set_site("Lisbon");
    ticket.set_group("payments");
    *ticket.mutable_opened_at() = ToProto(absl::FromUnixSeconds(1'767'225'600));
    contact.set_display_name("Ana Lima");
  }
  PageText Write() const { return WritePage(page, ticket, summary, contact); }

  escalation::v1::Page page;
  tickets::v1::Ticket ticket;
  std::string summary = "first response breached, step 1";
  v1::Contact contact;
};

TEST(WritePage, SaysWhatAndWhyAndHowToAcknowledge) {
  const PageText text = Facts().Write();
  EXPECT_EQ(text.subject, "[P1] inc-7 Payment API down: first response breached, step 1");
  EXPECT_EQ(text.body,
            "Ticket: inc-7\n"
            "Title: Payment API down\n"
            "Priority: P1\n"
            "Site: Lisbon\n"
            "Group: payments\n"
            "Opened: 2026-01-01 00:00:00 UTC\n"
            "Why: first response breached, step 1\n"
            "Paged: Ana Lima (ana), rota payments\n"
            "\n"
            "To acknowledge:\n"
            "watchbell call watchbell.tickets.v1.TicketService/AcknowledgeTicket '{\"name\": "
            "\"tickets/inc-7\"}'\n");
}

TEST(WritePage, LeavesOutWhatIsNotKnown) {
  Facts facts;
  facts.ticket.clear_site();
  facts.ticket.clear_group();
  facts.ticket.clear_opened_at();
  facts.ticket.clear_priority();
  facts.summary.clear();
  const PageText text = facts.Write();
  EXPECT_EQ(text.subject, "[no priority] inc-7 Payment API down");
  EXPECT_THAT(text.body, Not(HasSubstr("Site:")));
  EXPECT_THAT(text.body, Not(HasSubstr("Opened:")));
  EXPECT_THAT(text.body, Not(HasSubstr("Why:")));
}

TEST(WritePage, NothingTypedAddsALine) {
  const size_t lines = std::vector<std::string>(absl::StrSplit(Facts().Write().body, '\n')).size();
  for (const char* attack : {"x\r\nBcc: all@example.com", "x\nPriority: P5", "x\rTicket: inc-9",
                             "x\xe2\x80\xa8y", "x\xc2\x85y", "x\vy", "x\fy"}) {
    Facts facts;
    facts.ticket.set_title(attack);
    facts.ticket.set_site(attack);
    facts.ticket.set_group(attack);
    facts.summary = attack;
    facts.contact.set_display_name(attack);
    const PageText text = facts.Write();
    EXPECT_EQ(OneLine(text.subject, 10'000), text.subject) << attack;
    EXPECT_EQ(std::vector<std::string>(absl::StrSplit(text.body, '\n')).size(), lines) << attack;
    EXPECT_FALSE(absl::StrContains(text.body, "\r")) << attack;
  }
}

TEST(WritePage, TheCommandCannotBeBrokenOutOf) {
  Facts facts;
  facts.page.set_ticket_id("inc-7'; rm -rf / #");
  EXPECT_THAT(facts.Write().body, HasSubstr("'{\"name\": \"tickets/inc-7...rm.-rf....\"}'\n"));
}

TEST(WritePage, LongTitlesAreCutAtACodePoint) {
  Facts facts;
  std::string title;
  for (int i = 0; i < 300; ++i) title += "é";
  facts.ticket.set_title(title);
  const PageText text = facts.Write();
  EXPECT_THAT(text.subject, HasSubstr(title.substr(0, 2 * 117) + "...: first"));
}

TEST(Text, OneLine) {
  EXPECT_EQ(OneLine("", 5), "");
  EXPECT_EQ(OneLine(" \t a \r\n b\x7f", 9), "a b");
  EXPECT_EQ(OneLine("abcdef", 6), "abcdef");
  EXPECT_EQ(OneLine("abcdefg", 6), "abc...");
  EXPECT_EQ(OneLine("a\xff", 5), "a\xff");  // broken UTF-8 costs nothing but itself
}

TEST(Text, PrintableAscii) {
  EXPECT_EQ(PrintableAscii(" 250 ok\r\n", 200), "250 ok");
  EXPECT_EQ(PrintableAscii("a\r\nb\xc3\xa4\x01", 200), "a  b???");
  EXPECT_EQ(PrintableAscii("abcdef", 3), "abc");
}

}  // namespace
}  // namespace watchbell::notifications
