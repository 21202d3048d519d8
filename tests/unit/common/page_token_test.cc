#include "common/rpc/page_token.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/wrappers.pb.h"

namespace watchbell::rpc {
namespace {

google::protobuf::StringValue Query(const std::string& text) {
  google::protobuf::StringValue query;
  query.set_value(text);
  return query;
}

std::string Refusal(absl::string_view token, absl::string_view binding, size_t parts) {
  const auto read = ReadPageToken(token, binding, parts);
  if (read.ok()) return "";
  EXPECT_EQ(FieldViolations(read.status())[0].field, "page_token");
  return FieldViolations(read.status())[0].description;
}

TEST(PageToken, GivesItsCursorBack) {
  const std::string binding = QueryBinding("acme", Query("a"));
  EXPECT_EQ(*ReadPageToken(MakePageToken(binding, {"17", "inc-3"}), binding, 2),
            (std::vector<std::string>{"17", "inc-3"}));
}

TEST(PageToken, IsTakenAsItWasGivenOutOnly) {
  const std::string binding = QueryBinding("acme", Query("a"));
  const std::string token = MakePageToken(binding, {"17", "inc-3"});
  for (const std::string& other : {token + "A", token + "AAAA", " " + token, token + "\n"}) {
    EXPECT_FALSE(ReadPageToken(other, binding, 2).ok()) << other;
  }
}

TEST(PageToken, BelongsToItsQuery) {
  const std::string token = MakePageToken(QueryBinding("acme", Query("a")), {"inc-3"});
  EXPECT_EQ(Refusal(token, QueryBinding("acme", Query("b")), 1), "belongs to another query");
  EXPECT_EQ(Refusal(token, QueryBinding("other", Query("a")), 1), "belongs to another query");
  EXPECT_EQ(Refusal(token, QueryBinding("acme", google::protobuf::BytesValue()), 1),
            "belongs to another query");
  EXPECT_EQ(Refusal(token, QueryBinding("acme", Query("a")), 2), "is no token of ours");
  for (const std::string bad : {"!", "x", "dzEuLTE"}) {
    EXPECT_EQ(Refusal(bad, QueryBinding("acme", Query("a")), 1), "is no token of ours") << bad;
  }
}

// The bytes of a map have no order of their own.
TEST(PageToken, BelongsToItsQueryWhateverTheOrderOfAMap) {
  google::protobuf::Struct up;
  google::protobuf::Struct down;
  for (int i = 0; i < 100; ++i) {
    (*up.mutable_fields())[absl::StrCat("site-", i)].set_number_value(i);
    (*down.mutable_fields())[absl::StrCat("site-", 99 - i)].set_number_value(99 - i);
  }
  EXPECT_EQ(QueryBinding("acme", up), QueryBinding("acme", down));
}

TEST(PageSize, IsClamped) {
  EXPECT_EQ(PageSize(0, 50, 500), 50);
  EXPECT_EQ(PageSize(7, 50, 500), 7);
  EXPECT_EQ(PageSize(501, 50, 500), 500);
}

}  // namespace
}  // namespace watchbell::rpc
