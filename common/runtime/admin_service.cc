#include "common/runtime/admin_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

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
constexpr int kListLimit = 1000;

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

class DeadLetterDesk {
 public:
  DeadLetterDesk(std::vector<ServiceCore*> cores, Clock& clock)
      : cores_(std::move(cores)), clock_(clock) {}

  absl::StatusOr<admin::v1::ListDeadLettersResponse> List(
      const rpc::CallContext& call, const admin::v1::ListDeadLettersRequest& request) const {
    std::vector<DeadLetter> found;
    if (!request.service().empty()) RETURN_IF_ERROR(Find(request.service()).status());
    for (ServiceCore* core : cores_) {
      if (!request.service().empty() && core->name() != request.service()) continue;
      ASSIGN_OR_RETURN(
          std::vector<DeadLetter> letters,
          engine::ListDeadLetters(core->database(), call.identity.tenant, request.all()));
      std::move(letters.begin(), letters.end(), std::back_inserter(found));
    }
    std::stable_sort(found.begin(), found.end(), [](const DeadLetter& a, const DeadLetter& b) {
      return FromProto(a.first_seen_at()) < FromProto(b.first_seen_at());
    });
    if (found.size() > kListLimit) found.resize(kListLimit);
    admin::v1::ListDeadLettersResponse response;
    for (DeadLetter& letter : found) *response.add_dead_letters() = std::move(letter);
    return response;
  }

  absl::StatusOr<DeadLetter> Release(const rpc::CallContext& call, const std::string& service,
                                     const std::string& id, bool skip) const {
    ASSIGN_OR_RETURN(ServiceCore* const core, Find(service));
    ASSIGN_OR_RETURN(
        const std::unique_ptr<DeadLetter> stored,
        ReadEntity<DeadLetter>(core->database(), engine::DeadLetterClass().cls, "", id));
    if (stored == nullptr || !MaySee(call, *stored)) {
      return NotFound(absl::StrCat("dead letter ", id, " of ", service));
    }
    auto promise = std::make_shared<Promise>();
    RETURN_IF_ERROR(core->engine().ReleaseDeadLetter(
        id, skip,
        [promise](absl::StatusOr<engine::Reply> reply) { promise->Set(std::move(reply)); }));
    ASSIGN_OR_RETURN(const engine::Reply reply, promise->Wait(clock_, call.deadline));
    DeadLetter letter;
    if (!letter.ParseFromString(reply.bytes)) {
      return absl::InternalError("the engine's answer is no dead letter");
    }
    return letter;
  }

 private:
  absl::StatusOr<ServiceCore*> Find(const std::string& service) const {
    const auto core = std::find_if(cores_.begin(), cores_.end(),
                                   [&](ServiceCore* c) { return c->name() == service; });
    if (core == cores_.end())
      return NotFound(absl::StrCat("service ", service, " in this process"));
    return *core;
  }

  const std::vector<ServiceCore*> cores_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<rpc::Service> MakeAdminService(std::vector<ServiceCore*> cores, Clock& clock) {
  auto desk = std::make_shared<DeadLetterDesk>(std::move(cores), clock);
  auto service = std::make_unique<rpc::Service>("watchbell.admin.v1.AdminService");
  service->Query<admin::v1::ListDeadLettersRequest, admin::v1::ListDeadLettersResponse>(
      "ListDeadLetters",
      [desk](const auto& call, const auto& request) { return desk->List(call, request); }, kRole);
  // Queries, though they change something: they wait for the engine, which the executor's threads
  // may.
  service->Query<admin::v1::RetryDeadLetterRequest, DeadLetter>(
      "RetryDeadLetter",
      [desk](const auto& call, const auto& request) {
        return desk->Release(call, request.service(), request.dead_letter_id(), false);
      },
      kRole);
  service->Query<admin::v1::SkipDeadLetterRequest, DeadLetter>(
      "SkipDeadLetter",
      [desk](const auto& call, const auto& request) {
        return desk->Release(call, request.service(), request.dead_letter_id(), true);
      },
      kRole);
  return service;
}

}  // namespace watchbell::runtime
