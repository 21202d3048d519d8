// Tells other replicas of a service that something was committed for shards they hold.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

namespace watchbell::runtime {

// Thread-safe, never blocks, best effort: a holder that is not reached looks by itself a moment
// later. While a poke to a replica is under way, the shards of further ones are gathered for the
// next.
class Poker {
 public:
  // `holder` gives the address of the replica that holds a shard, "" if it is not known.
  Poker(std::string service, std::function<std::string(int shard)> holder);
  ~Poker();

  void Poke(const std::set<int>& shards);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace watchbell::runtime
