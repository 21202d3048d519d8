#include "common/runtime/poker.h"

#include <map>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/client.h"
#include "common/rpc/identity.h"
#include "watchbell/journal/v1/journal_service.pb.h"

namespace watchbell::runtime {
namespace {

// More replicas than this at one time, or so many addresses within a lifetime, begin anew.
constexpr size_t kMostLines = 64;
constexpr absl::Duration kTimeout = absl::Seconds(1);
constexpr char kMethod[] = "watchbell.journal.v1.JournalService/Poke";

// The way to one replica.
struct Line {
  std::shared_ptr<rpc::Client> client;
  bool busy = false;
  std::set<int> gathered;
};

}  // namespace

struct Poker::State : std::enable_shared_from_this<Poker::State> {
  State(std::string the_service, std::function<std::string(int)> the_holder)
      : service(std::move(the_service)), holder(std::move(the_holder)) {}

  // Begins a poke with what was gathered, unless one is under way.
  void Send(const std::string& address) {
    journal::v1::PokeRequest request;
    std::shared_ptr<rpc::Client> client;
    {
      MutexLock lock(mu);
      const auto found = lines.find(address);
      if (closed || found == lines.end() || found->second.busy || found->second.gathered.empty()) {
        return;
      }
      Line& line = found->second;
      for (const int shard : line.gathered) request.add_shards(shard);
      line.gathered.clear();
      line.busy = true;
      client = line.client;
    }
    request.set_service(service);
    rpc::CallOptions options;
    options.timeout = kTimeout;
    options.metadata = rpc::ServiceIdentity(service);
    auto response = std::make_shared<journal::v1::PokeResponse>();
    client->CallAsync(kMethod, request, response.get(), options,
                      [self = shared_from_this(), address, response](const absl::Status&) {
                        self->Answered(address);
                      });
  }

  void Answered(const std::string& address) {
    {
      MutexLock lock(mu);
      const auto found = lines.find(address);
      if (found == lines.end()) return;
      found->second.busy = false;
    }
    Send(address);
  }

  const std::string service;
  const std::function<std::string(int)> holder;
  Mutex mu;
  bool closed ABSL_GUARDED_BY(mu) = false;
  std::map<std::string, Line> lines ABSL_GUARDED_BY(mu);
};

Poker::Poker(std::string service, std::function<std::string(int shard)> holder)
    : state_(std::make_shared<State>(std::move(service), std::move(holder))) {}

Poker::~Poker() {
  std::map<std::string, Line> gone;  // destroyed without the lock
  MutexLock lock(state_->mu);
  state_->closed = true;
  gone.swap(state_->lines);
}

void Poker::Poke(const std::set<int>& shards) {
  std::map<std::string, std::set<int>> by_holder;
  for (const int shard : shards) {
    const std::string address = state_->holder(shard);
    if (!address.empty()) by_holder[address].insert(shard);
  }
  for (const auto& [address, its_shards] : by_holder) {
    {
      MutexLock lock(state_->mu);
      if (state_->lines.size() >= kMostLines && state_->lines.count(address) == 0) {
        state_->lines.clear();
      }
      Line& line = state_->lines[address];
      if (line.client == nullptr) line.client = rpc::Connect(address);
      line.gathered.insert(its_shards.begin(), its_shards.end());
    }
    state_->Send(address);
  }
}

}  // namespace watchbell::runtime
