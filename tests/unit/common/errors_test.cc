#include "common/base/errors.h"

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

google::rpc::Status Wire(const absl::Status& status) {
  google::rpc::Status wire;
  EXPECT_TRUE(wire.ParseFromString(SerializeRpcStatus(status)));
  return wire;
}

template <typename Detail>
std::vector<Detail> DetailsOf(const absl::Status& status) {
  std::vector<Detail> found;
  const google::rpc::Status wire = Wire(status);
  for (const auto& any : wire.details()) {
    Detail detail;
    if (any.UnpackTo(&detail)) found.push_back(detail);
  }
  return found;
}

TEST(ErrorsTest, EveryErrorCarriesCodeAndListedReason) {
  const std::vector<std::tuple<absl::Status, absl::StatusCode, std::string>> cases = {
      {InvalidField("title", "is empty"), absl::StatusCode::kInvalidArgument, "INVALID_FIELD"},
      {NotFound("ticket inc-1"), absl::StatusCode::kNotFound, "NOT_FOUND"},
      {ForbiddenMove("WRONG_STATE", "inc-1", "is closed"), absl::StatusCode::kFailedPrecondition,
       "WRONG_STATE"},
      {StaleEtag("inc-1", "7"), absl::StatusCode::kAborted, "ETAG_MISMATCH"},
      {NotAllowed("needs role agent"), absl::StatusCode::kPermissionDenied, "ROLE_MISSING"},
      {Unavailable("STORAGE", "later", absl::Seconds(1)), absl::StatusCode::kUnavailable,
       "STORAGE"},
      {Overloaded("later", absl::Seconds(1)), absl::StatusCode::kResourceExhausted, "QUEUE_FULL"},
      {WithReason(absl::StatusCode::kDataLoss, "HOLE", "a hole"), absl::StatusCode::kDataLoss,
       "HOLE"},
  };
  for (const auto& [status, code, reason] : cases) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(ErrorReason(status), reason) << status;
    const auto infos = DetailsOf<google::rpc::ErrorInfo>(status);
    ASSERT_EQ(infos.size(), 1u) << status;
    EXPECT_EQ(infos[0].domain(), "watchbell.io");
    EXPECT_EQ(Wire(status).code(), static_cast<int>(code));
    EXPECT_EQ(Wire(status).message(), std::string(status.message()));
  }
}

TEST(ErrorsTest, FieldsComeBackAsTheyWere) {
  const absl::Status status = InvalidFields(
      {{"changes.title", "is longer than 200"}, {"commands[3].external_id", "is empty"}});
  const auto violations = FieldViolations(status);
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[1].field, "commands[3].external_id");
  EXPECT_EQ(violations[1].description, "is empty");
  EXPECT_EQ(status.message(),
            "changes.title: is longer than 200; commands[3].external_id: is empty");
  EXPECT_EQ(DetailsOf<google::rpc::BadRequest>(status).size(), 1u);
}

TEST(ErrorsTest, ForbiddenMoveNamesSubjectAndCondition) {
  const auto failures = DetailsOf<google::rpc::PreconditionFailure>(
      ForbiddenMove("WRONG_STATE", "inc-1", "is closed"));
  ASSERT_EQ(failures.size(), 1u);
  ASSERT_EQ(failures[0].violations_size(), 1);
  EXPECT_EQ(failures[0].violations(0).type(), "WRONG_STATE");
  EXPECT_EQ(failures[0].violations(0).subject(), "inc-1");
  EXPECT_EQ(failures[0].violations(0).description(), "is closed");
}

TEST(ErrorsTest, RetryInfoKeepsFractions) {
  const auto retries =
      DetailsOf<google::rpc::RetryInfo>(Overloaded("full", absl::Milliseconds(1250)));
  ASSERT_EQ(retries.size(), 1u);
  EXPECT_EQ(retries[0].retry_delay().seconds(), 1);
  EXPECT_EQ(retries[0].retry_delay().nanos(), 250'000'000);
}

TEST(ErrorsTest, APlainStatusHasNoReason) {
  EXPECT_EQ(ErrorReason(absl::InternalError("x")), "");
  EXPECT_EQ(ErrorReason(absl::OkStatus()), "");
  EXPECT_TRUE(FieldViolations(absl::InvalidArgumentError("x")).empty());
  EXPECT_EQ(Wire(absl::InternalError("x")).message(), "x");
}

}  // namespace
}  // namespace watchbell
