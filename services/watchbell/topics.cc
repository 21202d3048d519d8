#include <algorithm>
#include <iostream>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/bus/kafka/topics_admin.h"
#include "common/config/address.h"
#include "common/runtime/platform.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/watchbell/command.h"

namespace watchbell::cli {
namespace {

constexpr int kDefaultReplication = 3;

// Which service reads what, as the services themselves say. Topics nobody reads are listed, too.
std::map<std::string, std::vector<std::string>> ReadersOfTopics(const config::Config& server) {
  std::map<std::string, std::vector<std::string>> readers;
  for (const auto& [service, topics] : TheInstallation().topics) {
    for (const std::string& topic : topics) readers[topic];
  }
  readers[events::kRawAlertsTopic];
  for (const runtime::ModuleDefinition& module : AllModules()) {
    const runtime::ServiceSpec spec = module.spec(server);
    for (const std::string& topic : spec.consumes) readers[topic].push_back(spec.name);
    for (const std::string& topic : spec.raw_topics) readers[topic].push_back(spec.name);
  }
  return readers;
}

absl::StatusOr<bus::KafkaOptions> KafkaOf(const config::Config& config) {
  bus::KafkaOptions kafka;
  kafka.brokers = config.Get("kafka.brokers");
  RETURN_IF_ERROR(config::CheckAddresses("kafka.brokers", kafka.brokers));
  kafka.topic_prefix = config.Get("kafka.topic_prefix");
  ASSIGN_OR_RETURN(kafka.properties, runtime::ParseProperties(config.Get("kafka.properties")));
  return kafka;
}

// True if nothing differs.
absl::StatusOr<bool> CheckAndCreate(const config::Config& config, int replication, bool create) {
  ASSIGN_OR_RETURN(const bus::KafkaOptions kafka, KafkaOf(config));
  bus::TopicDefaults defaults;
  defaults.replication = replication;
  defaults.min_insync_replicas = std::min(defaults.min_insync_replicas, replication);
  ASSIGN_OR_RETURN(const config::Config server, AsServer(config, {}));
  const std::vector<bus::TopicSpec> specs = bus::TopicSpecs(ReadersOfTopics(server), defaults);
  if (create) {
    ASSIGN_OR_RETURN(const std::vector<std::string> made, bus::CreateMissing(kafka, specs));
    for (const std::string& topic : made) {
      std::cout << "made " << kafka.topic_prefix << topic << "\n";
    }
  }
  ASSIGN_OR_RETURN(const bus::TopicReport report, bus::CheckTopics(kafka, specs));
  for (const std::string& topic : report.missing) {
    std::cout << kafka.topic_prefix << topic << " is missing\n";
  }
  for (const std::string& difference : report.differences) std::cout << difference << "\n";
  const bool good = report.missing.empty() && report.differences.empty();
  if (good) std::cout << "All " << specs.size() << " topics are as they should be.\n";
  return good;
}

}  // namespace

std::vector<config::Key> TopicsKeys() {
  std::vector<config::Key> keys;
  for (config::Key& key : runtime::PlatformKeys()) {
    if (key.name.rfind("kafka.", 0) == 0) keys.push_back(std::move(key));
  }
  keys.push_back({"kafka.replication", absl::StrCat(kDefaultReplication),
                  "replication factor; 1 for a single broker"});
  keys.push_back({"create", "false", "make those that are missing; others are never changed"});
  return keys;
}

int Topics(const Arguments& arguments) {
  const absl::StatusOr<config::Config> options = LoadOptions(TopicsKeys(), arguments);
  if (!options.ok()) return Misused(options.status());
  if (!options->rest().empty()) return WrongUse("topics", "there is nothing to say but flags");
  if (options->Get("kafka.brokers").empty())
    return WrongUse("topics", "--kafka-brokers is missing");
  const absl::StatusOr<int> replication = options->GetInt("kafka.replication");
  if (!replication.ok()) return Misused(replication.status());
  if (*replication < 1) return WrongUse("topics", "--kafka-replication must be 1 or more");
  const absl::StatusOr<bool> good =
      CheckAndCreate(*options, *replication, options->Get("create") == "true");
  if (absl::IsInvalidArgument(good.status())) return Misused(good.status());
  if (!good.ok()) return Fail(good.status(), false);
  return *good ? 0 : 1;
}

}  // namespace watchbell::cli
