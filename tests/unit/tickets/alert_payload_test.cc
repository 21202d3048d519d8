#include "services/tickets/alert_payload.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/time/rfc3339.h"
#include "nlohmann/json.hpp"
#include "services/tickets/alert_severity.h"

namespace watchbell::tickets {
namespace {

using Json = nlohmann::json;
using Alerts = std::vector<ParsedAlert>;

const std::filesystem::path kVectors =
    std::filesystem::path(WATCHBELL_SOURCE_DIR) / ".." / "shared" / "vectors";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Json Manifest(const char* folder) {
  Json lines = Json::array();
  std::ifstream file(kVectors / folder / "manifest.jsonl");
  for (std::string line; std::getline(file, line);) {
    Json entry = Json::parse(line);
    if (entry["format"] == "alertmanager_webhook_v4") lines.push_back(std::move(entry));
  }
  if (lines.empty() && std::getenv("CI") != nullptr) ADD_FAILURE() << "CI must have the vectors";
  return lines;
}

std::string Payload(const std::string& alerts, const std::string& more = "") {
  return absl::StrCat(R"({"version":"4","status":"firing",)", more, R"("alerts":[)", alerts, "]}");
}

constexpr char kGood[] = R"({"status":"firing","labels":{"alertname":"Disk"},)"
                         R"("startsAt":"2026-01-01T00:00:00Z"})";

std::string WhyNot(const std::string& payload) {
  const auto parsed = ParseAlertmanager(payload);
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldViolations(parsed.status())[0].field, "payload");
  return FieldViolations(parsed.status())[0].description;
}

TEST(AlertPayload, ReadsWhatAlertmanagerSends) {
  const Json manifest = Manifest("alerts");
  if (manifest.empty()) GTEST_SKIP() << "NOT TESTED: " << kVectors << " is absent";
  std::map<std::string, std::string> fingerprints;  // by group
  for (const Json& entry : manifest) {
    const std::string name = entry["file"];
    SCOPED_TRACE(name);
    const auto parsed = ParseAlertmanager(ReadFile(kVectors / "alerts" / name));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    const Json& expected = entry["expect_all"];
    ASSERT_EQ(parsed->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const ParsedAlert& alert = (*parsed)[i];
      EXPECT_EQ(alert.error, "");
      EXPECT_EQ(alert.path, absl::StrCat("/alerts/", i));
      EXPECT_EQ(alert.firing, expected[i]["status"] == "firing");
      EXPECT_EQ(alert.summary, expected[i]["title"].get<std::string>());
      for (const auto& [label, value] : expected[i]["labels"].items()) {
        EXPECT_EQ(alert.labels.at(label), value.get<std::string>());
      }
      const std::map<std::string, v1::Impact> impacts = {{"critical", v1::IMPACT_HIGH},
                                                         {"error", v1::IMPACT_MEDIUM},
                                                         {"warning", v1::IMPACT_MEDIUM},
                                                         {"info", v1::IMPACT_LOW}};
      EXPECT_EQ(alert.impact, impacts.at(expected[i]["severity"]));
      EXPECT_EQ(alert.starts_at, ParseRfc3339(expected[i]["starts_at"].get<std::string>()));
      const Json& resource = expected[i]["resource"];
      EXPECT_EQ(alert.config_item, resource.is_null() ? "" : resource.get<std::string>());
      // Equal within a group, different between groups.
      const std::string fingerprint = AlertFingerprint("t", "i", alert.labels);
      const std::string group = expected[i]["fp_group"];
      EXPECT_EQ(fingerprints.emplace(group, fingerprint).first->second, fingerprint);
    }
  }
  std::set<std::string> different;
  for (const auto& [group, fingerprint] : fingerprints) different.insert(fingerprint);
  EXPECT_EQ(different.size(), fingerprints.size());
  EXPECT_GE(fingerprints.size(), 40u);
}

TEST(AlertPayload, TakesOrNamesWhatIsHostile) {
  const Json manifest = Manifest("alerts_bad");
  if (manifest.empty()) GTEST_SKIP() << "NOT TESTED: " << kVectors << " is absent";
  for (const Json& entry : manifest) {
    const std::string name = entry["file"];
    SCOPED_TRACE(name);
    const Json& expected = entry["expect"];
    const auto parsed = ParseAlertmanager(ReadFile(kVectors / "alerts_bad" / name));
    int good = 0;
    std::string why;
    if (parsed.ok()) {
      for (const ParsedAlert& alert : *parsed)
        (alert.error.empty() ? good += 1 : 0, why += alert.error);
    } else {
      why = FieldViolations(parsed.status())[0].description;
    }
    EXPECT_EQ(good, expected["accepted"].get<int>()) << why;
    if (expected["disposition"] != "reject") continue;
    bool named = absl::StartsWith(why, expected["reason"].get<std::string>());
    for (const Json& other : expected.value("reason_any", Json::array())) {
      named = named || absl::StartsWith(why, other.get<std::string>());
    }
    EXPECT_TRUE(named) << why << ", wanted " << expected["reason"];
    const std::string path = expected.value("path", "");
    EXPECT_TRUE(absl::StrContains(why, path)) << why << ", wanted " << path;
  }
}

TEST(AlertPayload, KeepsTheGoodAndNamesTheBad) {
  const auto parsed = ParseAlertmanager(Payload(absl::StrCat(
      kGood, R"(,{"status":"fring","labels":{"a":"b"}},7,{"status":"firing","labels":{"a/b":1}},)",
      R"([],{"status":"firing","labels":{"a":"1","a":"2"}},)", kGood)));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const char* errors[] = {"",
                          "UNKNOWN_ENUM: /alerts/1/status is neither firing nor resolved",
                          "WRONG_TYPE: /alerts/2 is no object",
                          "WRONG_TYPE: /alerts/3/labels/a~1b is no string",
                          "WRONG_TYPE: /alerts/4 is no object",
                          "DUPLICATE_KEY: \"a\" comes twice in /alerts/5",
                          ""};
  ASSERT_EQ(parsed->size(), 7u);
  for (int i = 0; i < 7; ++i) EXPECT_EQ((*parsed)[i].error, errors[i]);
}

TEST(AlertPayload, RefusesWhatIsNoPayload) {
  EXPECT_TRUE(absl::StartsWith(WhyNot(" \n"), "EMPTY_BODY"));
  EXPECT_TRUE(absl::StartsWith(WhyNot("7"), "WRONG_TYPE"));
  EXPECT_EQ(WhyNot("[]"), "");
  EXPECT_TRUE(absl::StartsWith(WhyNot("{}"), "MISSING_FIELD: /alerts"));
  EXPECT_TRUE(absl::StartsWith(WhyNot(R"({"alerts":{}})"), "WRONG_TYPE: /alerts"));
  EXPECT_TRUE(absl::StartsWith(WhyNot(R"({"version":"5","alerts":[]})"), "UNSUPPORTED_VERSION"));
  EXPECT_TRUE(absl::StartsWith(WhyNot(R"({"alerts":[],"alerts":[]})"), "DUPLICATE_KEY"));
  EXPECT_TRUE(absl::StartsWith(WhyNot(Payload(kGood, R"("groupLabels":[],)")), "WRONG_TYPE"));
  EXPECT_EQ(WhyNot(Payload("")), "");
  const std::string malformed = WhyNot("{\"alerts\":\n [}");
  EXPECT_TRUE(absl::StartsWith(malformed, "MALFORMED_JSON: ")) << malformed;
  EXPECT_TRUE(absl::StrContains(malformed, "line 2, column 3")) << malformed;
}

// A name that comes twice within one alert costs that alert, anywhere else the payload.
TEST(AlertPayload, ANameThatComesTwice) {
  const std::string bad = R"({"status":"firing","labels":{"a":"1","a":"2"}})";
  EXPECT_EQ(WhyNot(Payload(absl::StrCat(kGood, ",", bad))), "");
  for (const std::string& payload :
       {Payload(kGood, R"("groupLabels":{"a":"1","a":"2"},)"), Payload(kGood, R"("status":"x",)"),
        Payload(kGood, R"("more":[{"a":1,"a":2}],)"),
        Payload(absl::StrCat(kGood, ",", bad), R"("more":[[{"a":1,"a":2}]],)")}) {
    EXPECT_TRUE(absl::StartsWith(WhyNot(payload), "DUPLICATE_KEY")) << payload;
  }
  const auto array = ParseAlertmanager(absl::StrCat("[", kGood, ",", bad, "]"));
  ASSERT_TRUE(array.ok());
  EXPECT_EQ((*array)[0].error, "");
  EXPECT_EQ((*array)[1].error, "DUPLICATE_KEY: \"a\" comes twice in /1");
}

TEST(AlertPayload, AnArraysAlertsFireUntilTheyEnd) {
  const absl::Time sent = *ParseRfc3339("2026-01-01T12:00:00Z");
  const std::pair<const char*, bool> table[] = {{"", true},
                                                {"0001-01-01T00:00:00Z", true},
                                                {"2026-01-01T12:00:00.000001Z", true},
                                                {"2026-01-01T12:00:00Z", false},
                                                {"2026-01-01T11:00:00Z", false}};
  for (const auto& [ends, firing] : table) {
    const auto parsed = ParseAlertmanager(
        absl::StrCat(R"([{"labels":{"alertname":"Disk"},"endsAt":")", ends, "\"}]"), sent);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ((*parsed)[0].firing, firing) << ends;
    EXPECT_EQ((*parsed)[0].error, "");
    EXPECT_EQ((*parsed)[0].path, "/0");
  }
  const auto parsed = ParseAlertmanager(R"([7,{},{"labels":{}},{"labels":{"a":"b"}}])", sent);
  ASSERT_TRUE(parsed.ok());
  const char* errors[] = {"WRONG_TYPE: /0 is no object", "MISSING_FIELD: /1/labels",
                          "EMPTY_LABELS: /2/labels would make every such alert one", ""};
  for (int i = 0; i < 4; ++i) EXPECT_EQ((*parsed)[i].error, errors[i]);
}

TEST(AlertPayload, ABlankSummaryIsNoTitle) {
  const auto parsed = ParseAlertmanager(Payload(
      R"({"status":"firing","labels":{"alertname":"Disk"},"annotations":{"summary":"\u00a0 \u200b"}},)"
      R"({"status":"firing","labels":{"alertname":"\u3000"},"annotations":{"summary":" "}})"));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ((*parsed)[0].summary, "Disk");
  EXPECT_EQ((*parsed)[1].summary, "Alert without a name");
}

TEST(AlertPayload, UnknownTimesAreNotKnown) {
  for (const char* time : {"", "0001-01-01T00:00:00Z", "yesterday", "infinite-future", "1767225600",
                           "2026-01-01T00:00:00"}) {
    const auto parsed = ParseAlertmanager(Payload(
        absl::StrCat(R"({"status":"firing","labels":{"a":"b"},"startsAt":")", time, "\"}")));
    ASSERT_TRUE(parsed.ok());
    EXPECT_FALSE((*parsed)[0].starts_at.has_value()) << time;
  }
}

TEST(AlertPayload, ATitleIsOneLineOf200Characters) {
  std::string summary = "\\u00e4\\n";
  for (int i = 0; i < 300; ++i) summary += "\\u00df";
  const auto parsed = ParseAlertmanager(Payload(absl::StrCat(
      R"({"status":"firing","labels":{"a":"b"},"annotations":{"summary":")", summary, "\"}}")));
  ASSERT_TRUE(parsed.ok());
  const std::string& title = (*parsed)[0].summary;
  EXPECT_EQ(title.size(), 2 + 1 + 198 * 2u);
  EXPECT_TRUE(absl::StartsWith(title, "\u00e4 \u00df"));
}

TEST(AlertPayload, WithoutGroupLabelsTheNameGroups) {
  const auto parsed = ParseAlertmanager(Payload(
      absl::StrCat(kGood, R"(,{"status":"firing","labels":{"job":"x","severity":"info"}})")));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ((*parsed)[0].group_labels, (Labels{{"alertname", "Disk"}}));
  EXPECT_EQ((*parsed)[1].group_labels, (*parsed)[1].labels);
}

TEST(Severity, MapsAndNeverRefuses) {
  const std::map<std::string, std::pair<int, int>> table = {
      {"critical", {1, 1}}, {" CRITICAL ", {1, 1}}, {"page", {1, 1}}, {"error", {2, 1}},
      {"high", {2, 1}},     {"warning", {2, 2}},    {"info", {3, 3}}, {"none", {3, 3}},
      {"", {2, 2}},         {"purple", {2, 2}}};
  for (const auto& [label, expected] : table) {
    EXPECT_EQ(SeverityOf(label).impact, expected.first) << label;
    EXPECT_EQ(SeverityOf(label).urgency, expected.second) << label;
  }
}

TEST(Fingerprint, IsFnv1aOverLengthPrefixedFields) {
  // Computed apart from this code; a change of either breaks every stored alert.
  EXPECT_EQ(AlertFingerprint("default", "default", {{"alertname", "Disk"}, {"host", "a"}}),
            "1:7d577133585baa7e88f4e829ca0e8576");
}

TEST(Fingerprint, TellsApart) {
  const Labels labels = {{"a", "bc"}};
  const std::string fingerprint = AlertFingerprint("t", "i", labels);
  EXPECT_EQ(AlertFingerprint("t", "i", {{"a", "bc"}, {"empty", ""}}), fingerprint);
  EXPECT_NE(AlertFingerprint("t", "i", {{"ab", "c"}}), fingerprint);
  EXPECT_NE(AlertFingerprint("u", "i", labels), fingerprint);
  EXPECT_NE(AlertFingerprint("t", "j", labels), fingerprint);
  EXPECT_NE(AlertFingerprint("ti", "", labels), AlertFingerprint("t", "i", labels));
  EXPECT_NE(AlertFingerprint("t", "i", {{"a", "bc"}, {"severity", "info"}}), fingerprint);
}

TEST(Correlation, LeavesSeverityOut) {
  const std::string id = CorrelationId("t", "i", {{"alertname", "X"}, {"severity", "warning"}});
  EXPECT_EQ(CorrelationId("t", "i", {{"alertname", "X"}, {"severity", "critical"}}), id);
  EXPECT_NE(CorrelationId("t", "i", {{"alertname", "Y"}}), id);
  EXPECT_NE(CorrelationId("t", "j", {{"alertname", "X"}}), id);
}

}  // namespace
}  // namespace watchbell::tickets
