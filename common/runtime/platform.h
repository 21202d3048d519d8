// What the services of a process stand on: a data folder with SQLite files and the embedded bus, or
// PostgreSQL and Kafka. The modules above are the same.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/bus/bus.h"
#include "common/bus/journal_source.h"
#include "common/clock/clock.h"
#include "common/config/config.h"
#include "common/db/db.h"
#include "common/runtime/metrics.h"
#include "common/runtime/service_core.h"

namespace watchbell::runtime {

// data.dir, database.url, kafka.*.
std::vector<config::Key> PlatformKeys();

// True with database.url and kafka.brokers, false with neither. INVALID_ARGUMENT that names the
// missing one, or what cannot be given together.
absl::StatusOr<bool> IsDistributed(const config::Config& config);

// kafka.properties as name and value: "name=value" separated by ";", or one a line with "#"
// comments. INVALID_ARGUMENT names the part that is none.
absl::StatusOr<std::map<std::string, std::string>> ParseProperties(const std::string& text);

// Thread-safe. Outlives what it gave out.
class Platform {
 public:
  virtual ~Platform() = default;

  // True: there may be more replicas of a service, and shards are leased.
  virtual bool distributed() const = 0;
  // The database of a service, ready for ServiceCore::Make; on a data folder it is migrated before.
  // Errors are final here, and "not yet" in the distributed form: its server may not be up, or not
  // migrated.
  virtual absl::StatusOr<std::unique_ptr<db::Database>> OpenDatabase(const ServiceSpec& spec) = 0;
  // A connection beside it, for what must not wait for the writer. Distributed only.
  virtual absl::StatusOr<std::unique_ptr<db::Database>> OpenAside(const ServiceSpec& spec) = 0;
  virtual bus::Bus& bus() = 0;
  // OK, or why nothing can be stored or published just now.
  virtual absl::Status Health() = 0;
  // OK, or which shard waits for a producer that cannot be read.
  virtual absl::Status ProducersHealth() = 0;
  // What the metrics are to know.
  virtual void Measure(Metrics& metrics) = 0;
};

// Locks data.dir until destroyed. FAILED_PRECONDITION names who holds it.
absl::StatusOr<std::unique_ptr<Platform>> MakeEmbeddedPlatform(const std::string& program,
                                                               const config::Config& config);
// Nothing needs to be up. INVALID_ARGUMENT names the key that is wrong. `journals` and `clock`
// outlive the result.
absl::StatusOr<std::unique_ptr<Platform>> MakeDistributedPlatform(const std::string& program,
                                                                  const config::Config& config,
                                                                  bus::JournalSource& journals,
                                                                  Clock& clock);

// The database of a service by configuration, as `migrate` needs it: not migrated, nothing checked.
// Only one process may have the data folder: see db::DataFolder.
absl::StatusOr<std::unique_ptr<db::Database>> OpenPostgresOf(const std::string& service,
                                                             const std::string& program,
                                                             const config::Config& config,
                                                             int readers, Clock& clock);

}  // namespace watchbell::runtime
