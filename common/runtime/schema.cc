#include "common/runtime/schema.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/db/data_folder.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/runtime/platform.h"

namespace watchbell::runtime {
namespace {

constexpr char kProgram[] = "watchbell migrate";

bool Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Runs `work` on the database of each service; null where there is none and none may be made.
using Work = std::function<absl::Status(const ServiceSpec&, db::Database*)>;

absl::Status WithName(const std::string& service, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(service, ": ", status.message()));
}

absl::Status ForEachDatabase(const std::vector<ModuleDefinition>& modules,
                             const config::Config& config, Clock& clock, bool make,
                             const Work& work) {
  const bool on_server = !config.Get("database.url").empty();
  const std::string& folder = config.Get("data.dir");
  std::optional<db::DataFolder> lock;
  if (!on_server && (make || Exists(folder))) {
    ASSIGN_OR_RETURN(db::DataFolder held, db::DataFolder::Lock(folder, kProgram));
    lock.emplace(std::move(held));
  }
  for (const ModuleDefinition& module : modules) {
    const ServiceSpec spec = module.spec(config);
    std::unique_ptr<db::Database> database;
    if (on_server) {
      ASSIGN_OR_RETURN(database, OpenPostgresOf(spec.name, kProgram, config, 1, clock));
    } else if (lock.has_value() && (make || Exists(lock->FileOf(spec.name)))) {
      ASSIGN_OR_RETURN(database, db::OpenSqlite(lock->FileOf(spec.name)));
    }
    RETURN_IF_ERROR(WithName(spec.name, work(spec, database.get())));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<PendingSchema>> PendingSchemas(
    const std::vector<ModuleDefinition>& modules, const config::Config& config, Clock& clock) {
  std::vector<PendingSchema> pending;
  const auto look = [&pending](const ServiceSpec& spec, db::Database* database) -> absl::Status {
    std::vector<db::Migration> steps = AllMigrations(spec);
    if (database != nullptr) {
      ASSIGN_OR_RETURN(steps, db::PlanMigrations(*database, AllMigrations(spec)));
    }
    if (!steps.empty()) pending.push_back({spec.name, std::move(steps)});
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ForEachDatabase(modules, config, clock, /*make=*/false, look));
  return pending;
}

absl::Status MigrateAll(const std::vector<ModuleDefinition>& modules, const config::Config& config,
                        Clock& clock) {
  return ForEachDatabase(modules, config, clock, /*make=*/true,
                         [](const ServiceSpec& spec, db::Database* database) {
                           return db::Migrate(*database, AllMigrations(spec));
                         });
}

}  // namespace watchbell::runtime
