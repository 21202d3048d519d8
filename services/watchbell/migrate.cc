#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/runtime/schema.h"
#include "services/watchbell/command.h"

namespace watchbell::cli {
namespace {

using runtime::PendingSchema;

// "the schemas of postgresql://..." or "the databases in DIR".
std::string PlaceOf(const config::Config& options) {
  const std::string& url = options.Get("database.url");
  return url.empty() ? absl::StrCat("the databases in ", options.Get("data.dir"))
                     : absl::StrCat("the schemas of ", config::MaskUrl(url));
}

// As the database reads it: lines for one kind are comments to the other.
std::string ScriptFor(const config::Config& options, const std::string& sql) {
  if (options.Get("database.url").empty()) return sql;
  return absl::StrReplaceAll(sql, {{"--postgresql:", ""}});
}

void PrintScripts(const config::Config& options, const std::vector<PendingSchema>& pending) {
  for (const PendingSchema& schema : pending) {
    for (const db::Migration& step : schema.steps) {
      std::cout << "-- " << schema.service << ", schema change " << step.number << ": " << step.name
                << "\n"
                << ScriptFor(options, step.sql) << "\n";
    }
  }
}

int CheckPending(const config::Config& options, const std::vector<PendingSchema>& pending) {
  if (pending.empty()) {
    std::cout << "Nothing is pending: " << PlaceOf(options) << " are at their newest schema.\n";
    return 0;
  }
  const std::string lacking =
      absl::StrJoin(pending, "; ", [](std::string* out, const PendingSchema& schema) {
        absl::StrAppend(out, schema.service, " lacks ",
                        absl::StrJoin(schema.steps, ", ", [](std::string* o, const auto& step) {
                          absl::StrAppend(o, step.number, " (", step.name, ")");
                        }));
      });
  std::cerr << "watchbell migrate: schema changes are pending in " << PlaceOf(options) << ": "
            << lacking << "\n";
  return 1;
}

}  // namespace

std::vector<config::Key> MigrateKeys() {
  std::vector<config::Key> keys;
  for (config::Key& key : ServerKeys()) {
    if (key.name == "data.dir" || key.name == "database.url") keys.push_back(std::move(key));
  }
  keys.push_back({"dry_run", "false", "print what would be run, and change nothing"});
  keys.push_back({"check", "false", "exit status 1 if anything is pending; changes nothing"});
  return keys;
}

int Migrate(const Arguments& arguments) {
  const absl::StatusOr<config::Config> options = LoadOptions(MigrateKeys(), arguments);
  if (!options.ok()) return Misused(options.status());
  if (!options->rest().empty()) return WrongUse("migrate", "there is nothing to say but flags");
  const bool dry_run = options->Get("dry_run") == "true";
  const bool check = options->Get("check") == "true";
  if (dry_run && check) return WrongUse("migrate", "give --dry-run or --check, not both");
  const absl::StatusOr<config::Config> server = AsServer(*options, {"data.dir", "database.url"});
  if (!server.ok()) return Misused(server.status());
  SystemClock clock;
  if (dry_run || check) {
    const auto pending = runtime::PendingSchemas(AllModules(), *server, clock);
    if (!pending.ok()) return Fail(pending.status(), false);
    if (check) return CheckPending(*options, *pending);
    PrintScripts(*options, *pending);
    return 0;
  }
  if (absl::Status migrated = runtime::MigrateAll(AllModules(), *server, clock); !migrated.ok())
    return Fail(migrated, false);
  std::string place = PlaceOf(*options);
  place[0] = 'T';
  std::cout << place << " are at their newest schema.\n";
  return 0;
}

}  // namespace watchbell::cli
