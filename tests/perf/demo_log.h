// The demo's log, as large as a benchmark wants it.
#pragma once

#include <fstream>
#include <string>

#include "absl/strings/str_split.h"
#include "services/watchbell/embedded.h"

namespace watchbell::perf {

// Writes it `copies` times, each with incident numbers of its own; the file's path.
inline std::string WriteDemoLog(const std::string& folder, int copies) {
  const absl::string_view sample = cli::Embedded("sample_log.csv");
  const size_t header = sample.find('\n') + 1;
  const std::string path = folder + "/log.csv";
  std::ofstream file(path);
  file << sample.substr(0, header);
  for (int copy = 0; copy < copies; ++copy) {
    for (const absl::string_view line : absl::StrSplit(sample.substr(header), '\n')) {
      if (!line.empty()) file << "C" << copy << "-" << line << '\n';
    }
  }
  return path;
}

}  // namespace watchbell::perf
