// The admin port of a process: GET /metrics, /livez, /readyz, /version.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace watchbell::runtime {

struct AdminHandlers {
  std::function<std::string()> metrics;
  // Why the process is not ready; empty = ready.
  std::function<std::vector<std::string>()> not_ready;
  // What is wrong besides, with others: no reason not to be ready.
  std::function<std::vector<std::string>()> producers;
};

// Thread-safe handlers are called on the server's own threads. Stops when destroyed.
class AdminHttp {
 public:
  virtual ~AdminHttp() = default;
  // `listen` is HOST:PORT, port 0 = any. INVALID_ARGUMENT if it is not that, UNAVAILABLE if it
  // cannot be bound.
  static absl::StatusOr<std::unique_ptr<AdminHttp>> Start(const std::string& listen,
                                                          AdminHandlers handlers);
  virtual int port() const = 0;
};

}  // namespace watchbell::runtime
