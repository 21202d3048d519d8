// Lets one thread wait for another without sleeping.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace watchbell::rpc {

class Gate {
 public:
  void Open() {
    const std::lock_guard<std::mutex> lock(mu_);
    ++opened_;
    changed_.notify_all();
  }
  // False if it was not opened `times` times within 20 s: the test has failed.
  bool Wait(int times = 1) {
    std::unique_lock<std::mutex> lock(mu_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return opened_ >= times; });
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  int opened_ = 0;
};

}  // namespace watchbell::rpc
