#include "common/config/sources.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/edit_distance.h"

namespace watchbell::config {
namespace {

constexpr char kPrefix[] = "WATCHBELL_";

std::string FlagOf(const std::string& name) {
  return absl::StrReplaceAll(name, {{".", "-"}, {"_", "-"}});
}

std::string VariableOf(const std::string& name) {
  return absl::StrCat(kPrefix,
                      absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{".", "_"}, {"-", "_"}})));
}

// What ./dev and the test scripts are told; it may be exported in the shell that starts a program.
bool IsOfTheScripts(const std::string& variable) {
  return variable == "WATCHBELL_CACHE" || variable == "WATCHBELL_BIN_DIR" ||
         absl::StartsWith(variable, "WATCHBELL_TEST_") ||
         absl::StartsWith(variable, "WATCHBELL_LOCAL_");
}

// Kubernetes sets these for every service of the namespace; one may be called "watchbell" or
// "watchbell-something".
bool IsKubernetesLink(const std::string& variable, const std::string& value) {
  return absl::EndsWith(variable, "_SERVICE_HOST") ||
         absl::StrContains(variable, "_SERVICE_PORT") || absl::StrContains(variable, "_TCP") ||
         absl::StrContains(variable, "_UDP") ||
         (absl::EndsWith(variable, "_PORT") &&
          (absl::StartsWith(value, "tcp://") || absl::StartsWith(value, "udp://")));
}

std::map<std::string, std::string> NamesBy(const std::vector<Key>& keys,
                                           std::string (*form)(const std::string&)) {
  std::map<std::string, std::string> names;
  for (const std::string& name : SettableNames(keys)) names.emplace(form(name), name);
  return names;
}

std::vector<std::string> FirstOf(const std::map<std::string, std::string>& names,
                                 const std::string& prefix) {
  std::vector<std::string> firsts;
  for (const auto& [form, name] : names) firsts.push_back(prefix + form);
  return firsts;
}

// The flags of one command line, taken in order.
class FlagReader {
 public:
  FlagReader(const std::vector<Key>& keys, const std::vector<std::string>& args)
      : args_(args), names_(NamesBy(keys, FlagOf)) {
    for (const Key& key : keys) {
      if (IsBoolean(key)) booleans_.insert(key.name);
    }
  }

  absl::StatusOr<Flags> Read() {
    for (at_ = 0; at_ < args_.size(); ++at_) {
      absl::string_view text = args_[at_];
      if (text == "--") {
        flags_.rest.insert(flags_.rest.end(), args_.begin() + static_cast<long>(at_) + 1,
                           args_.end());
        break;
      }
      if (!absl::ConsumePrefix(&text, "--")) {
        if (absl::StartsWith(text, "-") && text != "-") {
          return absl::InvalidArgumentError(
              absl::StrCat("unknown flag ", text, ": flags begin with --"));
        }
        flags_.rest.emplace_back(text);
        continue;
      }
      if (absl::Status taken = Take(text); !taken.ok()) return taken;
    }
    return std::move(flags_);
  }

 private:
  absl::Status Take(absl::string_view text) {
    const size_t equals = text.find('=');
    const std::string name(text.substr(0, equals));
    const auto known = names_.find(name);
    if (known == names_.end() && name != "config") {
      std::vector<std::string> candidates = FirstOf(names_, "--");
      candidates.push_back("--config");
      return absl::InvalidArgumentError(
          absl::StrCat("unknown flag --", name, DidYouMean("--" + name, candidates)));
    }
    if (!seen_.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat("flag --", name, " is given twice"));
    }
    const std::string key = known == names_.end() ? "" : known->second;
    std::string value;
    if (equals != absl::string_view::npos) {
      value = std::string(text.substr(equals + 1));
    } else if (booleans_.count(key) > 0) {
      const bool explicit_value =
          at_ + 1 < args_.size() && (args_[at_ + 1] == "true" || args_[at_ + 1] == "false");
      value = explicit_value ? args_[++at_] : "true";
    } else if (at_ + 1 < args_.size() && !absl::StartsWith(args_[at_ + 1], "--")) {
      value = args_[++at_];
    } else {
      return absl::InvalidArgumentError(absl::StrCat("flag --", name, " needs a value"));
    }
    if (key.empty()) {
      flags_.config_file = value;
    } else {
      flags_.settings.push_back({key, value, "flag --" + name});
    }
    return absl::OkStatus();
  }

  const std::vector<std::string>& args_;
  const std::map<std::string, std::string> names_;
  std::set<std::string> booleans_;
  std::set<std::string> seen_;
  size_t at_ = 0;
  Flags flags_;
};

}  // namespace

bool IsBoolean(const Key& key) {
  return key.default_value == "true" || key.default_value == "false";
}

std::vector<std::string> SettableNames(const std::vector<Key>& keys) {
  std::vector<std::string> names;
  for (const Key& key : keys) {
    names.push_back(key.name);
    if (key.secret) names.push_back(key.name + "_file");
  }
  return names;
}

std::string DidYouMean(const std::string& name, const std::vector<std::string>& candidates) {
  const auto nearest =
      std::min_element(candidates.begin(), candidates.end(), [&name](const auto& a, const auto& b) {
        return EditDistance(name, a) < EditDistance(name, b);
      });
  if (nearest == candidates.end() || EditDistance(name, *nearest) > name.size() / 2) return "";
  return absl::StrCat(", did you mean ", *nearest, "?");
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  constexpr size_t kMost = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  std::string text(kMost + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (file.bad() || (text.empty() && !file.eof())) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  }
  if (text.size() > kMost) return absl::InvalidArgumentError(absl::StrCat(path, " is over 1 MiB"));
  return text;
}

absl::StatusOr<Flags> ReadFlags(const std::vector<Key>& keys,
                                const std::vector<std::string>& args) {
  return FlagReader(keys, args).Read();
}

absl::StatusOr<std::vector<Setting>> ReadEnvironment(
    const std::vector<Key>& keys, const std::map<std::string, std::string>& environment) {
  const std::map<std::string, std::string> names = NamesBy(keys, VariableOf);
  std::vector<Setting> settings;
  for (const auto& [variable, value] : environment) {
    if (!absl::StartsWith(variable, kPrefix) || variable == "WATCHBELL_CONFIG" ||
        IsOfTheScripts(variable)) {
      continue;
    }
    const auto known = names.find(variable);
    if (known != names.end()) {
      settings.push_back({known->second, value, "environment " + variable});
    } else if (!IsKubernetesLink(variable, value)) {
      return absl::InvalidArgumentError(absl::StrCat("unknown environment variable ", variable,
                                                     DidYouMean(variable, FirstOf(names, ""))));
    }
  }
  return settings;
}

}  // namespace watchbell::config
