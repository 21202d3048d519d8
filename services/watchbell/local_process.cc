#include "services/watchbell/local_process.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/telemetry/log.h"
#include "services/watchbell/command.h"

namespace watchbell::cli {

absl::StatusOr<TemporaryFolder> TemporaryFolder::Make() {
  const char* base = std::getenv("TMPDIR");
  std::string path =
      absl::StrCat(base == nullptr || *base == '\0' ? "/tmp" : base, "/watchbell-XXXXXX");
  if (mkdtemp(path.data()) == nullptr)
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", path));
  return TemporaryFolder(path);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, "")) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // nothing better to do with what cannot be removed
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<std::unique_ptr<runtime::Process>> StartLocal(
    const std::string& program, const std::string& data_folder,
    std::map<std::string, std::string> settings, Clock& clock) {
  settings.emplace("data.dir", data_folder);
  settings.emplace("listen", "127.0.0.1:0");
  settings.emplace("admin.listen", "127.0.0.1:0");
  settings.emplace("log.level", "error");
  settings.emplace("drain.pause", "0");
  Arguments flags;
  for (const auto& [key, value] : settings) {
    flags.push_back(
        absl::StrCat("--", absl::StrReplaceAll(key, {{".", "-"}, {"_", "-"}}), "=", value));
  }
  // Only a service's own main() sets the level; here the screen belongs to the command.
  telemetry::SetLogLevel(telemetry::Level::kError);
  std::vector<runtime::ModuleDefinition> modules = AllModules();
  ASSIGN_OR_RETURN(const config::Config config, config::Config::Load(ServerKeys(), flags, {}));
  return runtime::Process::Start(program, std::move(modules), config, clock);
}

}  // namespace watchbell::cli
