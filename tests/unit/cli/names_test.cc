#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "services/watchbell/command.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/policy_file.h"
#include "services/watchbell/rpc_names.h"
#include "services/watchbell/terminal.h"
#include "services/watchbell/text.h"
#include "watchbell/escalation/v1/escalation.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::cli {
namespace {

TEST(FindMethodTest, ShortAndFullNames) {
  for (const char* name :
       {"TicketService/CreateTicket", "v1.TicketService/CreateTicket",
        "tickets.v1.TicketService/CreateTicket", "watchbell.tickets.v1.TicketService/CreateTicket",
        "TicketService.CreateTicket"}) {
    const auto method = FindMethod(name);
    ASSERT_TRUE(method.ok()) << name << ": " << method.status();
    EXPECT_EQ((*method)->full_name(), "watchbell.tickets.v1.TicketService.CreateTicket");
  }
}

TEST(FindMethodTest, FaultsNameTheNearest) {
  EXPECT_EQ(FindMethod("TicketService/CreateTickets").status().message(),
            "TicketService has no method \"CreateTickets\", did you mean CreateTicket?");
  EXPECT_EQ(FindMethod("TicketServices/CreateTicket").status().message(),
            "there is no service \"TicketServices\", did you mean TicketService?");
  EXPECT_EQ(FindMethod("icketService/CreateTicket").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FindMethod("CreateTicket").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindMethod("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(HelpOfTest, EveryRpcHasALine) {
  int methods = 0;
  for (const google::protobuf::ServiceDescriptor* service : KnownServices()) {
    for (int i = 0; i < service->method_count(); ++i, ++methods) {
      EXPECT_NE(HelpOf(*service->method(i)), "") << service->method(i)->full_name();
    }
  }
  EXPECT_GT(methods, 30);
  EXPECT_EQ(HelpOf(**FindMethod("TicketService/StartWork")), "New to InProgress");
}

TEST(EmbeddedTest, PoliciesOfTheDemoAreMessages) {
  for (const char* name : {"live_policy.json", "replay_policy.json"}) {
    EXPECT_EQ(CheckPolicyFile(EmbeddedMessage<sla::v1::PolicyFile>(name)), absl::OkStatus());
  }
  EXPECT_EQ(EmbeddedMessage<sla::v1::PolicyFile>("replay_policy.json").policy_set().targets_size(),
            8);
  EXPECT_EQ(
      EmbeddedMessage<escalation::v1::EscalationSetup>("live_setup.json").policies(0).steps_size(),
      2);
}

TEST(CommandsTest, NamesAreUniqueAndExplained) {
  std::set<std::string> names;
  for (const Command& command : Commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_NE(std::string(command.summary), "");
  }
  EXPECT_EQ(cli::Run({"no-such-command"}), 2);
  EXPECT_EQ(cli::Run({"help", "no-such-command"}), 2);
  EXPECT_EQ(cli::Run({"replay", "--format=servicenow-audit"}), 2);
  EXPECT_EQ(cli::Run({"replay", "--format=other", "file"}), 2);
  EXPECT_EQ(cli::Run({"dead-letters", "burn"}), 2);
  EXPECT_EQ(cli::Run({"policy"}), 2);
  EXPECT_EQ(cli::Run({"policy", "burn"}), 2);
}

TEST(TextTest, Utf8) {
  EXPECT_TRUE(IsUtf8("plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x94\x94"));
  for (const char* bad :
       {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
  EXPECT_EQ(Utf8Length("\xC3\xA4\xE2\x82\xAC"), 2u);
  EXPECT_EQ(TruncateUtf8("\xC3\xA4\xE2\x82\xACx", 2), "\xC3\xA4\xE2\x82\xAC");
  EXPECT_EQ(TruncateUtf8("ab", 2), "ab");
}

TEST(TextTest, Numbers) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(156678), "156,678");
  EXPECT_EQ(WithThousands(-1234567), "-1,234,567");
  EXPECT_EQ(HumanDuration(absl::Seconds(7)), "7 s");
  EXPECT_EQ(HumanDuration(absl::Seconds(185)), "3 min 05 s");
  EXPECT_EQ(HumanDuration(absl::Seconds(3720)), "1 h 02 min");
}

}  // namespace
}  // namespace watchbell::cli
