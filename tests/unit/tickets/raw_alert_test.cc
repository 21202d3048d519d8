// What strangers put on the raw alert topic: every form that is understood, and a reason for every
// one that is not.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "common/base/payload_path.h"
#include "common/time/rfc3339.h"
#include "nlohmann/json.hpp"
#include "tests/unit/tickets/raw_records.h"

namespace watchbell::tickets {
namespace {

using Json = nlohmann::json;

struct Form {
  const char* what;
  std::string value;
  Headers headers;
  std::string integration = "raw";
};

TEST(RawAlert, TheConfiguredTenantMustBeOne) {
  for (const char* tenant : {"default", "acme-2"}) {
    const auto config =
        config::Config::Load(RawAlertKeys(), {absl::StrCat("--alerts-raw-tenant=", tenant)}, {});
    EXPECT_TRUE(CheckRawAlertTenant(config.value()).ok()) << tenant;
  }
  for (const char* tenant : {"", "Acme", "-acme", "a b", "a_b"}) {
    const auto config =
        config::Config::Load(RawAlertKeys(), {absl::StrCat("--alerts-raw-tenant=", tenant)}, {});
    const absl::Status status = CheckRawAlertTenant(config.value());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << tenant;
    EXPECT_TRUE(absl::StrContains(status.message(), "alerts.raw.tenant must be")) << status;
    EXPECT_TRUE(absl::EndsWith(status.message(), absl::StrCat("\"", tenant, "\""))) << status;
  }
}

TEST(RawAlert, EveryFormIsUnderstood) {
  const std::string base64 = absl::Base64Escape(Webhook());
  const Form table[] = {
      {"webhook, no headers", Webhook(), {}},
      {"array, no headers", Array(), {}},
      {"keyed, no headers", Keyed(), {}},
      {"foreign headers",
       Webhook(),
       {{"kafka_x", "\xff\x00\x01"}, {"", ""}, {"a", "1"}, {"a", "2"}}},
      {"a typed body", Webhook(), {{"content-type", "application/json; charset=utf-8"}}},
      {"a body typed in capitals", Array(), {{"Content-Type", "Application/JSON"}}},
      {"a body that claims to be text", Webhook(), {{"content-type", "text/plain"}}},
      {"a body that claims nothing", Webhook(), {{"content-type", ""}}},
      {"a vendor's type", Webhook(), {{"content-type", "application/vnd.am.v4+json"}}},
      {"binary", Webhook(), Binary(), "//prom/fra"},
      {"binary, typed", Array(), Binary({{"content-type", "application/json"}}), "//prom/fra"},
      {"binary, keyed", Keyed(), Binary({{"ce_time", "2026-01-01T00:00:00Z"}}), "//prom/fra"},
      {"binary, extensions", Webhook(), Binary({{"ce_sequence", "1"}, {"ce_x9", ""}}),
       "//prom/fra"},
      {"structured", Structured(Data(Webhook())), kStructured, "//prom/fra"},
      {"structured, array", Structured(Data(Array())), kStructured, "//prom/fra"},
      {"structured, keyed", Structured(Data(Keyed())), kStructured, "//prom/fra"},
      {"structured, base64", Structured(absl::StrCat(R"(,"data_base64":")", base64, "\"")),
       kStructured, "//prom/fra"},
      {"structured, numbers", Structured(Data(Webhook()), R"(,"severitynumber":21,"x":null)"),
       kStructured, "//prom/fra"},
      {"structured, typed in capitals",
       Structured(Data(Array())),
       {{"content-type", "APPLICATION/CloudEvents+JSON"}},
       "//prom/fra"},
      {"structured, by no header", Structured(Data(Webhook())), {}, "//prom/fra"},
      {"structured, typed as JSON",
       Structured(Data(Webhook())),
       {{"content-type", "application/json"}},
       "//prom/fra"},
      {"structured, with the headers of both",
       Structured(Data(Webhook())),
       {{"content-type", "application/cloudevents+json"}, {"ce_source", "//header"}},
       "//prom/fra"},
  };
  for (const Form& form : table) {
    SCOPED_TRACE(form.what);
    const auto input = Read(Record(form.value, form.headers));
    ASSERT_TRUE(input.ok()) << input.status();
    EXPECT_TRUE(input->bad_part.ok()) << input->bad_part;
    EXPECT_EQ(input->identity.tenant, "default");
    EXPECT_EQ(input->identity.subject, "monitoring:" + form.integration);
    EXPECT_TRUE(input->identity.roles.empty());
    EXPECT_EQ(RawOf(*input).integration(), form.integration);
    const auto alerts = ParseRawAlerts(RawOf(*input), absl::FromUnixSeconds(1'767'225'600));
    ASSERT_TRUE(alerts.ok()) << alerts.status();
    ASSERT_EQ(alerts->size(), 1u);
    EXPECT_EQ((*alerts)[0].error, "");
    EXPECT_TRUE((*alerts)[0].firing);
  }
}

TEST(RawAlert, WhatIsNoAlertHasAReason) {
  const std::string deep = std::string(20'000, '[');
  bus::Record tombstone = Record("");
  tombstone.null_value = true;
  std::string many = "[{}";
  for (size_t i = 0; i < kMaxAlerts; ++i) many += ",{}";
  many += "]";
  const std::pair<std::string, bus::Record> table[] = {
      {"EMPTY_BODY", Record("")},
      {"NO_VALUE", tombstone},
      {"EMPTY_BODY", Record(" \n", Binary())},
      {"MALFORMED_JSON", Record("CRITICAL db-9 down since 11:42")},
      {"MALFORMED_JSON", Record("{\"alerts\":[")},
      {"MALFORMED_JSON", Record(Webhook() + Webhook())},
      {"INVALID_UTF8", Record("{\"alerts\":\"\xc0\xaf\"}")},
      {"TOO_DEEP", Record(deep)},
      {"TOO_DEEP", Record(deep + std::string(20'000, ']'))},
      {"TOO_DEEP", Record(Structured(Data(std::string(40, '[') + std::string(40, ']'))))},
      {"PAYLOAD_TOO_LARGE", Record(std::string(1024 * 1024 + 1, ' '))},
      {"NO_ALERT", Record("null")},
      {"NO_ALERT", Record("7")},
      {"NO_ALERT", Record("\"alerts\"")},
      {"NO_ALERT", Record("{}")},
      {"NO_ALERT", Record(R"({"id":"1","labels":{}})")},
      {"NO_ALERT", Record(R"({"a":1})", Binary())},
      {"NO_ALERT", Record(Structured(Data("\"text\"")))},
      {"NO_ALERT", Record(Structured(""))},
      {"WRONG_TYPE", Record(R"({"alerts":{}})")},
      {"WRONG_TYPE", Record("[7]")},
      {"WRONG_TYPE", Record(R"({"alert_key":7})")},
      {"UNKNOWN_ENUM", Record(Keyed("down"))},
      {"UNKNOWN_ENUM", Record(Webhook(R"({"status":"fring","labels":{"a":"b"}})"))},
      {"MISSING_FIELD", Record(R"([{"status":"firing"}])")},
      {"EMPTY_LABELS", Record(R"([{"labels":{"a":""}}])")},
      {"DUPLICATE_KEY", Record(R"({"alert_key":"a","alert_key":"b","status":"firing"})")},
      {"DUPLICATE_KEY", Record(Structured(Data(Webhook()), R"(,"id":"2")"))},
      {"FIELD_TOO_LARGE",
       Record(absl::StrCat(R"({"status":"firing","alert_key":")", std::string(300, 'k'), "\"}"))},
      {"TOO_MANY_ALERTS", Record(many)},
      {"UNSUPPORTED_VERSION", Record(R"({"version":"5","alerts":[]})")},
      {"UNSUPPORTED_VERSION", Record(Webhook(), {{"ce_specversion", "0.3"}})},
      {"UNSUPPORTED_VERSION", Record(R"({"specversion":"0.3","id":"1","data":{}})")},
      {"UNSUPPORTED_CONTENT_TYPE", Record(Webhook(), {{"content-type", "application/protobuf"}})},
      {"UNSUPPORTED_CONTENT_TYPE", Record(Webhook(), Binary({{"content-type", "text/xml"}}))},
      {"UNSUPPORTED_CONTENT_TYPE",
       Record(Webhook(), {{"content-type", "application/json; charset=utf-16"}})},
      {"UNSUPPORTED_CONTENT_TYPE",
       Record("\x0a\x01", {{"content-type", "application/cloudevents+protobuf"}})},
      {"UNSUPPORTED_CONTENT_TYPE",
       Record("[]", {{"content-type", "application/cloudevents-batch+json"}})},
      {"UNSUPPORTED_CONTENT_TYPE",
       Record(Structured(Data(Webhook()), R"(,"datacontenttype":"text/xml")"))},
      {"REPEATED_HEADER",
       Record(Webhook(), {{"content-type", "application/json"}, {"Content-Type", "text/json"}})},
      {"REPEATED_HEADER", Record(Webhook(), Binary({{"ce_id", "2"}}))},
      {"REPEATED_HEADER", Record(Webhook(), {{"ce_tenant", "a"}, {"ce_tenant", "a"}})},
      {"MISSING_HEADER", Record(Webhook(), {{"ce_specversion", "1.0"}, {"ce_id", "1"}})},
      {"BAD_HEADER", Record(Webhook(), Binary({{"ce_tenant", "Not A Tenant"}}))},
      {"BAD_HEADER", Record(Webhook(), Binary({{"ce_subject", "a\x01"}}))},
      {"BAD_HEADER", Record(Webhook(), Binary({{"ce_subject", "\xff"}}))},
      {"BAD_HEADER", Record(Webhook(), {{"ce_source", std::string(300, 's')}})},
      {"BAD_HEADER", Record(Webhook(), {{"ce_source", "a b"}})},
      {"BAD_HEADER", Record(Webhook(), {{"ce_source", ""}})},
      {"INVALID_ATTRIBUTE_NAME", Record(Webhook(), Binary({{"ce_PartitionKey", "x"}}))},
      {"INVALID_ATTRIBUTE_NAME", Record(Webhook(), {{"ce_", "x"}})},
      {"INVALID_ATTRIBUTE_NAME", Record(Structured(Data(Webhook()), R"(,"PartitionKey":"x")"))},
      {"BAD_CLOUDEVENT", Record("[]", kStructured)},
      {"BAD_CLOUDEVENT", Record(Webhook(), kStructured)},
      {"BAD_CLOUDEVENT", Record(R"({"specversion":"1.0","id":"1","source":"s","data":[]})")},
      {"BAD_CLOUDEVENT", Record(R"({"specversion":1,"id":"1","source":"s","type":"t","data":[]})")},
      {"BAD_CLOUDEVENT", Record(Structured(Data(Webhook()), R"(,"tenant":"A B")"))},
      {"BAD_CLOUDEVENT", Record(Structured(Data(Webhook()), R"(,"subject":"a\u0001")"))},
      {"BAD_CLOUDEVENT", Record(Structured(absl::StrCat(Data("[]"), R"(,"data_base64":"W10=")")))},
      {"BAD_CLOUDEVENT", Record(Structured(R"(,"data_base64":"%%%")"))},
      {"BAD_CLOUDEVENT", Record(Structured(R"(,"data_base64":7)"))},
      {"MALFORMED_JSON", Record(Structured(R"(,"data_base64":"aGVsbG8=")"))},
  };
  for (const auto& [reason, record] : table) {
    SCOPED_TRACE(record.value.substr(0, 200));
    const auto input = Read(record);
    ASSERT_FALSE(input.ok());
    EXPECT_EQ(input.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(input.status()), reason) << input.status();
    EXPECT_FALSE(input.status().message().empty());
  }
}

TEST(RawAlert, WhatIsWrongIsPointedAt) {
  const auto labels = [](const std::string& json) {
    return Webhook(absl::StrCat(R"({"status":"firing","labels":)", json, "}"));
  };
  const std::vector<std::pair<std::string, bus::Record>> table = {
      {"", Record("no JSON")},
      {"", Record("7")},
      {"/alerts", Record(R"({"alerts":{}})")},
      {"/version", Record(R"({"version":"5","alerts":[]})")},
      {"/groupLabels/a", Record(R"({"groupLabels":{"a":1},"alerts":[]})")},
      {"/alerts/0", Record(Webhook("7"))},
      {"/alerts/0/status", Record(Webhook(R"({"status":"fring"})"))},
      {"/alerts/0/labels", Record(labels("{}"))},
      {"/alerts/0/labels/a~1b c", Record(labels(R"({"a/b c":1})"))},
      {"/0/labels", Record("[{}]")},
      {"/alert_key", Record(R"({"alert_key":7})")},
      {"/data/alerts/0/status", Record(Structured(Data(Webhook(R"({"status":"fring"})"))))},
      {"/data_base64", Record(Structured(R"(,"data_base64":"%%%")"))},
      {"/specversion", Record(R"({"specversion":"0.3"})")},
      {"/PartitionKey", Record(Structured(Data(Webhook()), R"(,"PartitionKey":"x")"))},
      {"/tenant", Record(Structured(Data(Webhook()), R"(,"tenant":"A B")"))},
  };
  for (const auto& [path, record] : table) {
    SCOPED_TRACE(record.value.substr(0, 200));
    const auto input = Read(record);
    ASSERT_FALSE(input.ok());
    EXPECT_EQ(PathOf(input.status()), path) << input.status();
  }
}

TEST(RawAlert, NamesOfAnyLengthAreSaidInOneShortLine) {
  const std::string giant(1'040'000, 'X'), small(1'040'000, 'a');
  const auto object = [](const std::string& name, const std::string& value) {
    return absl::StrCat("{\"", name, "\":", value, "}");
  };
  const auto structured = [](const std::string& name, const std::string& value) {
    return Record(Structured(Data("[]"), absl::StrCat(",\"", name, "\":", value)), kStructured);
  };
  const auto twice = [](const std::string& name) {
    return absl::StrCat("\"", name, "\":1,\"", name, "\":1");
  };
  const std::string half(500'000, 'X');
  const struct {
    const char* reason;
    bus::Record record;
    std::string path;
  } table[] = {
      {"INVALID_ATTRIBUTE_NAME", structured(giant, "\"\""), "/" + giant},
      {"INVALID_ATTRIBUTE_NAME", structured("a\\nb", "\"\""), "/a\nb"},
      {"INVALID_ATTRIBUTE_NAME", structured("a/\\r\\nb~", "\"\""), "/a~1\r\nb~0"},
      {"BAD_CLOUDEVENT", structured(small, "\"\\u0001\""), "/" + small},
      {"DUPLICATE_KEY", Record(absl::StrCat("{", twice(half), ",\"alert_key\":\"a\"}")), ""},
      {"DUPLICATE_KEY", Record(absl::StrCat("{", twice(half), ",\"alerts\":[]}")), ""},
      {"DUPLICATE_KEY", Record(absl::StrCat("[{", twice(half), "}]")), "/0"},
      {"DUPLICATE_KEY", Record(absl::StrCat("[{", twice("a\\nb"), "}]")), "/0"},
      {"FIELD_TOO_LARGE", Record(absl::StrCat("[{\"labels\":", object(giant, "1"), "}]")),
       "/0/labels"},
      {"WRONG_TYPE", Record(absl::StrCat("[{\"labels\":", object("a\\nb", "1"), "}]")),
       "/0/labels/a\nb"},
      {"REPEATED_HEADER", Record("[]", {{"ce_" + small, ""}, {"ce_" + small, ""}}), ""},
      {"BAD_HEADER", Record("[]", {{"ce_" + small, "\n"}}), ""},
  };
  for (const auto& [reason, record, path] : table) {
    SCOPED_TRACE(record.value.substr(0, 100));
    const auto input = Read(record);
    ASSERT_FALSE(input.ok());
    EXPECT_EQ(ErrorReason(input.status()), reason);
    EXPECT_TRUE(PathOf(input.status()) == path) << PathOf(input.status()).substr(0, 100);
    const absl::string_view message = input.status().message();
    EXPECT_LT(message.size(), 160u) << message.substr(0, 200);
    EXPECT_EQ(message.find_first_of("\r\n"), absl::string_view::npos) << message.substr(0, 200);
  }
}

TEST(RawAlert, TheGoodPartIsKeptAndTheBadPartNamed) {
  std::string alerts = kAlert;
  for (int i = 0; i < 30; ++i) absl::StrAppend(&alerts, R"(,{"status":"fring"})");
  const auto input = Read(Record(Webhook(absl::StrCat(alerts, ",7"))));
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(ErrorReason(input->bad_part), "UNKNOWN_ENUM");
  const std::string message(input->bad_part.message());
  EXPECT_TRUE(absl::StartsWith(message, "31 of 32 alerts bad: /alerts/1/status")) << message;
  EXPECT_TRUE(absl::StrContains(message, "; UNKNOWN_ENUM: /alerts/20/status")) << message;
  EXPECT_TRUE(absl::EndsWith(message, "; and 11 more")) << message;
  // In data the path begins there.
  const auto inside = Read(Record(Structured(Data(Webhook(absl::StrCat(kAlert, ",7"))))));
  ASSERT_TRUE(inside.ok());
  EXPECT_EQ(ErrorReason(inside->bad_part), "WRONG_TYPE");
  EXPECT_TRUE(absl::StrContains(inside->bad_part.message(), "/data/alerts/1 is no object"));
  // A name that comes twice within one of them, too.
  const auto twice = Read(Record(Structured(
      Data(Webhook(absl::StrCat(kAlert, R"(,{"status":"firing","labels":{"a":"1","a":"2"}})"))))));
  ASSERT_TRUE(twice.ok()) << twice.status();
  EXPECT_EQ(ErrorReason(twice->bad_part), "DUPLICATE_KEY");
}

TEST(RawAlert, AGroupWithoutAlertsIsNothingToDo) {
  for (const char* value : {R"({"version":"4","alerts":[]})", "[]"}) {
    const auto input = Read(Record(value));
    ASSERT_TRUE(input.ok()) << input.status();
    EXPECT_TRUE(input->bad_part.ok());
  }
}

TEST(RawAlert, TheTenantIsNamedOrConfigured) {
  const auto tenant = [](const bus::Record& record, const std::string& configured) {
    const auto input = ReadRawAlert(record, configured);
    return input.ok() ? input->identity.tenant : ErrorReason(input.status());
  };
  EXPECT_EQ(tenant(Record(Webhook()), "acme"), "acme");
  EXPECT_EQ(tenant(Record(Webhook(), {{"ce_tenant", "globex"}}), "acme"), "globex");
  EXPECT_EQ(tenant(Record(Webhook(), Binary({{"ce_tenant", "globex"}})), "acme"), "globex");
  EXPECT_EQ(tenant(Record(Structured(Data(Webhook()), R"(,"tenant":"globex")")), "acme"), "globex");
  EXPECT_EQ(tenant(Record(Webhook()), "Not A Tenant"), "BAD_TENANT");
}

TEST(RawAlert, AValidTraceIsTakenOver) {
  const auto trace = [](const bus::Record& record) {
    const auto input = Read(record);
    EXPECT_TRUE(input.ok()) << input.status();
    return input.ok() ? input->traceparent : "";
  };
  EXPECT_EQ(trace(Record(Webhook())), "");
  EXPECT_EQ(trace(Record(Webhook(), {{"traceparent", kTrace}})), kTrace);
  EXPECT_EQ(trace(Record(Webhook(), {{"ce_traceparent", kTrace}})), kTrace);
  EXPECT_EQ(trace(Record(Webhook(), {{"traceparent", kOtherTrace}, {"ce_traceparent", kTrace}})),
            kTrace)
      << "the event's own before the hop's";
  EXPECT_EQ(
      trace(Record(Structured(Data(Webhook()), absl::StrCat(R"(,"traceparent":")", kTrace, "\"")),
                   {{"traceparent", kOtherTrace}})),
      kTrace);
  EXPECT_EQ(trace(Record(Webhook(), {{"traceparent", "00-1"}})), "");
  EXPECT_EQ(trace(Record(Webhook(), {{"traceparent", kTrace}, {"traceparent", kTrace}})), "");
  EXPECT_EQ(trace(Record(Webhook(), {{"traceparent", kTrace}, {"ce_traceparent", "x"}})), kTrace);
}

// What an API array's alerts are at is judged by when they were sent, however late we hear.
TEST(RawAlert, AnArrayIsJudgedByWhenItWasSent) {
  const absl::Time now = absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01T00:00:00Z
  const auto firing = [&](bus::Record record, std::optional<absl::Time> written) {
    record.written_at = written;
    const auto input = Read(record);
    EXPECT_TRUE(input.ok()) << input.status();
    return input.ok() && (*ParseRawAlerts(RawOf(*input), now))[0].firing;
  };
  const bus::Record lease = Record(Array("2025-12-31T23:59:00Z"));
  EXPECT_FALSE(firing(lease, std::nullopt)) << "nothing says when: now";
  EXPECT_TRUE(firing(lease, now - absl::Minutes(5)));
  EXPECT_FALSE(firing(lease, now - absl::Seconds(10)));
  EXPECT_FALSE(firing(lease, absl::UnixEpoch())) << "no clock at all";
  EXPECT_FALSE(firing(Record(Array("2025-12-31T23:59:00Z")), now + absl::Hours(1)));
  EXPECT_TRUE(firing(Record(Array("2026-01-01T00:04:00Z")), now + absl::Hours(1)))
      << "a producer's clock ahead of ours ends nothing";
  // The event's own time before the record's.
  const bus::Record dated =
      Record(Array("2025-12-31T23:59:00Z"), Binary({{"ce_time", "2025-12-31T23:58:00Z"}}));
  EXPECT_TRUE(firing(dated, now - absl::Seconds(10)));
}

// The corpora of shared vectors, as records without headers and with the type they came by.
std::filesystem::path Vectors() {
  return std::filesystem::path(WATCHBELL_SOURCE_DIR) / ".." / "shared" / "vectors";
}
Json Manifest(const char* folder) {
  Json lines = Json::array();
  std::ifstream file(Vectors() / folder / "manifest.jsonl");
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  if (lines.empty() && std::getenv("CI") != nullptr) ADD_FAILURE() << "CI must have the vectors";
  return lines;
}
std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(RawAlertVectors, WhatWeUnderstandIsWhatTheySay) {
  const Json manifest = Manifest("alerts");
  if (manifest.empty()) GTEST_SKIP() << "NOT TESTED: " << Vectors() << " is absent";
  const std::set<std::string> understood = {"alertmanager_webhook_v4", "prometheus_alerts_api_v2",
                                            "cloudevents_json"};
  int taken = 0;
  std::map<std::string, std::string> fingerprints;  // by format and group
  for (const Json& entry : manifest) {
    const std::string format = entry["format"];
    if (understood.count(format) == 0) continue;
    SCOPED_TRACE(entry["file"].get<std::string>());
    const std::string value = ReadFile(Vectors() / "alerts" / entry["file"].get<std::string>());
    for (const Headers& headers :
         {Headers{}, Headers{{"content-type", entry["content_type"].get<std::string>()}}}) {
      const auto input = Read(Record(value, headers));
      ASSERT_TRUE(input.ok()) << input.status();
      const auto alerts =
          ParseRawAlerts(RawOf(*input), *ParseRfc3339(entry["as_of"].get<std::string>()));
      ASSERT_TRUE(alerts.ok()) << alerts.status();
      const Json& expected = entry["expect_all"];
      ASSERT_EQ(alerts->size(), expected.size());
      for (size_t i = 0; i < alerts->size(); ++i) {
        const ParsedAlert& alert = (*alerts)[i];
        EXPECT_EQ(alert.error, "");
        EXPECT_EQ(alert.firing, expected[i]["status"] == "firing");
        EXPECT_EQ(alert.summary, expected[i]["title"].get<std::string>());
        for (const auto& [label, text] : expected[i]["labels"].items()) {
          EXPECT_EQ(alert.labels.at(label), text.get<std::string>());
        }
        const Json& resource = expected[i]["resource"];
        EXPECT_EQ(resource.is_null() ? "" : alert.config_item,
                  resource.is_null() ? "" : resource.get<std::string>());
        const std::string fingerprint =
            AlertFingerprint("t", RawOf(*input).integration(), alert.identity);
        const std::string group = absl::StrCat(format, expected[i]["fp_group"].get<std::string>());
        EXPECT_EQ(fingerprints.emplace(group, fingerprint).first->second, fingerprint);
        ++taken;
      }
    }
  }
  std::set<std::string> different;
  for (const auto& [group, fingerprint] : fingerprints) different.insert(fingerprint);
  EXPECT_EQ(different.size(), fingerprints.size());
  EXPECT_GE(taken, 100);
}

TEST(RawAlertVectors, TheHostileAreRefusedForTheirReason) {
  const Json manifest = Manifest("alerts_bad");
  if (manifest.empty()) GTEST_SKIP() << "NOT TESTED: " << Vectors() << " is absent";
  int seen = 0;
  for (const Json& entry : manifest) {
    const std::string format = entry["format"];
    if (format != "alertmanager_webhook_v4" && format != "cloudevents_json" &&
        format != "unknown") {
      continue;
    }
    SCOPED_TRACE(entry["file"].get<std::string>());
    const Json& expected = entry["expect"];
    const auto input =
        Read(Record(ReadFile(Vectors() / "alerts_bad" / entry["file"].get<std::string>())));
    ++seen;
    if (expected["disposition"] == "accept") {
      EXPECT_TRUE(input.ok()) << input.status();
      continue;
    }
    ASSERT_FALSE(input.ok());
    std::set<std::string> reasons = {expected["reason"]};
    for (const Json& other : expected.value("reason_any", Json::array())) reasons.insert(other);
    // On this topic the form is not known beforehand: what is JSON and no alert is just that, and
    // whatever is too large for us is too large.
    if (reasons.count("WRONG_TYPE") > 0) reasons.insert("NO_ALERT");
    if (reasons.count("FIELD_TOO_LARGE") > 0) reasons.insert("PAYLOAD_TOO_LARGE");
    EXPECT_EQ(reasons.count(ErrorReason(input.status())), 1u) << input.status();
    if (expected.contains("path") && ErrorReason(input.status()) == expected["reason"]) {
      EXPECT_EQ(PathOf(input.status()), expected["path"].get<std::string>());
    }
  }
  EXPECT_GE(seen, 25);
}

}  // namespace
}  // namespace watchbell::tickets
