// Where values come from, read into one shape: a list of (name as written there, value, where
// exactly).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/config.h"

namespace watchbell::config {

// A setting as found; `key` is its dotted name, already known to be one of ours (or the _file twin
// of a secret).
struct Setting {
  std::string key;
  std::string value;
  std::string source;  // "flag --smtp-url", "environment WATCHBELL_SMTP_URL", "watchbell.yaml:3:8"
};

struct Flags {
  std::vector<Setting> settings;
  std::vector<std::string> rest;
  std::string config_file;  // --config, "" if not given
};

// Every name that may be set: the keys, and the twins of secrets.
std::vector<std::string> SettableNames(const std::vector<Key>& keys);

absl::StatusOr<Flags> ReadFlags(const std::vector<Key>& keys, const std::vector<std::string>& args);
absl::StatusOr<std::vector<Setting>> ReadEnvironment(
    const std::vector<Key>& keys, const std::map<std::string, std::string>& environment);
absl::StatusOr<std::vector<Setting>> ReadYaml(const std::vector<Key>& keys,
                                              const std::string& path);

// The whole of a file, INVALID_ARGUMENT with the reason if it cannot be read or is over 1 MiB.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// ", did you mean X?" for the candidate nearest to `name`, "" if none is near.
std::string DidYouMean(const std::string& name, const std::vector<std::string>& candidates);

// True if the key's default makes it a boolean.
bool IsBoolean(const Key& key);

}  // namespace watchbell::config
