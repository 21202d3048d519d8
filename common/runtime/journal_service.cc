#include "common/runtime/journal_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/journal/topic_reader.h"
#include "common/runtime/journal_rows.h"
#include "watchbell/journal/v1/journal_service.pb.h"

namespace watchbell::runtime {
namespace {

constexpr char kRole[] = "service";
constexpr int kMostRows = 500;
constexpr size_t kMostBytes = 2 << 20;
// Rows read at once: with the largest of events still far from what a process can bear.
constexpr int kAtOnce = 64;

int LimitOf(int limit) { return limit <= 0 ? kMostRows : std::min(limit, kMostRows); }

class JournalDesk {
 public:
  explicit JournalDesk(std::vector<ServiceCore*> cores) : cores_(std::move(cores)) {
    for (ServiceCore* core : cores_) {
      for (const engine::EntityClass& cls : core->spec().decider->classes()) {
        if (!cls.topic.empty()) topics_[cls.topic].Add(core, cls.name);
      }
    }
  }

  absl::StatusOr<journal::v1::ReadShardResponse> ReadShard(
      const journal::v1::ReadShardRequest& request) const {
    ASSIGN_OR_RETURN(const Topic* const topic, Find(request.topic()));
    int64_t after = request.after_sequence();
    return Collect<journal::v1::ReadShardResponse>(
        *topic, request.limit(),
        [&](int limit) {
          return journal::ReadTopicShard(topic->core->journal(), topic->aggregates, request.shard(),
                                         after, limit);
        },
        [&](const journal::JournalRow& row) { after = row.sequence; });
  }

  absl::StatusOr<journal::v1::ReadStreamResponse> ReadStream(
      const journal::v1::ReadStreamRequest& request) const {
    ASSIGN_OR_RETURN(const Topic* const topic, Find(request.topic()));
    int64_t after = request.after_version();
    return Collect<journal::v1::ReadStreamResponse>(
        *topic, request.limit(),
        [&](int limit) {
          return journal::ReadTopicStream(topic->core->journal(), topic->aggregates,
                                          request.tenant(), request.stream_id(), after, limit);
        },
        [&](const journal::JournalRow& row) { after = row.version; });
  }

  absl::StatusOr<journal::v1::ReadHeadsResponse> ReadHeads(
      const journal::v1::ReadHeadsRequest& request) const {
    ASSIGN_OR_RETURN(const Topic* const topic, Find(request.topic()));
    const std::vector<int> shards(request.shards().begin(), request.shards().end());
    ASSIGN_OR_RETURN(const std::vector<int64_t> heads,
                     journal::ReadTopicHeads(topic->core->journal(), topic->aggregates, shards));
    journal::v1::ReadHeadsResponse response;
    response.set_producer(topic->core->name());
    response.mutable_sequences()->Add(heads.begin(), heads.end());
    return response;
  }

  absl::Status Poke(const std::string& service) const {
    for (ServiceCore* core : cores_) {
      if (core->name() != service) continue;
      core->engine().Look();
      return absl::OkStatus();
    }
    return NotFound(absl::StrCat("service ", service, " in this process"));
  }

 private:
  struct Topic {
    void Add(ServiceCore* of, const std::string& aggregate) {
      core = of;
      aggregates.push_back(aggregate);
    }
    ServiceCore* core = nullptr;
    std::vector<std::string> aggregates;
  };

  absl::StatusOr<const Topic*> Find(const std::string& name) const {
    const auto found = topics_.find(name);
    if (found == topics_.end()) {
      return NotFound(absl::StrCat("a service of this process that fills the topic ", name));
    }
    return &found->second;
  }

  // Reads piece by piece until there are enough rows or bytes. `passed` is told of each row taken.
  template <typename Response, typename Read, typename Passed>
  static absl::StatusOr<Response> Collect(const Topic& topic, int wanted, const Read& read,
                                          const Passed& passed) {
    Response response;
    response.set_producer(topic.core->name());
    size_t bytes = 0;
    const int limit = LimitOf(wanted);
    while (response.rows_size() < limit && !response.end()) {
      ASSIGN_OR_RETURN(journal::TopicRows found,
                       read(std::min(kAtOnce, limit - response.rows_size())));
      response.set_end(found.end);
      for (journal::JournalRow& row : found.rows) {
        passed(row);
        journal::v1::JournalRow message = ToMessage(std::move(row));
        bytes += message.ByteSizeLong();
        if (bytes > kMostBytes && response.rows_size() > 0) {
          response.set_end(false);
          return response;
        }
        *response.add_rows() = std::move(message);
      }
    }
    return response;
  }

  const std::vector<ServiceCore*> cores_;
  std::map<std::string, Topic> topics_;
};

}  // namespace

std::unique_ptr<rpc::Service> MakeJournalService(std::vector<ServiceCore*> cores) {
  auto desk = std::make_shared<JournalDesk>(std::move(cores));
  auto service = std::make_unique<rpc::Service>("watchbell.journal.v1.JournalService");
  service->Query<journal::v1::ReadShardRequest, journal::v1::ReadShardResponse>(
      "ReadShard",
      [desk](const rpc::CallContext&, const auto& request) { return desk->ReadShard(request); },
      kRole);
  service->Query<journal::v1::ReadStreamRequest, journal::v1::ReadStreamResponse>(
      "ReadStream",
      [desk](const rpc::CallContext&, const auto& request) { return desk->ReadStream(request); },
      kRole);
  service->Query<journal::v1::ReadHeadsRequest, journal::v1::ReadHeadsResponse>(
      "ReadHeads",
      [desk](const rpc::CallContext&, const auto& request) { return desk->ReadHeads(request); },
      kRole);
  service->Async(
      "Poke",
      [desk](const rpc::CallContext&, const rpc::MessagePtr& request,
             const rpc::Method::Done& done) {
        const absl::Status poked =
            desk->Poke(static_cast<const journal::v1::PokeRequest&>(*request).service());
        if (!poked.ok()) return done(poked);
        done(engine::Reply());
      },
      kRole);
  return service;
}

}  // namespace watchbell::runtime
