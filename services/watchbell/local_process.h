// All five services inside this program, for `replay` without --target and for `demo`.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/runtime/process.h"

namespace watchbell::cli {

// A folder under $TMPDIR (or /tmp) that is removed with all it holds. Movable.
class TemporaryFolder {
 public:
  static absl::StatusOr<TemporaryFolder> Make();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Runs on 127.0.0.1, ports chosen by the system. Settings come from `settings` ("smtp.url" ->
// value) only, whatever the environment says. Destroying the result stops it.
absl::StatusOr<std::unique_ptr<runtime::Process>> StartLocal(
    const std::string& program, const std::string& data_folder,
    std::map<std::string, std::string> settings, Clock& clock);

}  // namespace watchbell::cli
