#include <iostream>

#include "services/watchbell/command.h"

namespace watchbell::cli {

int PrintConfig(const Arguments& arguments) {
  const absl::StatusOr<config::Config> options = LoadOptions(ServerKeys(), arguments);
  if (!options.ok()) return Misused(options.status());
  if (!options->rest().empty())
    return WrongUse("print-config", "there is nothing to say but flags");
  std::cout << options->Print();
  return 0;
}

}  // namespace watchbell::cli
