// A reader of lifecycle topics that notes when each event was first seen.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "common/bus/bus.h"
#include "google/protobuf/descriptor.h"

namespace watchbell::perf {

class EventTimes {
 public:
  // Notes the first event of each of these types for every subject.
  EventTimes(bus::Bus& bus, const std::vector<std::string>& topics,
             const std::vector<const google::protobuf::Descriptor*>& types);
  ~EventTimes();

  // When the subjects' events of a type were seen, by Uptime; waits for all of them.
  std::vector<absl::Duration> Await(const google::protobuf::Descriptor* type,
                                    const std::vector<std::string>& subjects);
  // Waits until every topic was read to its end once.
  void AwaitEnds();

 private:
  void Wake();
  void Loop();
  void Note(const std::vector<bus::RecordPtr>& records);

  std::unique_ptr<bus::Subscriber> subscriber_;
  Mutex mu_;
  CondVar wake_, more_;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool at_ends_ ABSL_GUARDED_BY(mu_) = false;
  // By type and subject.
  absl::flat_hash_map<std::string, absl::flat_hash_map<std::string, absl::Duration>> seen_
      ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace watchbell::perf
