// What the verbs of `watchbell policy` share, and the verbs: a file each.
#pragma once

#include <optional>
#include <string>
#include <vector>

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

// A policy file that was read and has no faults.
struct SoundFile {
  sla::v1::PolicyFile file;
  std::vector<sla::v1::Calendar> stored;  // with --stored: what it counts by and does not hold
};

// The flags of a verb that needs no server but with --stored.
std::vector<config::Key> StoredKeys();
// Whether --target was among the arguments: it goes with a flag that asks a server.
bool IsTargetGiven(const Arguments& arguments);
// Reads and checks; prints what is wrong, then there is none and `status` is the exit status.
std::optional<SoundFile> ReadSoundFile(const config::Config& options, const std::string& path,
                                       int* status);

// The sla service at --target, for as long as the answer lives.
CallSla CallSlaAt(const config::Config& options);

}  // namespace watchbell::cli
