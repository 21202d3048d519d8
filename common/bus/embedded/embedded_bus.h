// The bus of a single process: a topic is the producer's journal itself. A short tail of recent
// records is kept in memory; whoever is further behind reads the journal. Nothing is stored here:
// positions lie with the consumers, so a kill -9 loses nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/bus/bus.h"

namespace watchbell::bus {

// Thread-safe. Outlives its publishers and subscribers.
class EmbeddedBus : public Bus {
 public:
  explicit EmbeddedBus(int shards);
  ~EmbeddedBus() override;

  // Makes the journal of `producer` the source of its topics. ALREADY_EXISTS if a topic belongs to
  // another one. Several producers of one name are replicas over one journal.
  absl::StatusOr<std::unique_ptr<Publisher>> AddProducer(
      const std::string& producer, const journal::Reader& reader,
      const std::map<std::string, std::string>& topic_of_aggregate) override;

  // Nobody outside can fill a raw topic here: they stay empty.
  std::unique_ptr<Subscriber> Subscribe(Subscription subscription,
                                        std::function<void()> wake) override;

  class Topic;  // internal

 private:
  int shards_;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchbell::bus
