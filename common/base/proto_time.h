// Between protobuf's Timestamp and Duration and abseil's, in the microseconds everything is stored
// in.
#pragma once

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace watchbell {

inline absl::Time FromProto(const google::protobuf::Timestamp& t) {
  return absl::FromUnixMicros(t.seconds() * 1'000'000 + t.nanos() / 1'000);
}

inline google::protobuf::Timestamp ToProto(absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);  // rounds down
  int64_t seconds = micros / 1'000'000;
  int64_t rest = micros % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  google::protobuf::Timestamp t;
  t.set_seconds(seconds);
  t.set_nanos(static_cast<int32_t>(rest * 1'000));
  return t;
}

inline absl::Duration FromProto(const google::protobuf::Duration& d) {
  return absl::Seconds(d.seconds()) + absl::Nanoseconds(d.nanos());
}

inline google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration d;
  const int64_t micros = absl::ToInt64Microseconds(duration);
  d.set_seconds(micros / 1'000'000);
  d.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1'000));
  return d;
}

}  // namespace watchbell
