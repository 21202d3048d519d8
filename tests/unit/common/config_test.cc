#include "common/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace watchbell::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<Key> Keys() {
  return {{"listen", "127.0.0.1:7700", "where"},
          {"smtp.url", "", "mail"},
          {"smtp.retries", "3", "how often"},
          {"smtp.verify", "true", "certificates"},
          {"webhook.secret", "", "key", true}};
}

class ConfigTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(folder_);
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  absl::StatusOr<Config> LoadYaml(const std::string& text) {
    return Config::Load(Keys(), {"--config", File("w.yaml", text)}, {});
  }

  static std::string Error(const absl::StatusOr<Config>& config) {
    EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << config.status();
    return std::string(config.status().message());
  }

  const std::string folder_ = ::testing::TempDir() + "/config_" +
                              ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ConfigTest, StrongerSourcesWin) {
  const std::string yaml =
      File("w.yaml",
           "listen: yaml:1\nsmtp:\n  url: yaml:2\n  retries: 4\nwebhook.secret: yaml-secret\n");
  const std::map<std::string, std::string> environment = {{"WATCHBELL_CONFIG", yaml},
                                                          {"WATCHBELL_SMTP_URL", "env:2"},
                                                          {"WATCHBELL_SMTP_RETRIES", "5"},
                                                          {"PATH", "/bin"}};
  const auto config = Config::Load(Keys(), {"run", "--smtp-retries=6", "--", "--x"}, environment);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->Get("listen"), "yaml:1");
  EXPECT_EQ(config->Get("smtp.url"), "env:2");
  EXPECT_EQ(*config->GetInt("smtp.retries"), 6);
  EXPECT_EQ(config->Get("smtp.verify"), "true");
  EXPECT_THAT(config->rest(), ElementsAre("run", "--x"));
  EXPECT_THAT(config->Print(), HasSubstr("listen = yaml:1  # " + yaml + ":1:9\n"));
  EXPECT_THAT(config->Print(), HasSubstr("smtp.url = env:2  # environment WATCHBELL_SMTP_URL\n"));
  EXPECT_THAT(config->Print(), HasSubstr("smtp.retries = 6  # flag --smtp-retries\n"));
  EXPECT_THAT(config->Print(), HasSubstr("smtp.verify = true  # default\n"));
  EXPECT_THAT(config->Print(), HasSubstr("webhook.secret = ***  # "));
  EXPECT_THAT(config->Print(), Not(HasSubstr("yaml-secret")));
}

TEST_F(ConfigTest, FlagForms) {
  const auto config =
      Config::Load(Keys(), {"--listen", "a:1", "--smtp-verify", "--smtp-url=x=y"}, {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->Get("listen"), "a:1");
  EXPECT_EQ(config->Get("smtp.url"), "x=y");
  EXPECT_EQ(config->Get("smtp.verify"), "true");
  EXPECT_EQ(Config::Load(Keys(), {"--smtp-verify", "false"}, {})->Get("smtp.verify"), "false");
}

TEST_F(ConfigTest, UsageTellsOfTheTwinsOfSecrets) {
  const std::string usage = Config::Usage(Keys());
  EXPECT_THAT(usage, HasSubstr("; --webhook-secret-file=FILE reads it from there\n"));
  EXPECT_THAT(usage, Not(HasSubstr("listen-file")));
}

TEST_F(ConfigTest, WhatIsGivenIsKnownFromADefault) {
  const auto config = Config::Load(Keys(), {"--listen=127.0.0.1:7700"}, {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->IsGiven("listen"));
  EXPECT_FALSE(config->IsGiven("smtp.retries"));
}

TEST_F(ConfigTest, RefusesBadFlags) {
  EXPECT_EQ(Error(Config::Load(Keys(), {"--lisen=x"}, {})),
            "unknown flag --lisen, did you mean --listen?");
  EXPECT_EQ(Error(Config::Load(Keys(), {"--zzzzzzzzzzzzzzzzz"}, {})),
            "unknown flag --zzzzzzzzzzzzzzzzz");
  EXPECT_EQ(Error(Config::Load(Keys(), {"--listen"}, {})), "flag --listen needs a value");
  EXPECT_EQ(Error(Config::Load(Keys(), {"--listen", "--smtp-url=x"}, {})),
            "flag --listen needs a value");
  EXPECT_EQ(Error(Config::Load(Keys(), {"--config", "--listen=a"}, {})),
            "flag --config needs a value");
  EXPECT_EQ(Config::Load(Keys(), {"--listen=--x", "--smtp-url", "-"}, {})->Get("listen"), "--x");
  EXPECT_EQ(Error(Config::Load(Keys(), {"--listen=a", "--listen=b"}, {})),
            "flag --listen is given twice");
  EXPECT_EQ(Error(Config::Load(Keys(), {"-l"}, {})), "unknown flag -l: flags begin with --");
  EXPECT_EQ(Error(Config::Load(Keys(), {"--smtp-retries=many"}, {})),
            "flag --smtp-retries: smtp.retries must be a whole number");
}

TEST_F(ConfigTest, RefusesUnknownEnvironmentButNotKubernetesNorTheScripts) {
  EXPECT_EQ(Error(Config::Load(Keys(), {}, {{"WATCHBELL_SMTP_URI", "x"}})),
            "unknown environment variable WATCHBELL_SMTP_URI, did you mean WATCHBELL_SMTP_URL?");
  EXPECT_EQ(Error(Config::Load(Keys(), {}, {{"WATCHBELL_SMTP_VERIFY", "yes"}})),
            "environment WATCHBELL_SMTP_VERIFY: smtp.verify must be true or false");
  EXPECT_TRUE(Config::Load(Keys(), {},
                           {{"WATCHBELL_SERVICE_HOST", "10.0.0.1"},
                            {"WATCHBELL_SERVICE_PORT", "7700"},
                            {"WATCHBELL_PORT", "tcp://10.0.0.1:7700"},
                            {"WATCHBELL_PORT_7700_TCP_ADDR", "10.0.0.1"}})
                  .ok());
  // Nor what the project's own scripts are told.
  EXPECT_TRUE(Config::Load(Keys(), {},
                           {{"WATCHBELL_TEST_KAFKA", "127.0.0.1:9092"},
                            {"WATCHBELL_LOCAL_DIR", "/tmp/x"},
                            {"WATCHBELL_CACHE", "/tmp/y"}})
                  .ok());
}

TEST_F(ConfigTest, YamlErrorsNameLineAndColumn) {
  EXPECT_THAT(Error(LoadYaml("listen: a\nsmtp:\n  uri: x\n")),
              HasSubstr("w.yaml:3:3: unknown key smtp.uri, did you mean smtp.url?"));
  EXPECT_THAT(Error(LoadYaml("listen: a\nlisten: b\n")),
              HasSubstr("w.yaml:2:1: listen is given twice"));
  EXPECT_THAT(Error(LoadYaml("smtp: {url: a}\nsmtp.url: b\n")),
              HasSubstr("w.yaml:2:1: smtp.url is given twice"));
  EXPECT_THAT(Error(LoadYaml("listen: [a, b]\n")),
              HasSubstr("w.yaml:1:9: listen must be one value, not a list"));
  EXPECT_THAT(Error(LoadYaml("listen:\n  port: 1\n")),
              HasSubstr("listen must be one value, not a map"));
  EXPECT_THAT(Error(LoadYaml("listen:\n")), HasSubstr("w.yaml:1:1: listen has no value"));
  EXPECT_THAT(Error(LoadYaml("smtp: 4\n")), HasSubstr("w.yaml:1:7: smtp must be a map"));
  EXPECT_THAT(Error(LoadYaml("smtp:\n  retries: lots\n")),
              HasSubstr("w.yaml:2:12: smtp.retries must be a whole number"));
  EXPECT_THAT(Error(LoadYaml("listen: a\nsmtp: [a\n")), HasSubstr("w.yaml:3:1: "));
  EXPECT_THAT(Error(LoadYaml("- a\n")), HasSubstr("the file must be a map of keys"));
  EXPECT_THAT(Error(Config::Load(Keys(), {"--config=/no/such.yaml"}, {})),
              HasSubstr("cannot read /no/such.yaml"));
}

TEST_F(ConfigTest, EmptyYamlAndEmptyGroupsAreFine) {
  EXPECT_TRUE(LoadYaml("").ok());
  EXPECT_TRUE(LoadYaml("# nothing\nsmtp:\n  # url: x\n").ok());
}

TEST_F(ConfigTest, SecretsFromFiles) {
  const std::string secret = File("secret", "s3cret\n");
  const auto config = Config::Load(Keys(), {"--webhook-secret-file=" + secret}, {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->Get("webhook.secret"), "s3cret");
  EXPECT_THAT(config->Print(),
              HasSubstr("webhook.secret = ***  # flag --webhook-secret-file (" + secret + ")"));
  EXPECT_EQ(
      Config::Load(Keys(), {}, {{"WATCHBELL_WEBHOOK_SECRET_FILE", secret}})->Get("webhook.secret"),
      "s3cret");
  EXPECT_EQ(LoadYaml("webhook:\n  secret_file: " + secret + "\n")->Get("webhook.secret"), "s3cret");
}

TEST_F(ConfigTest, RefusesSecretTwiceMissingFileAndTwinOfPlainKey) {
  EXPECT_THAT(Error(Config::Load(Keys(), {"--webhook-secret=a", "--webhook-secret-file=b"}, {})),
              HasSubstr("give either webhook.secret or webhook.secret_file, not both"));
  EXPECT_THAT(Error(Config::Load(Keys(), {"--webhook-secret-file=/no/such"}, {})),
              HasSubstr("cannot read /no/such"));
  EXPECT_THAT(Error(Config::Load(Keys(), {"--listen-file=a"}, {})),
              HasSubstr("unknown flag --listen-file"));
}

TEST_F(ConfigTest, UsageNamesEveryFlag) {
  EXPECT_THAT(Config::Usage(Keys()), HasSubstr("--smtp-retries"));
  EXPECT_THAT(Config::Usage(Keys()), HasSubstr("how often (default 3)"));
}

}  // namespace
}  // namespace watchbell::config
