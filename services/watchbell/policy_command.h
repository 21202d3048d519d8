// What the verbs of `watchbell policy` share, and the verbs: a file each.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/watchbell/command.h"
#include "services/watchbell/policy_file.h"

namespace watchbell::cli {

int PolicyCheck(const Arguments& arguments);
int PolicyApply(const Arguments& arguments);
int PolicyExplain(const Arguments& arguments);
int PolicyPreview(const Arguments& arguments);

// Prints the faults of a policy file by their path in it, one a line; other errors as Fail does.
// Returns the exit status.
int RefuseFile(const std::string& path, const absl::Status& status);

// The sla service at --target, for as long as the answer lives.
CallSla CallSlaAt(const config::Config& options);

}  // namespace watchbell::cli
