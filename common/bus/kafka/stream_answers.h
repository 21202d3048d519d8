// Answers of producers about single streams, kept until they are fetched. Internal to the folder.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/bus/record.h"

namespace watchbell::bus::kafka {

// Not thread-safe.
class StreamAnswers {
 public:
  // (topic, tenant, stream id, after version)
  using Key = std::tuple<std::string, std::string, std::string, int64_t>;
  using Answer = absl::StatusOr<std::vector<RecordPtr>>;

  // The answer, which is given once; nothing if there is none yet. `ask`: it is to be asked for.
  std::optional<Answer> Take(const Key& key, absl::Duration now, bool* ask);
  void Put(const Key& key, Answer answer, absl::Duration now);
  // What is known about these is too old: the next Take asks anew; if they are being asked about,
  // once that answer has come and was dropped.
  void Forget(const std::function<bool(const Key&)>& these);
  // Drops what nobody came for.
  void Expire(absl::Duration now);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::optional<Answer> answer;
    absl::Duration at;     // asked or answered
    bool too_old = false;  // the answer that is under way
  };
  std::map<Key, Entry> entries_;
};

}  // namespace watchbell::bus::kafka
