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
class EmbeddedBus {
 public:
  explicit EmbeddedBus(int shards);
  ~EmbeddedBus();

  // Makes the journal of `producer` the source of its topics: aggregate -> topic. Call before
  // anything is published and before Subscribe of these topics' readers starts. `reader` outlives
  // the bus.
  absl::StatusOr<std::unique_ptr<Publisher>> AddProducer(
      const std::string& producer, const journal::Reader& reader,
      const std::map<std::string, std::string>& topic_of_aggregate);

  // `wake` is called, on any thread, when there is something new to poll.
  std::unique_ptr<Subscriber> Subscribe(std::vector<std::string> topics,
                                        std::function<void()> wake);

  class Topic;  // internal

 private:
  int shards_;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchbell::bus
