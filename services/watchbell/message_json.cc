#include "services/watchbell/message_json.h"

#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace watchbell::cli {

absl::Status ParseJson(absl::string_view json, google::protobuf::Message* message) {
  const auto parsed =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message);
  if (parsed.ok()) return absl::OkStatus();
  // What is wrong, then the place on a line of its own, then a mark below it.
  const std::vector<std::string> lines =
      absl::StrSplit(std::string(parsed.message()), absl::ByAnyChar("\r\n"));
  const std::string place = lines.size() > 1 ? lines[1] : "";
  return absl::InvalidArgumentError(
      absl::StrCat("the JSON is not a ", message->GetDescriptor()->name(), ": ", lines[0],
                   place.empty() ? "" : absl::StrCat(" Near: ", place)));
}

absl::Status ReadJsonFile(const std::string& path, google::protobuf::Message* message) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path, ": it is a folder"));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  std::ostringstream json;
  json << in.rdbuf();
  if (const absl::Status parsed = ParseJson(json.str(), message); !parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", parsed.message()));
  }
  return absl::OkStatus();
}

}  // namespace watchbell::cli
