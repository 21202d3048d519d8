// Whether what a process says of its readiness is news to those who read its log.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace watchbell::runtime {

// One thread.
class ReadinessNews {
 public:
  // While a process is not ready, its reasons are told anew after this long at the earliest.
  static constexpr absl::Duration kApart = absl::Seconds(5);

  // True if `reasons` (none: it is ready) are to be told now. They count as told then. A turn from
  // ready to not ready or back is news at once; other reasons than those told last are news when
  // kApart has passed; other numbers in them are none. `now` never goes back.
  bool Tell(const std::vector<std::string>& reasons, absl::Duration now);

 private:
  std::optional<std::multiset<std::string>> told_;  // without their numbers
  absl::Duration told_at_;
};

}  // namespace watchbell::runtime
