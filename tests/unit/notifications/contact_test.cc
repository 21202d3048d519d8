#include "services/notifications/contact.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell::notifications {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

TEST(MailAddress, Table) {
  for (const char* good :
       {"ana@example.com", "a.b+c@x", "o'neil@mail.example.org", "x@127.0.0.1"}) {
    EXPECT_TRUE(IsMailAddress(good)) << good;
  }
  for (const char* bad :
       {"", "ana", "@example.com", "ana@", "ana@@example.com", "ana@exa mple.com",
        "ana@example.com ", "ana@example.com\r\nBcc: all@example.com", "<ana@example.com>",
        "ana,bob@example.com", "a@b,c@d", "\"ana\"@example.com", "ana@example..com",
        ".ana@example.com", "ana@example.com.", "änne@example.com"}) {
    EXPECT_FALSE(IsMailAddress(bad)) << bad;
  }
  EXPECT_TRUE(IsMailAddress(absl::StrCat(std::string(64, 'a'), "@x")));
  EXPECT_FALSE(IsMailAddress(absl::StrCat(std::string(65, 'a'), "@x")));
  EXPECT_FALSE(IsMailAddress(absl::StrCat("a@", std::string(253, 'x'))));
}

TEST(WebAddress, Table) {
  for (const char* good : {"http://example.com", "https://example.com:8443/hook?x=1#y",
                           "http://127.0.0.1:9/", "http://[::1]:80/a"}) {
    EXPECT_TRUE(IsWebAddress(good)) << good;
  }
  for (const char* bad :
       {"", "example.com", "ftp://example.com", "file:///etc/passwd", "http://", "http:///x",
        "https://user:pw@example.com", "http://exa mple.com", "http://example.com/a b",
        "http://example.com/\r\nX: y", "http://example.com:", "http://example.com:port",
        "http://[::1", "http://[]/", "http://:80/", "javascript:alert(1)"}) {
    EXPECT_FALSE(IsWebAddress(bad)) << bad;
  }
}

TEST(CheckContact, NamesEveryFaultByPath) {
  v1::Contact contact;
  contact.set_person("ana");
  const auto add = [&contact](v1::Medium medium, const std::string& address) {
    contact.add_points()->set_medium(medium);
    contact.mutable_points(contact.points_size() - 1)->set_address(address);
  };
  add(v1::MEDIUM_EMAIL, "ana@example.com");
  add(v1::MEDIUM_WEBHOOK, "https://example.com/ana");
  EXPECT_THAT(CheckContact(contact), IsEmpty());

  add(v1::MEDIUM_EMAIL, "https://example.com/ana");
  add(v1::MEDIUM_WEBHOOK, "ana@example.com");
  add(v1::MEDIUM_UNSPECIFIED, "x");
  add(v1::MEDIUM_EMAIL, "ana@example.com");
  EXPECT_THAT(CheckContact(contact),
              ElementsAre(Field(&FieldViolation::field, "contact.points[2].address"),
                          Field(&FieldViolation::field, "contact.points[3].address"),
                          Field(&FieldViolation::field, "contact.points[4].medium"),
                          Field(&FieldViolation::field, "contact.points[5].address")));
  contact.clear_points();
  EXPECT_THAT(CheckContact(contact), ElementsAre(Field(&FieldViolation::field, "contact.points")));
}

TEST(SameContact, IgnoresTheVersionOnly) {
  v1::Contact a;
  a.set_person("ana");
  a.add_points()->set_address("x@y");
  v1::Contact b = a;
  b.set_version(7);
  EXPECT_TRUE(SameContact(a, b));
  b.set_display_name("Ana");
  EXPECT_FALSE(SameContact(a, b));
}

}  // namespace
}  // namespace watchbell::notifications
