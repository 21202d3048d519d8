#include "common/runtime/rpc_journal_source.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/rpc/identity.h"
#include "common/runtime/journal_rows.h"
#include "watchbell/journal/v1/journal_service.pb.h"

namespace watchbell::runtime {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);

template <typename Response>
absl::StatusOr<bus::JournalSource::Chunk> TakeChunk(Response& response) {
  bus::JournalSource::Chunk chunk;
  chunk.producer = response.producer();
  chunk.end = response.end();
  chunk.rows.reserve(static_cast<size_t>(response.rows_size()));
  for (journal::v1::JournalRow& row : *response.mutable_rows()) {
    chunk.rows.push_back(FromMessage(std::move(row)));
  }
  return chunk;
}

// `peer`: the setting that leads to `service`, and where it leads.
absl::Status Unreadable(const absl::Status& status, const std::string& service,
                        const std::string& peer, const std::string& topic) {
  if (absl::IsNotFound(status)) {
    return absl::UnavailableError(absl::StrCat(peer, " is not the service ", service,
                                               ": it does not fill the topic ", topic));
  }
  if (absl::IsUnimplemented(status)) {
    return absl::UnavailableError(
        absl::StrCat(peer, " is not the service ", service, ": it has no journal to be read"));
  }
  const std::string why =
      absl::StrCat("the journal of ", service, " cannot be read: ", status.message());
  const std::string reason =
      absl::IsDeadlineExceeded(status) ? "DEADLINE_EXCEEDED" : ErrorReason(status);
  return reason.empty() ? absl::UnavailableError(why)
                        : WithReason(absl::StatusCode::kUnavailable, reason, why);
}

}  // namespace

RpcJournalSource::RpcJournalSource(std::string self, const Installation& installation,
                                   const Peers& peers)
    : self_(std::move(self)), peers_(peers) {
  for (const auto& [service, topics] : installation.topics) {
    for (const std::string& topic : topics) producers_[topic] = service;
  }
}

template <typename Response, typename Request, typename Take, typename Answer>
void RpcJournalSource::Ask(const std::string& method, const Request& request,
                           absl::Duration timeout, Take take, Answer done) {
  const auto producer = producers_.find(request.topic());
  if (producer == producers_.end()) {
    return done(absl::UnavailableError(
        absl::StrCat("no service is known to fill the topic ", request.topic())));
  }
  const std::shared_ptr<rpc::Client> client = peers_.Find(producer->second);
  if (client == nullptr) {
    return done(absl::UnavailableError(
        absl::StrCat("the address of the service ", producer->second, " is not known")));
  }
  rpc::CallOptions options;
  options.timeout = timeout;
  options.metadata = rpc::ServiceIdentity(self_);
  auto response = std::make_shared<Response>();
  client->CallAsync(absl::StrCat("watchbell.journal.v1.JournalService/", method), request,
                    response.get(), options,
                    [response, service = producer->second, peer = peers_.Describe(producer->second),
                     topic = request.topic(), take = std::move(take),
                     done = std::move(done)](const absl::Status& status) {
                      if (!status.ok()) return done(Unreadable(status, service, peer, topic));
                      done(take(*response));
                    });
}

void RpcJournalSource::ReadShard(const std::string& topic, int shard, int64_t after_sequence,
                                 int limit, Done done) {
  journal::v1::ReadShardRequest request;
  request.set_topic(topic);
  request.set_shard(shard);
  request.set_after_sequence(after_sequence);
  request.set_limit(limit);
  using Response = journal::v1::ReadShardResponse;
  Ask<Response>("ReadShard", request, kTimeout, &TakeChunk<Response>, std::move(done));
}

void RpcJournalSource::ReadStream(const std::string& topic, const std::string& tenant,
                                  const std::string& stream_id, int64_t after_version, int limit,
                                  Done done) {
  journal::v1::ReadStreamRequest request;
  request.set_topic(topic);
  request.set_tenant(tenant);
  request.set_stream_id(stream_id);
  request.set_after_version(after_version);
  request.set_limit(limit);
  using Response = journal::v1::ReadStreamResponse;
  Ask<Response>("ReadStream", request, kTimeout, &TakeChunk<Response>, std::move(done));
}

void RpcJournalSource::ReadHeads(const std::string& topic, const std::vector<int>& shards,
                                 HeadsDone done) {
  journal::v1::ReadHeadsRequest request;
  request.set_topic(topic);
  request.mutable_shards()->Add(shards.begin(), shards.end());
  using Response = journal::v1::ReadHeadsResponse;
  const auto take = [count = request.shards_size()](
                        const Response& response) -> absl::StatusOr<std::vector<int64_t>> {
    if (response.sequences_size() != count) {
      return absl::UnavailableError("a producer did not answer what it was asked");
    }
    return std::vector<int64_t>(response.sequences().begin(), response.sequences().end());
  };
  Ask<Response>("ReadHeads", request, kHeadsLimit, take, std::move(done));
}

}  // namespace watchbell::runtime
