#include "tests/perf/event_times.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/base/shard.h"
#include "common/bus/event_registry.h"
#include "common/clock/clock.h"
#include "tests/perf/bench.h"

namespace watchbell::perf {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);  // without anything new

}  // namespace

EventTimes::EventTimes(bus::Bus& bus, const std::vector<std::string>& topics,
                       const std::vector<const google::protobuf::Descriptor*>& types) {
  for (const auto* type : types) seen_[bus::EventTypeOf(*type)];
  subscriber_ = bus.Subscribe({"bench", topics, {}}, [this] { Wake(); });
  for (int shard = 0; shard < kDefaultShards; ++shard) Must(subscriber_->Hold(shard, {}));
  thread_ = std::thread([this] { Loop(); });
}

EventTimes::~EventTimes() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  thread_.join();
  subscriber_ = nullptr;
}

std::vector<absl::Duration> EventTimes::Await(const google::protobuf::Descriptor* type,
                                              const std::vector<std::string>& subjects) {
  const std::string wanted = bus::EventTypeOf(*type);
  std::vector<absl::Duration> times;
  MutexLock lock(mu_);
  for (const std::string& subject : subjects) {
    const auto& seen = seen_.at(wanted);
    while (!seen.contains(subject)) {
      const auto until = std::chrono::steady_clock::now() + kPatience;
      if (more_.WaitUntil(mu_, until)) continue;
      Must(absl::DeadlineExceededError(absl::StrCat("no ", wanted, " for ", subject)));
    }
    times.push_back(seen.at(subject));
  }
  return times;
}

void EventTimes::AwaitEnds() {
  MutexLock lock(mu_);
  while (!at_ends_) {
    if (more_.WaitUntil(mu_, std::chrono::steady_clock::now() + kPatience)) continue;
    Must(absl::DeadlineExceededError("the topics cannot be read"));
  }
}

void EventTimes::Wake() {
  MutexLock lock(mu_);
  woken_ = true;
  wake_.NotifyOne();
}

void EventTimes::Note(const std::vector<bus::RecordPtr>& records) {
  const absl::Duration now = Uptime();
  for (const bus::RecordPtr& record : records) {
    const bus::Envelope envelope = Must(bus::ParseEnvelope(*record));
    MutexLock lock(mu_);
    auto known = seen_.find(envelope.type);
    if (known != seen_.end()) known->second.try_emplace(envelope.subject, now);
  }
}

void EventTimes::Loop() {
  const absl::Time began = SystemClock().Now();
  bool at_ends = false;
  for (;;) {
    const std::vector<bus::RecordPtr> records = Must(subscriber_->Poll(1000));
    Note(records);
    if (records.empty() && !at_ends) {
      at_ends = true;
      for (const std::string& topic : subscriber_->topics()) {
        for (int shard = 0; shard < kDefaultShards; ++shard) {
          at_ends = subscriber_->AtEnd(topic, shard, began) && at_ends;
        }
      }
    }
    MutexLock lock(mu_);
    at_ends_ = at_ends;
    more_.NotifyAll();
    while (records.empty() && !woken_ && !stopping_) wake_.Wait(mu_);
    woken_ = false;
    if (stopping_) return;
  }
}

}  // namespace watchbell::perf
