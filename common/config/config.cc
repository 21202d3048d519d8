#include "common/config/config.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/config/sources.h"

namespace watchbell::config {
namespace {

constexpr char kMask[] = "***";
constexpr char kDefaultSource[] = "default";

bool IsInteger(const std::string& text) {
  int ignored = 0;
  return absl::SimpleAtoi(text, &ignored);
}

// A value must be of the kind its default is.
absl::Status CheckKind(const Key& key, const std::string& value, const std::string& source) {
  if (IsBoolean(key) && value != "true" && value != "false") {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": ", key.name, " must be true or false"));
  }
  if (IsInteger(key.default_value) && !IsInteger(value)) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": ", key.name, " must be a whole number"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string MaskUrl(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return kMask;
  std::string masked = url.substr(0, scheme + 3);
  absl::string_view rest = absl::string_view(url).substr(masked.size());
  // The last @ of all: a password may hold one, or a slash, that was not escaped. Rather too much
  // is masked than too little.
  if (const size_t at = rest.rfind('@'); at != absl::string_view::npos) {
    const absl::string_view user = rest.substr(0, at);
    const size_t colon = user.find(':');
    absl::StrAppend(&masked, user.substr(0, colon));
    if (colon != absl::string_view::npos) absl::StrAppend(&masked, ":", kMask);
    rest.remove_prefix(at);
  }
  const size_t query = rest.find('?');
  absl::StrAppend(&masked, rest.substr(0, query));
  if (query == absl::string_view::npos) return masked;
  char separator = '?';
  for (const absl::string_view part : absl::StrSplit(rest.substr(query + 1), '&')) {
    const absl::string_view name = part.substr(0, part.find('='));
    masked += separator;
    separator = '&';
    if (absl::StrContains(name, "password")) {
      absl::StrAppend(&masked, name, "=", kMask);
    } else {
      absl::StrAppend(&masked, part);
    }
  }
  return masked;
}

class Loader {
 public:
  Loader(std::vector<Key> keys, const std::vector<Key>& elsewhere) : known_(keys) {
    config_.keys_ = std::move(keys);
    for (const Key& key : elsewhere) {
      if (!IsOwn(key.name)) known_.push_back(key);
    }
  }

  absl::StatusOr<Config> Load(const std::vector<std::string>& args,
                              const std::map<std::string, std::string>& environment) {
    ASSIGN_OR_RETURN(Flags flags, ReadFlags(config_.keys_, args));
    config_.rest_ = std::move(flags.rest);
    std::string file = flags.config_file;
    if (const auto named = environment.find("WATCHBELL_CONFIG");
        file.empty() && named != environment.end()) {
      file = named->second;
    }
    for (const Key& key : config_.keys_)
      config_.entries_[key.name] = {key.default_value, kDefaultSource};
    // From the weakest source to the strongest: each overwrites what came before.
    if (!file.empty()) {
      ASSIGN_OR_RETURN(const std::vector<Setting> yaml, ReadYaml(known_, file));
      RETURN_IF_ERROR(ApplyAll(yaml));
    }
    ASSIGN_OR_RETURN(const std::vector<Setting> variables, ReadEnvironment(known_, environment));
    RETURN_IF_ERROR(ApplyAll(variables));
    RETURN_IF_ERROR(ApplyAll(flags.settings));
    return std::move(config_);
  }

 private:
  bool IsOwn(const std::string& name) const {
    const std::vector<std::string> own = SettableNames(config_.keys_);
    return std::find(own.begin(), own.end(), name) != own.end();
  }

  absl::Status ApplyAll(const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) {
      if (IsOwn(setting.key)) RETURN_IF_ERROR(Apply(setting, settings));
    }
    return absl::OkStatus();
  }

  absl::Status Apply(const Setting& setting, const std::vector<Setting>& same_source) {
    const auto key = std::find_if(config_.keys_.begin(), config_.keys_.end(),
                                  [&](const Key& k) { return k.name == setting.key; });
    if (key != config_.keys_.end()) {
      RETURN_IF_ERROR(CheckKind(*key, setting.value, setting.source));
      config_.entries_[key->name] = {setting.value, setting.source};
      return absl::OkStatus();
    }
    // The twin of a secret: the same source must not give both, for nobody could tell which one is
    // meant.
    const std::string name(absl::StripSuffix(setting.key, "_file"));
    for (const Setting& other : same_source) {
      if (other.key == name) {
        return absl::InvalidArgumentError(absl::StrCat(setting.source, ": give either ", name,
                                                       " or ", setting.key, ", not both"));
      }
    }
    absl::StatusOr<std::string> text = ReadSmallFile(setting.value);
    if (!text.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(setting.source, ": ", text.status().message()));
    }
    absl::string_view value = *text;
    if (absl::ConsumeSuffix(&value, "\n")) absl::ConsumeSuffix(&value, "\r");
    config_.entries_[name] = {std::string(value),
                              absl::StrCat(setting.source, " (", setting.value, ")")};
    return absl::OkStatus();
  }

  Config config_;
  std::vector<Key> known_;  // ours, and those of others
};

absl::StatusOr<Config> Config::Load(std::vector<Key> keys, const std::vector<std::string>& args,
                                    const std::map<std::string, std::string>& environment,
                                    const std::vector<Key>& elsewhere) {
  return Loader(std::move(keys), elsewhere).Load(args, environment);
}

const std::string& Config::Get(const std::string& key) const {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) {
    std::fprintf(stderr,
                 "the program asks for the configuration key %s, which it does not declare\n",
                 key.c_str());
    std::abort();
  }
  return entry->second.value;
}

bool Config::IsGiven(const std::string& key) const {
  const auto entry = entries_.find(key);
  return entry != entries_.end() && entry->second.source != kDefaultSource;
}

absl::StatusOr<int> Config::GetInt(const std::string& key) const {
  int value = 0;
  if (absl::SimpleAtoi(Get(key), &value)) return value;
  return absl::InvalidArgumentError(
      absl::StrCat(entries_.at(key).source, ": ", key, " must be a whole number"));
}

std::string Config::Print() const {
  std::string out;
  for (const Key& key : keys_) {
    const Entry& entry = entries_.at(key.name);
    std::string value = entry.value;
    if (key.secret && !value.empty()) value = key.url ? MaskUrl(value) : kMask;
    absl::StrAppend(&out, key.name, " = ", value, "  # ", entry.source, "\n");
  }
  return out;
}

std::string Config::Usage(const std::vector<Key>& keys) {
  std::string out = "  --config=FILE                  the YAML file\n";
  for (const Key& key : keys) {
    const std::string flag = absl::StrReplaceAll(key.name, {{".", "-"}, {"_", "-"}});
    absl::StrAppend(&out, absl::StrFormat("  --%-28s %s", flag, key.help));
    if (!key.default_value.empty()) absl::StrAppend(&out, " (default ", key.default_value, ")");
    if (key.secret) absl::StrAppend(&out, "; --", flag, "-file=FILE reads it from there");
    out += '\n';
  }
  return out;
}

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const absl::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == absl::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace watchbell::config
