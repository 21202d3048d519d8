#include "common/runtime/process.h"
#include "services/watchbell/command.h"

namespace watchbell::cli {

int Serve(const Arguments& arguments) {
  std::string program = "watchbell serve";
  std::vector<std::string> words = arguments;
  std::vector<char*> argv = {program.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return runtime::Main(static_cast<int>(argv.size()) - 1, argv.data(), program, AllModules(),
                       TheInstallation());
}

}  // namespace watchbell::cli
