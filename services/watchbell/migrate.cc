#include <iostream>

#include "common/runtime/process.h"
#include "services/watchbell/command.h"

namespace watchbell::cli {

int Migrate(const Arguments& arguments) {
  const absl::StatusOr<config::Config> options = LoadOptions({}, arguments);
  if (!options.ok()) return Fail(options.status());
  if (!options->rest().empty()) return WrongUse("migrate", "there is nothing to say but flags");
  if (absl::Status migrated = runtime::MigrateAll(AllModules(), *options); !migrated.ok())
    return Fail(migrated);
  std::cout << "The databases in " << options->Get("data.dir") << " are at their newest schema.\n";
  return 0;
}

}  // namespace watchbell::cli
