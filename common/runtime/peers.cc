#include "common/runtime/peers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/config/address.h"

namespace watchbell::runtime {
namespace {

std::string KeyOf(const std::string& service) { return absl::StrCat("peers.", service); }

}  // namespace

std::vector<config::Key> PeerKeys(const Installation& installation) {
  std::vector<config::Key> keys;
  for (const auto& [service, topics] : installation.topics) {
    keys.push_back({KeyOf(service), "",
                    absl::StrCat("where the service ", service,
                                 " answers, if not here: HOST:PORT, dns:///NAME:PORT, "
                                 "ipv4:ADDRESS:PORT,ADDRESS:PORT")});
  }
  return keys;
}

absl::StatusOr<std::map<std::string, std::string>> PeerTargets(
    const Installation& installation, const std::vector<std::string>& hosted,
    const config::Config& config) {
  std::map<std::string, std::string> targets;
  std::vector<std::string> missing;
  for (const auto& [service, topics] : installation.topics) {
    if (std::find(hosted.begin(), hosted.end(), service) != hosted.end()) continue;
    targets[service] = config.Get(KeyOf(service));
    if (targets[service].empty()) missing.push_back(KeyOf(service));
  }
  if (missing.empty()) return targets;
  return absl::InvalidArgumentError(
      absl::StrCat(absl::StrJoin(missing, ", "), missing.size() == 1 ? " is" : " are",
                   " missing: with database.url every other service's address must be known"));
}

absl::Status CheckPeers(const Installation& installation, const config::Config& config) {
  for (const auto& [service, topics] : installation.topics) {
    const std::string& target = config.Get(KeyOf(service));
    if (!target.empty()) RETURN_IF_ERROR(config::CheckTarget(KeyOf(service), target));
  }
  return absl::OkStatus();
}

void Peers::Add(const std::string& service, std::shared_ptr<rpc::Client> client,
                const std::string& target) {
  MutexLock lock(mu_);
  clients_[service] = std::move(client);
  targets_[service] = target;
}

std::string Peers::Describe(const std::string& service) const {
  MutexLock lock(mu_);
  const auto target = targets_.find(service);
  const bool known = target != targets_.end() && !target->second.empty();
  return known ? absl::StrCat(KeyOf(service), " (", target->second, ")") : KeyOf(service);
}

std::shared_ptr<rpc::Client> Peers::Find(const std::string& service) const {
  MutexLock lock(mu_);
  const auto found = clients_.find(service);
  return found == clients_.end() ? nullptr : found->second;
}

std::vector<std::string> Peers::names() const {
  MutexLock lock(mu_);
  std::vector<std::string> names;
  for (const auto& [name, client] : clients_) names.push_back(name);
  return names;
}

void Peers::Clear() {
  std::map<std::string, std::shared_ptr<rpc::Client>> gone;  // destroyed without the lock
  MutexLock lock(mu_);
  gone.swap(clients_);
}

}  // namespace watchbell::runtime
