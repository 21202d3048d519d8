// The journals of an installation's producers, read by rpc from the processes that hold them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/bus/journal_source.h"
#include "common/runtime/peers.h"

namespace watchbell::runtime {

// Thread-safe. `peers` outlives it. A producer that is not among them (yet), or does not answer
// within a few seconds, is UNAVAILABLE; so is one that says it does not fill the topic: its address
// may be wrong, and no record is to blame for that.
class RpcJournalSource final : public bus::JournalSource {
 public:
  // `self` is how this process presents itself.
  RpcJournalSource(std::string self, const Installation& installation, const Peers& peers);

  void ReadShard(const std::string& topic, int shard, int64_t after_sequence, int limit,
                 Done done) override;
  void ReadStream(const std::string& topic, const std::string& tenant, const std::string& stream_id,
                  int64_t after_version, int limit, Done done) override;
  void ReadHeads(const std::string& topic, const std::vector<int>& shards, HeadsDone done) override;

 private:
  // `take` makes of the response what `done` is given.
  template <typename Response, typename Request, typename Take, typename Answer>
  void Ask(const std::string& method, const Request& request, absl::Duration timeout, Take take,
           Answer done);

  const std::string self_;
  std::map<std::string, std::string> producers_;  // by topic
  const Peers& peers_;
};

}  // namespace watchbell::runtime
