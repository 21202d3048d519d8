#include "common/runtime/version.h"

#include <iostream>

#include "services/watchbell/command.h"

namespace watchbell::cli {

int PrintVersion(const Arguments& arguments) {
  if (arguments.empty()) {
    std::cout << "watchbell " << runtime::Version() << "\n";
  } else if (arguments == Arguments{"--json"}) {
    std::cout << runtime::VersionJson() << "\n";
  } else {
    return WrongUse("version", "unknown argument");
  }
  return 0;
}

}  // namespace watchbell::cli
