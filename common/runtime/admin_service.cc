#include "common/runtime/admin_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/mutex.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/engine/dead_letters.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::runtime {
namespace {

using admin::v1::DeadLetter;

constexpr char kRole[] = "operator";
constexpr char kService[] = "watchbell.admin.v1.AdminService/";
constexpr int kListLimit = 1000;
constexpr absl::Duration kPeerTimeout = absl::Seconds(5);

// An answer that another thread gives.
class Promise {
 public:
  void Set(absl::StatusOr<engine::Reply> reply) {
    MutexLock lock(mu_);
    reply_ = std::move(reply);
    set_.NotifyAll();
  }
  absl::StatusOr<engine::Reply> Wait(Clock& clock, absl::Time deadline) {
    MutexLock lock(mu_);
    while (!reply_.has_value() && clock.Now() < deadline) clock.WaitUntil(mu_, set_, deadline);
    if (reply_.has_value()) return *reply_;
    return WithReason(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                      "the dead letter is still being released: list it to see what became of it");
  }

 private:
  Mutex mu_;
  CondVar set_;
  std::optional<absl::StatusOr<engine::Reply>> reply_ ABSL_GUARDED_BY(mu_);
};

bool MaySee(const rpc::CallContext& call, const DeadLetter& letter) {
  return letter.tenant().empty() || letter.tenant() == call.identity.tenant;
}

// Answers of several peers, asked at once.
template <typename Response>
class Gathering {
 public:
  // One call more. `client` is used before this returns only.
  void Ask(const std::shared_ptr<Gathering>& self, const std::string& peer, rpc::Client& client,
           const std::string& method, const google::protobuf::Message& request,
           const rpc::CallOptions& options) {
    {
      MutexLock lock(mu_);
      ++missing_;
    }
    auto response = std::make_shared<Response>();
    client.CallAsync(absl::StrCat(kService, method), request, response.get(), options,
                     [self, peer, response](absl::Status status) {
                       self->Answered(peer, std::move(*response), std::move(status));
                     });
  }
  // All answers, or the first error. Every call has a timeout.
  absl::StatusOr<std::vector<Response>> Wait() {
    MutexLock lock(mu_);
    while (missing_ > 0) answered_.Wait(mu_);
    RETURN_IF_ERROR(status_);
    return std::move(responses_);
  }

 private:
  void Answered(const std::string& peer, Response response, absl::Status status) {
    if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
      status = Unavailable("PEER_UNAVAILABLE",
                           absl::StrCat("the service ", peer, " does not answer just now"),
                           absl::Seconds(1));
    }
    MutexLock lock(mu_);
    status_.Update(status);
    responses_.push_back(std::move(response));
    --missing_;
    answered_.NotifyAll();
  }

  Mutex mu_;
  CondVar answered_;
  int missing_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  std::vector<Response> responses_ ABSL_GUARDED_BY(mu_);
};

class DeadLetterDesk {
 public:
  DeadLetterDesk(std::vector<ServiceCore*> cores, Clock& clock, const Peers& peers)
      : cores_(std::move(cores)), clock_(clock), peers_(peers) {}

  absl::StatusOr<admin::v1::ListDeadLettersResponse> List(
      const rpc::CallContext& call, const admin::v1::ListDeadLettersRequest& request) const {
    const std::string& service = request.service();
    auto others = std::make_shared<Gathering<admin::v1::ListDeadLettersResponse>>();
    if (service.empty() || Local(service) == nullptr) {
      for (const std::string& peer : PeersFor(call, service)) {
        others->Ask(others, peer, *peers_.Find(peer), "ListDeadLetters", request, AsCaller(call));
      }
    }
    std::vector<DeadLetter> found;
    for (ServiceCore* core : cores_) {
      if (!service.empty() && core->name() != service) continue;
      ASSIGN_OR_RETURN(
          std::vector<DeadLetter> letters,
          engine::ListDeadLetters(core->database(), call.identity.tenant, request.all()));
      std::move(letters.begin(), letters.end(), std::back_inserter(found));
    }
    if (!service.empty() && Local(service) == nullptr && PeersFor(call, service).empty()) {
      return Unknown(service);
    }
    ASSIGN_OR_RETURN(auto answers, others->Wait());
    for (admin::v1::ListDeadLettersResponse& answer : answers) {
      for (DeadLetter& letter : *answer.mutable_dead_letters()) found.push_back(std::move(letter));
    }
    std::stable_sort(found.begin(), found.end(), [](const DeadLetter& a, const DeadLetter& b) {
      return FromProto(a.first_seen_at()) < FromProto(b.first_seen_at());
    });
    if (found.size() > kListLimit) found.resize(kListLimit);
    admin::v1::ListDeadLettersResponse response;
    for (DeadLetter& letter : found) *response.add_dead_letters() = std::move(letter);
    return response;
  }

  template <typename Request>
  absl::StatusOr<DeadLetter> Release(const rpc::CallContext& call, const Request& request,
                                     const std::string& method, bool skip) const {
    ServiceCore* const core = Local(request.service());
    if (core != nullptr) return ReleaseHere(call, *core, request.dead_letter_id(), skip);
    auto others = std::make_shared<Gathering<DeadLetter>>();
    for (const std::string& peer : PeersFor(call, request.service())) {
      others->Ask(others, peer, *peers_.Find(peer), method, request, AsCaller(call));
    }
    ASSIGN_OR_RETURN(std::vector<DeadLetter> answers, others->Wait());
    if (answers.empty()) return Unknown(request.service());
    return std::move(answers.front());
  }

 private:
  absl::StatusOr<DeadLetter> ReleaseHere(const rpc::CallContext& call, ServiceCore& core,
                                         const std::string& id, bool skip) const {
    ASSIGN_OR_RETURN(
        const std::unique_ptr<DeadLetter> stored,
        ReadEntity<DeadLetter>(core.database(), engine::DeadLetterClass().cls, "", id));
    if (stored == nullptr || !MaySee(call, *stored)) {
      return NotFound(absl::StrCat("dead letter ", id, " of ", core.name()));
    }
    auto promise = std::make_shared<Promise>();
    RETURN_IF_ERROR(core.engine().ReleaseDeadLetter(
        id, skip,
        [promise](absl::StatusOr<engine::Reply> reply) { promise->Set(std::move(reply)); }));
    ASSIGN_OR_RETURN(const engine::Reply reply, promise->Wait(clock_, call.deadline));
    DeadLetter letter;
    if (!letter.ParseFromString(reply.bytes)) {
      return absl::InternalError("the engine's answer is no dead letter");
    }
    return letter;
  }

  static absl::Status Unknown(const std::string& service) {
    return NotFound(absl::StrCat("service ", service, " in this process"));
  }

  ServiceCore* Local(const std::string& service) const {
    const auto core = std::find_if(cores_.begin(), cores_.end(),
                                   [&](ServiceCore* c) { return c->name() == service; });
    return core == cores_.end() ? nullptr : *core;
  }

  // The processes to ask: of one service, or of all that are not here.
  std::vector<std::string> PeersFor(const rpc::CallContext& call,
                                    const std::string& service) const {
    std::vector<std::string> names;
    if (call.metadata.count(rpc::kForwardedHeader) > 0) return names;
    for (const std::string& name : peers_.names()) {
      if (Local(name) == nullptr && (service.empty() || service == name)) names.push_back(name);
    }
    return names;
  }

  rpc::CallOptions AsCaller(const rpc::CallContext& call) const {
    rpc::CallOptions options;
    options.timeout = std::min(call.deadline - clock_.Now(), kPeerTimeout);
    for (const auto& [name, value] : call.metadata) {
      if (absl::StartsWith(name, "x-watchbell-") || name == "authorization") {
        options.metadata[name] = value;
      }
    }
    options.metadata["traceparent"] = call.traceparent;
    options.metadata.insert_or_assign(rpc::kForwardedHeader, std::string("1"));
    return options;
  }

  const std::vector<ServiceCore*> cores_;
  Clock& clock_;
  const Peers& peers_;
};

}  // namespace

std::unique_ptr<rpc::Service> MakeAdminService(std::vector<ServiceCore*> cores, Clock& clock,
                                               const Peers& peers) {
  auto desk = std::make_shared<DeadLetterDesk>(std::move(cores), clock, peers);
  auto service = std::make_unique<rpc::Service>("watchbell.admin.v1.AdminService");
  service->Query<admin::v1::ListDeadLettersRequest, admin::v1::ListDeadLettersResponse>(
      "ListDeadLetters",
      [desk](const auto& call, const auto& request) { return desk->List(call, request); }, kRole);
  // Queries, though they change something: they wait for the engine, which the executor's threads
  // may.
  service->Query<admin::v1::RetryDeadLetterRequest, DeadLetter>(
      "RetryDeadLetter",
      [desk](const auto& call, const auto& request) {
        return desk->Release(call, request, "RetryDeadLetter", false);
      },
      kRole);
  service->Query<admin::v1::SkipDeadLetterRequest, DeadLetter>(
      "SkipDeadLetter",
      [desk](const auto& call, const auto& request) {
        return desk->Release(call, request, "SkipDeadLetter", true);
      },
      kRole);
  return service;
}

}  // namespace watchbell::runtime
