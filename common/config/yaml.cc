// The YAML file: nested maps become dotted keys.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/sources.h"

namespace watchbell::config {
namespace {

class YamlReader {
 public:
  YamlReader(const std::vector<Key>& keys, const std::string& path)
      : names_(SettableNames(keys)), path_(path) {}

  absl::Status Read(const YAML::Node& map, const std::string& prefix) {
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) return Error(entry.first, "a key must be plain text");
      const std::string name = absl::StrCat(prefix, entry.first.Scalar());
      if (!seen_.insert(name).second)
        return Error(entry.first, absl::StrCat(name, " is given twice"));
      RETURN_IF_ERROR(Take(name, entry.first, entry.second));
    }
    return absl::OkStatus();
  }

  std::vector<Setting> settings;

 private:
  absl::Status Take(const std::string& name, const YAML::Node& key, const YAML::Node& value) {
    const bool known = std::find(names_.begin(), names_.end(), name) != names_.end();
    const bool group = std::any_of(names_.begin(), names_.end(), [&name](const std::string& n) {
      return absl::StartsWith(n, name + ".");
    });
    if (!known && !group) {
      return Error(key, absl::StrCat("unknown key ", name, DidYouMean(name, names_)));
    }
    if (value.IsMap()) {
      if (!group) return Error(value, absl::StrCat(name, " must be one value, not a map"));
      return Read(value, name + ".");
    }
    if (value.IsSequence())
      return Error(value, absl::StrCat(name, " must be one value, not a list"));
    if (value.IsNull()) {
      // A group whose lines are all commented out is no mistake.
      return known ? Error(key, absl::StrCat(name, " has no value")) : absl::OkStatus();
    }
    if (!known) return Error(value, absl::StrCat(name, " must be a map"));
    settings.push_back({name, value.Scalar(), Place(value.Mark())});
    return absl::OkStatus();
  }

  std::string Place(const YAML::Mark& mark) const {
    return absl::StrCat(path_, ":", mark.line + 1, ":", mark.column + 1);
  }

  absl::Status Error(const YAML::Node& node, const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(Place(node.Mark()), ": ", what));
  }

  const std::vector<std::string> names_;
  const std::string& path_;
  std::set<std::string> seen_;
};

}  // namespace

absl::StatusOr<std::vector<Setting>> ReadYaml(const std::vector<Key>& keys,
                                              const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  YamlReader reader(keys, path);
  try {  // yaml-cpp reports by exceptions
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return std::vector<Setting>();
    if (!root.IsMap()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":1:1: the file must be a map of keys"));
    }
    RETURN_IF_ERROR(reader.Read(root, ""));
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", e.mark.line + 1, ":", e.mark.column + 1, ": ", e.msg));
  }
  return std::move(reader.settings);
}

}  // namespace watchbell::config
