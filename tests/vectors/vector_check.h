// Conformance cases, run through the public code. A kind is a format of cases and what they are run
// against; one more is a file of its own here and a line in kKinds (vector_check.cc).
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace watchbell::vectors {

// What became of the cases.
class Tally {
 public:
  // `failure` says what was expected and what came instead; empty = passed.
  void Add(absl::string_view id, absl::string_view failure);

  int passed() const { return passed_; }
  const std::vector<std::string>& failures() const { return failures_; }  // "<id>: <failure>"

 private:
  int passed_ = 0;
  std::vector<std::string> failures_;
};

// Runs the cases of a file, or of a folder's files, into the tally. An error means that the path
// cannot be read or holds something else than such cases.
using Runner = absl::Status (*)(const std::string& path, Tally& tally);

// Business time: one case a line (add, elapsed). A folder: its *.jsonl files.
absl::Status RunBusinessTime(const std::string& path, Tally& tally);

// The program: KIND FILE_OR_FOLDER. To `out` a line "FAILED <id>: <what>" for each failure, at the
// end "N passed, N failed"; to `err` why it could not run. Answers the exit status: 0 = all passed,
// 1 = some failed, 2 = unknown kind, wrong usage, or a path without readable cases.
int VectorCheck(absl::Span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace watchbell::vectors
