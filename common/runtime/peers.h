// The services of an installation, as rpc clients of each other.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/config/config.h"
#include "common/rpc/client.h"

namespace watchbell::runtime {

// What there is, by service. Told by services/, for common/ knows none of them.
struct Installation {
  std::map<std::string, std::vector<std::string>> topics;  // lifecycle topics each service fills
  std::map<std::string, std::vector<std::string>> rpcs;    // full names of its proto services
};

// peers.<service>, one for each: gRPC targets.
std::vector<config::Key> PeerKeys(const Installation& installation);
// Targets of the services that are not `hosted` here. INVALID_ARGUMENT that names every missing
// key.
absl::StatusOr<std::map<std::string, std::string>> PeerTargets(
    const Installation& installation, const std::vector<std::string>& hosted,
    const config::Config& config);

// INVALID_ARGUMENT that names the first one that is given and is no target.
absl::Status CheckPeers(const Installation& installation, const config::Config& config);

// Clients by service; connections are made when first used. Thread-safe.
class Peers {
 public:
  // `target`: where the client leads, for what is said of it.
  void Add(const std::string& service, std::shared_ptr<rpc::Client> client,
           const std::string& target = "");
  // Null if there is none (yet).
  std::shared_ptr<rpc::Client> Find(const std::string& service) const;
  // The setting and its value: "peers.SERVICE (10.0.0.7:7700)".
  std::string Describe(const std::string& service) const;
  std::vector<std::string> names() const;
  // Forgets all clients: those of this very process must not outlive its server.
  void Clear();

 private:
  mutable Mutex mu_;
  std::map<std::string, std::shared_ptr<rpc::Client>> clients_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::string> targets_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::runtime
