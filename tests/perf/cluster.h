// Some of the five services as processes of this build, on the test servers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/rpc/client.h"
#include "services/watchbell/local_process.h"
#include "tests/perf/servers.h"

namespace watchbell::perf {

// Databases migrated, topics made, every process serving. The processes end with the object, or
// with the program.
class Cluster {
 public:
  Cluster(const std::string& name, const std::vector<std::string>& services);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  rpc::Client& client(const std::string& service) { return *clients_.at(service); }
  const bus::KafkaOptions& kafka() const { return kafka_; }
  const std::map<std::string, int>& pids() const { return pids_; }
  // A metric of a service with its labels: the sum over all that begin so.
  double Metric(const std::string& service, const std::string& name) const;
  // Average size and duration of the batches of a service since the call before.
  std::string Batches(const std::string& service);
  // Rows that each service has written since the call before, for each of `count` things.
  std::string RowsWritten(int count);

 private:
  void Run(const std::vector<std::string>& command);
  void Start(const std::string& service, const std::vector<std::string>& flags);
  void AwaitReady(const std::string& service) const;

  const cli::TemporaryFolder folder_;
  const OwnDatabase database_;
  const bus::KafkaOptions kafka_;
  std::map<std::string, int> ports_, admin_ports_, pids_;
  std::map<std::string, std::unique_ptr<rpc::Client>> clients_;
  struct Batched {
    double inputs = 0, batches = 0, seconds = 0;
  };
  std::map<std::string, Batched> batched_;
  SystemClock clock_;
  const std::unique_ptr<db::Database> statistics_;
  std::map<std::string, int64_t> written_;
};

}  // namespace watchbell::perf
