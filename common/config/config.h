// Configuration: flag > environment > YAML file > default. An unknown key is an error at start-up.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace watchbell::config {

// One key, for example "smtp.url": flag --smtp-url, environment WATCHBELL_SMTP_URL, YAML smtp:
// {url: ...}. A default of true or false makes it a boolean (the flag alone means true), a default
// that is a whole number an integer; other values are then refused, whatever their source.
struct Key {
  std::string name;
  std::string default_value;
  std::string help;
  // Secrets also have a *_FILE twin (flag --webhook-secret-file, WATCHBELL_WEBHOOK_SECRET_FILE,
  // webhook.secret_file) and are masked in Print. The file's text is taken without the line break
  // at its end.
  bool secret = false;
  // A secret that is a URL of a database: Print masks the passwords in it, not all of it.
  bool url = false;
};

// `url` with its passwords masked: after the user's name, and parameters named so. What is no URL
// is masked as a whole.
std::string MaskUrl(const std::string& url);

// Immutable after Load; thread-safe.
class Config {
 public:
  // `args`: flags and what is left over (positional, returned in rest(); all of it after "--").
  // --config FILE or WATCHBELL_CONFIG names the YAML file. Errors are INVALID_ARGUMENT and name the
  // key and its source, for YAML FILE:LINE:COLUMN. Environment variables that Kubernetes makes for
  // a service of this name are no keys of ours. Keys of `elsewhere` are those of other commands
  // that share file and environment: left alone there, unknown as flags.
  static absl::StatusOr<Config> Load(std::vector<Key> keys, const std::vector<std::string>& args,
                                     const std::map<std::string, std::string>& environment,
                                     const std::vector<Key>& elsewhere = {});

  // The value; the key must be among those given to Load.
  const std::string& Get(const std::string& key) const;
  // True if it is more than the default: somebody gave it.
  bool IsGiven(const std::string& key) const;
  absl::StatusOr<int> GetInt(const std::string& key) const;

  const std::vector<std::string>& rest() const { return rest_; }

  // One line a key: name = value  # source; secrets masked.
  std::string Print() const;

  // One line a flag: its default and its help.
  static std::string Usage(const std::vector<Key>& keys);

 private:
  friend class Loader;

  struct Entry {
    std::string value;
    std::string source;
  };
  std::vector<Key> keys_;
  std::map<std::string, Entry> entries_;
  std::vector<std::string> rest_;
};

// The process's environment as a map.
std::map<std::string, std::string> Environment();

}  // namespace watchbell::config
