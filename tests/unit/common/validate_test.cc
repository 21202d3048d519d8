#include "common/rpc/validate.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "watchbell/api/v1/rules.pb.h"

namespace watchbell::rpc {
namespace {

using ::google::protobuf::Message;
using ::google::protobuf::TextFormat;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A message with a field for every rule.
constexpr char kFile[] = R"pb(
  name: "rules_test.proto"
  package: "t"
  syntax: "proto3"
  dependency: "watchbell/api/v1/rules.proto"
  dependency: "google/protobuf/timestamp.proto"
  dependency: "google/protobuf/duration.proto"
  enum_type {
    name: "Color"
    value { name: "NONE" number: 0 }
    value { name: "RED" number: 1 }
  }
  message_type {
    name: "Inner"
    field {
      name: "name"
      number: 1
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { required: true max_length: 4 }
      }
    }
  }
  message_type {
    name: "Request"
    nested_type {
      name: "LabelsEntry"
      field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
      field { name: "value" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
      options { map_entry: true }
    }
    nested_type {
      name: "ByNameEntry"
      field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
      field {
        name: "value"
        number: 2
        type: TYPE_MESSAGE
        type_name: ".t.Inner"
        label: LABEL_OPTIONAL
      }
      options { map_entry: true }
    }
    field { name: "text" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field {
      name: "data"
      number: 2
      type: TYPE_BYTES
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { max_length: 3 }
      }
    }
    field { name: "inner" number: 3 type: TYPE_MESSAGE type_name: ".t.Inner" label: LABEL_OPTIONAL }
    field {
      name: "inners"
      number: 4
      type: TYPE_MESSAGE
      type_name: ".t.Inner"
      label: LABEL_REPEATED
      options {
        [watchbell.api.v1.rules] { max_items: 2 }
      }
    }
    field {
      name: "labels"
      number: 5
      type: TYPE_MESSAGE
      type_name: ".t.Request.LabelsEntry"
      label: LABEL_REPEATED
      options {
        [watchbell.api.v1.rules] { max_length: 2 }
      }
    }
    field {
      name: "by_name"
      number: 6
      type: TYPE_MESSAGE
      type_name: ".t.Request.ByNameEntry"
      label: LABEL_REPEATED
    }
    field { name: "color" number: 7 type: TYPE_ENUM type_name: ".t.Color" label: LABEL_OPTIONAL }
    field { name: "colors" number: 8 type: TYPE_ENUM type_name: ".t.Color" label: LABEL_REPEATED }
    field {
      name: "count"
      number: 9
      type: TYPE_INT32
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { min: 0 max: 10 }
      }
    }
    field {
      name: "ratios"
      number: 10
      type: TYPE_DOUBLE
      label: LABEL_REPEATED
      options {
        [watchbell.api.v1.rules] { min: 0 max: 1 }
      }
    }
    field {
      name: "big"
      number: 11
      type: TYPE_UINT64
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { max: 5 }
      }
    }
    field {
      name: "at"
      number: 12
      type: TYPE_MESSAGE
      type_name: ".google.protobuf.Timestamp"
      label: LABEL_OPTIONAL
    }
    field {
      name: "span"
      number: 13
      type: TYPE_MESSAGE
      type_name: ".google.protobuf.Duration"
      label: LABEL_OPTIONAL
    }
    field { name: "texts" number: 14 type: TYPE_STRING label: LABEL_REPEATED }
  }
  message_type {
    name: "Shapes"
    field {
      name: "uuid"
      number: 1
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { shape: SHAPE_UUID }
      }
    }
    field {
      name: "id"
      number: 2
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { shape: SHAPE_ID }
      }
    }
    field {
      name: "zone"
      number: 3
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { shape: SHAPE_TIME_ZONE }
      }
    }
    field {
      name: "wall"
      number: 4
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { shape: SHAPE_WALL_TIME }
      }
    }
    field {
      name: "date"
      number: 5
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { shape: SHAPE_DATE }
      }
    }
    field {
      name: "email"
      number: 6
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { shape: SHAPE_EMAIL }
      }
    }
    field {
      name: "url"
      number: 7
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { shape: SHAPE_URL }
      }
    }
  }
  message_type {
    name: "Required"
    field {
      name: "text"
      number: 1
      type: TYPE_STRING
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { required: true }
      }
    }
    field {
      name: "color"
      number: 2
      type: TYPE_ENUM
      type_name: ".t.Color"
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { required: true }
      }
    }
    field {
      name: "inner"
      number: 3
      type: TYPE_MESSAGE
      type_name: ".t.Inner"
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { required: true }
      }
    }
    field {
      name: "list"
      number: 4
      type: TYPE_STRING
      label: LABEL_REPEATED
      options {
        [watchbell.api.v1.rules] { required: true }
      }
    }
    field {
      name: "count"
      number: 5
      type: TYPE_INT32
      label: LABEL_OPTIONAL
      options {
        [watchbell.api.v1.rules] { required: true }
      }
    }
  }
)pb";

class ValidateTest : public ::testing::Test {
 protected:
  ValidateTest() : pool_(google::protobuf::DescriptorPool::generated_pool()), factory_(&pool_) {
    // Linked in only if something names them.
    google::protobuf::Timestamp::descriptor();
    google::protobuf::Duration::descriptor();
    api::v1::FieldRules::descriptor();
    factory_.SetDelegateToGeneratedFactory(true);
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(TextFormat::ParseFromString(kFile, &file));
    EXPECT_NE(pool_.BuildFile(file), nullptr);
  }

  std::unique_ptr<Message> New(const std::string& type) {
    return std::unique_ptr<Message>(
        factory_.GetPrototype(pool_.FindMessageTypeByName("t." + type))->New());
  }

  // Violations as "path: description".
  std::vector<std::string> Violations(const std::string& type, const std::string& text) {
    const auto message = New(type);
    EXPECT_TRUE(TextFormat::ParseFromString(text, message.get())) << text;
    const absl::Status status = Validate(*message);
    std::vector<std::string> found;
    for (const FieldViolation& v : FieldViolations(status)) {
      found.push_back(absl::StrCat(v.field, ": ", v.description));
    }
    EXPECT_EQ(status.ok(), found.empty()) << status;
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
    }
    return found;
  }

  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
};

TEST_F(ValidateTest, EmptyRequestBreaksNothing) {
  EXPECT_THAT(Violations("Request", ""), IsEmpty());
}

TEST_F(ValidateTest, Required) {
  EXPECT_THAT(Violations("Required", ""),
              ElementsAre("text: is required", "color: is required", "inner: is required",
                          "list: needs at least one item", "count: is required"));
  EXPECT_THAT(Violations("Required", "text: 'a' color: RED inner { name: 'x' } list: '' count: 1"),
              IsEmpty());
}

TEST_F(ValidateTest, TextIsCountedInCodePoints) {
  const std::string umlauts_256 = [] {
    std::string text;
    for (int i = 0; i < 256; ++i) text += "ü";
    return text;
  }();
  EXPECT_THAT(Violations("Request", absl::StrCat("text: '", umlauts_256, "'")), IsEmpty());
  EXPECT_THAT(Violations("Request", absl::StrCat("text: '", umlauts_256, "x'")),
              ElementsAre("text: is longer than 256 characters"));
  EXPECT_THAT(Violations("Request", R"(text: "a\000b")"),
              ElementsAre("text: must not contain the character U+0000"));
  EXPECT_THAT(Violations("Request", "data: 'abc'"), IsEmpty());
  EXPECT_THAT(Violations("Request", "data: 'abcd'"), ElementsAre("data: is longer than 3 bytes"));
}

TEST_F(ValidateTest, NestedPaths) {
  EXPECT_THAT(
      Violations("Request", "inner {} inners { name: 'ok' } inners { name: 'toolong' }"),
      ElementsAre("inner.name: is required", "inners[1].name: is longer than 4 characters"));
  EXPECT_THAT(Violations("Request", "by_name { key: 'a' value {} }"),
              ElementsAre("by_name[\"a\"].name: is required"));
}

TEST_F(ValidateTest, Items) {
  EXPECT_THAT(
      Violations("Request", "inners { name: 'a' } inners { name: 'a' } inners { name: 'a' }"),
      ElementsAre("inners: has 3 items, at most 2"));
  std::string many;
  for (int i = 0; i < 101; ++i) absl::StrAppend(&many, "texts: 'a' ");
  EXPECT_THAT(Violations("Request", many), ElementsAre("texts: has 101 items, at most 100"));
}

TEST_F(ValidateTest, MapValuesFollowTheRulesKeysTheDefault) {
  EXPECT_THAT(Violations("Request", "labels { key: 'longer than two' value: 'ab' }"), IsEmpty());
  EXPECT_THAT(Violations("Request", "labels { key: 'k' value: 'abc' }"),
              ElementsAre("labels[\"k\"]: is longer than 2 characters"));
  EXPECT_THAT(Violations("Request", absl::StrCat("labels { key: '", std::string(257, 'k'), "' }")),
              ElementsAre("labels: has a key that is too long"));
}

TEST_F(ValidateTest, UnknownEnumNumbers) {
  EXPECT_THAT(Violations("Request", "color: RED colors: [NONE, RED]"), IsEmpty());
  EXPECT_THAT(Violations("Request", "color: 7 colors: [RED, 9]"),
              ElementsAre("color: has no value 7", "colors[1]: has no value 9"));
}

TEST_F(ValidateTest, Numbers) {
  EXPECT_THAT(Violations("Request", "count: 10 ratios: [0, 1] big: 5"), IsEmpty());
  EXPECT_THAT(Violations("Request", "count: -1"), ElementsAre("count: must be at least 0"));
  EXPECT_THAT(Violations("Request", "count: 11"), ElementsAre("count: must be at most 10"));
  EXPECT_THAT(Violations("Request", "ratios: [0.5, 1.5, nan]"),
              ElementsAre("ratios[1]: must be at most 1", "ratios[2]: must be at least 0"));
  EXPECT_THAT(Violations("Request", "big: 18446744073709551615"),
              ElementsAre("big: must be at most 5"));
}

TEST_F(ValidateTest, TimesAndSpans) {
  EXPECT_THAT(Violations("Request",
                         "at { seconds: 253402300799 nanos: 999999999 } "
                         "span { seconds: -5 nanos: -1 }"),
              IsEmpty());
  EXPECT_THAT(Violations("Request", "at { seconds: 253402300800 }"),
              ElementsAre("at: must be a valid time of the years 1 to 9999"));
  EXPECT_THAT(Violations("Request", "at { nanos: -1 }"),
              ElementsAre("at: must be a valid time of the years 1 to 9999"));
  EXPECT_THAT(Violations("Request", "span { seconds: 1 nanos: -1 }"),
              ElementsAre("span: must be a valid span of at most 10,000 years"));
  EXPECT_THAT(Violations("Request", "span { seconds: -9223372036854775808 }"),
              ElementsAre("span: must be a valid span of at most 10,000 years"));
}

struct ShapeCase {
  std::string field;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

TEST_F(ValidateTest, Shapes) {
  const ShapeCase cases[] = {
      {"uuid", {"", "0188a8e2-7c00-7000-8000-0123456789ab"}, {"0188a8e2", "x"}},
      {"id",
       {"", "a", "p1-night-2", std::string(63, 'a')},
       {"-a", "a-", "A", "a_b", std::string(64, 'a')}},
      {"zone",
       {"", "Europe/Berlin", "UTC"},
       {"Berlin", "localtime", "/etc/localtime", "Fixed/UTC+01:00:00", "../x"}},
      {"wall", {"", "00:00", "09:30", "24:00"}, {"9:30", "24:01", "12:60", "ab:cd", "12-30"}},
      {"date",
       {"", "2024-02-29"},
       {"2023-02-29", "2024-2-9", "2024-13-01", "yesterday", "2024-01-01 "}},
      {"email", {"", "a@b"}, {"a", "@b", "a@", "a@b@c", "a b@c"}},
      {"url",
       {"", "http://a", "https://[::1]:80/x"},
       {"ftp://a", "http://", "a.b", "http://a b", "http:///x"}},
  };
  for (const ShapeCase& shape : cases) {
    for (const std::string& text : shape.good) {
      EXPECT_THAT(Violations("Shapes", absl::StrCat(shape.field, ": '", text, "'")), IsEmpty())
          << text;
    }
    for (const std::string& text : shape.bad) {
      EXPECT_THAT(Violations("Shapes", absl::StrCat(shape.field, ": '", text, "'")),
                  ElementsAre(HasSubstr(shape.field + ": must be ")))
          << text;
    }
  }
}

TEST_F(ValidateTest, ViolationsAreBounded) {
  std::string bad;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&bad, "colors: 9 ");
  EXPECT_EQ(Violations("Request", bad).size(), 16u);
}

TEST_F(ValidateTest, ParseNamesTheFieldThatIsNotUtf8) {
  const auto bad_field = [this](const std::string& bytes) {
    const auto message = New("Request");
    const absl::Status status = ParseRequest(bytes, message.get());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    const auto violations = FieldViolations(status);
    return violations.empty() ? ErrorReason(status) : violations[0].field;
  };
  EXPECT_EQ(bad_field("\x0a\x01\xff"), "text");
  EXPECT_EQ(bad_field("\x0a\x02\xc0\x80"), "text");          // overlong
  EXPECT_EQ(bad_field("\x0a\x03\xed\xa0\x80"), "text");      // surrogate
  EXPECT_EQ(bad_field("\x0a\x04\xf4\x90\x80\x80"), "text");  // beyond U+10FFFF
  EXPECT_EQ(bad_field("\x0a\x02\xe2\x82"), "text");          // cut short
  EXPECT_EQ(bad_field("\x1a\x03\x0a\x01\xff"), "inner.name");
  EXPECT_EQ(bad_field(std::string("\x22\x03\x0a\x01", 4) + "a" + "\x22\x03\x0a\x01\xff"),
            "inners[1].name");
  EXPECT_EQ(bad_field("\x2a\x06\x0a\x01k\x12\x01\xff"), "labels.value");
  EXPECT_EQ(bad_field("\x72\x01\x61\x72\x01\xff"), "texts[1]");
  EXPECT_EQ(bad_field("\x0a\x05xx"), "MALFORMED_REQUEST");  // length beyond the end
  EXPECT_EQ(bad_field("\x07"), "MALFORMED_REQUEST");        // no such wire type
}

TEST_F(ValidateTest, ParseTakesGoodBytes) {
  const auto message = New("Request");
  EXPECT_TRUE(ParseRequest("\x0a\x04\xf0\x9f\x98\x80", message.get()).ok());
  EXPECT_TRUE(ParseRequest("", message.get()).ok());
  // Bytes that are no text are left alone.
  EXPECT_TRUE(ParseRequest("\x12\x01\xff", message.get()).ok());
}

}  // namespace
}  // namespace watchbell::rpc
