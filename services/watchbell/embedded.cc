#include "services/watchbell/embedded.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "google/protobuf/util/json_util.h"

namespace watchbell::cli {
namespace {

[[noreturn]] void Die(absl::string_view name, absl::string_view why) {
  std::fprintf(stderr, "this binary was built wrong: embedded file %s: %s\n",
               std::string(name).c_str(), std::string(why).c_str());
  std::abort();
}

}  // namespace

absl::string_view Embedded(absl::string_view name) {
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (file.name == name) return file.content;
  }
  Die(name, "not there");
}

void ParseEmbedded(absl::string_view name, google::protobuf::Message* message) {
  const absl::string_view json = Embedded(name);
  const auto status =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message);
  if (!status.ok()) Die(name, status.ToString());
}

}  // namespace watchbell::cli
