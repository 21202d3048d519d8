// Fingerprints of messages: equal contents have equal ones, in every process and version.
#include "common/base/fingerprint.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

google::protobuf::Value Text(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  return value;
}

TEST(FingerprintTest, IsFnv1aOverTheBytes) {
  EXPECT_EQ(Fnv1a(""), kFnv1aOfNothing);
  EXPECT_EQ(Fnv1a("a"), 0xaf63dc4c8601ec8cULL);  // of the algorithm's authors
  EXPECT_EQ(Fnv1a("foobar"), 0x85944171f73967e8ULL);
  EXPECT_EQ(FingerprintOf(Text("a")), Fnv1a(Text("a").SerializeAsString()));
  EXPECT_EQ(FingerprintOf(google::protobuf::Value()), kFnv1aOfNothing);
}

TEST(FingerprintTest, GoesOnFromWhatStandsBefore) {
  EXPECT_EQ(FingerprintOf(Text("a"), Fnv1a("before")),
            Fnv1a("before" + Text("a").SerializeAsString()));
  EXPECT_NE(FingerprintOf(Text("a"), Fnv1a("before")), FingerprintOf(Text("a")));
}

// Each message's map has an order of its own; the bytes must not.
TEST(FingerprintTest, MapsHaveOneOrder) {
  google::protobuf::Struct up;
  google::protobuf::Struct down;
  for (int i = 0; i < 100; ++i) {
    (*up.mutable_fields())[absl::StrCat("key-", i)] = Text("x");
    (*down.mutable_fields())[absl::StrCat("key-", 99 - i)] = Text("x");
  }
  EXPECT_EQ(FingerprintOf(up), FingerprintOf(down));
  (*down.mutable_fields())["key-7"] = Text("y");
  EXPECT_NE(FingerprintOf(up), FingerprintOf(down));
}

}  // namespace
}  // namespace watchbell
