#include "services/notifications/webhook.h"

#include "gtest/gtest.h"

namespace watchbell::notifications {
namespace {

const absl::Time kAt = absl::FromUnixMicros(1'767'225'600'250'000);

// Figures made with Python's hmac module.
TEST(SignNotice, Vector) {
  EXPECT_EQ(SignNotice("whsec_test", kAt, R"({"delivery_id":"x"})"),
            "t=1767225600,v1=32b2435a2be074842f53f37af09b2d749feabd2e55596ee4130d80ec48e0f05e");
  EXPECT_NE(SignNotice("whsec_other", kAt, R"({"delivery_id":"x"})"),
            SignNotice("whsec_test", kAt, R"({"delivery_id":"x"})"));
}

TEST(WriteNotice, HoldsEveryFieldEvenUnset) {
  v1::Delivery delivery;
  delivery.set_delivery_id("inc-7/run/1/1/1/ana/webhook1");
  delivery.set_page_id("inc-7/run/1/1/1/ana");
  delivery.set_ticket_id("inc-7");
  delivery.set_person("ana");
  delivery.set_subject("a \"quoted\"\nsubject");
  delivery.set_attempts(1);
  EXPECT_EQ(
      WriteNotice(delivery, kAt),
      R"({"delivery_id":"inc-7/run/1/1/1/ana/webhook1","ticket":"tickets/inc-7","person":"ana",)"
      R"("subject":"a \"quoted\"\nsubject","body":"","page":"inc-7/run/1/1/1/ana","attempt":1,)"
      R"("possible_repeat":false,"sent_at":"2026-01-01T00:00:00.250Z"})");
}

TEST(WebhookHost, IsHostAndPortInSmallLetters) {
  EXPECT_EQ(HostOf("https://Hooks.Example.com/a?b#c"), "hooks.example.com");
  EXPECT_EQ(HostOf("http://127.0.0.1:8080?x=/"), "127.0.0.1:8080");
  EXPECT_EQ(HostOf("http://[::1]:8080/"), "[::1]:8080");
  EXPECT_EQ(HostOf("https://hooks.example.com"), HostOf("https://hooks.example.com/other"));
}

}  // namespace
}  // namespace watchbell::notifications
