#include "services/watchbell/message_json.h"

#include <google/protobuf/util/json_util.h>

#include <string>
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

}  // namespace watchbell::cli
