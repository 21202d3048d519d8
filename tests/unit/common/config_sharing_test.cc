// One file and one environment for several commands; URLs with passwords.
#include <gtest/gtest.h>

#include <fstream>

#include "common/config/config.h"
#include "tests/support/temp_folder.h"

namespace watchbell::config {
namespace {

const std::vector<Key> kOwn = {{"listen", "here", ""}};
const std::vector<Key> kElsewhere = {{"target", "there", ""}, {"mail.secret", "", "", true}};

TEST(ConfigElsewhereTest, FileAndEnvironmentAreShared) {
  const test::TempFolder folder;
  std::ofstream(folder.File("shared.yaml")) << "listen: x\nmail:\n  secret: s\n";
  const auto config = Config::Load(
      kOwn, {"--config=" + folder.File("shared.yaml")},
      {{"WATCHBELL_TARGET", "y"}, {"WATCHBELL_MAIL_SECRET_FILE", folder.File("not there")}},
      kElsewhere);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->Get("listen"), "x");
  EXPECT_EQ(config->Print().find("target"), std::string::npos);
}

TEST(ConfigElsewhereTest, FlagsAreNot) {
  EXPECT_FALSE(Config::Load(kOwn, {"--target=y"}, {}, kElsewhere).ok());
  EXPECT_TRUE(Config::Load(kOwn, {"--listen=y"}, {}, kElsewhere).ok());
}

TEST(ConfigElsewhereTest, UnknownNamesStayErrors) {
  EXPECT_FALSE(Config::Load(kOwn, {}, {{"WATCHBELL_TARGTE", "y"}}, kElsewhere).ok());
}

TEST(ConfigElsewhereTest, AKeyOfBothIsOurs) {
  const auto config =
      Config::Load(kOwn, {}, {{"WATCHBELL_LISTEN", "y"}}, {{"listen", "other", ""}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->Get("listen"), "y");
}

TEST(MaskUrlTest, OnlyPasswordsAreMasked) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"postgresql://h:5432/d", "postgresql://h:5432/d"},
      {"postgresql://u@h/d", "postgresql://u@h/d"},
      {"postgresql://u:p@h:5432/d", "postgresql://u:***@h:5432/d"},
      {"postgresql://u:p/q?r@s@h/d", "postgresql://u:***@h/d"},
      {"postgresql://u:@h/d", "postgresql://u:***@h/d"},
      {"postgresql://h/d?user=u&password=p&sslpassword=q&x=y",
       "postgresql://h/d?user=u&password=***&sslpassword=***&x=y"},
      {"host=h password=p", "***"},
  };
  for (const auto& [url, masked] : cases) EXPECT_EQ(MaskUrl(url), masked);
}

}  // namespace
}  // namespace watchbell::config
