// What the demo's monitoring system sends: Alertmanager webhook payloads, version 4, with invented
// values.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace watchbell::cli {

// `count` crash-looping pods of one service, firing since `since` or, if `ended` is set, resolved
// then. Same times, same bytes.
std::string AlertStorm(int count, absl::Time since, absl::Time ended = absl::InfinitePast());

}  // namespace watchbell::cli
