// The outside world of stories and simulation: takes deliveries, keeps them in order, and answers
// as it is told.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/engine/decider.h"
#include "watchbell/notifications/state/v1/state.pb.h"
#include "watchbell/notifications/v1/notifications.pb.h"

namespace watchbell::test {

// Thread-safe. It may outlive the engines it serves, as the world does: Connect it anew after each
// restart.
class FakeSender : public engine::EffectRunner {
 public:
  using Submit = std::function<absl::Status(engine::Input)>;
  enum class Answer { kTaken, kTryAgain, kRefused, kNone };

  // One attempt that reached the outside world.
  struct Attempt {
    engine::EntityKey ticket;
    notifications::v1::Delivery delivery;  // as it was claimed
    Answer answer;
  };

  // Where outcomes go. Null: they are lost, as those of a process that dies.
  void Connect(Submit submit) {
    MutexLock lock(mu_);
    submit_ = std::move(submit);
  }

  // Decides each attempt; default: every one is taken.
  void Decide(std::function<Answer(const notifications::v1::Delivery&)> decide) {
    MutexLock lock(mu_);
    decide_ = std::move(decide);
  }

  void Run(std::vector<engine::Effect> effects) override {
    for (engine::Effect& effect : effects) {
      Attempt attempt{std::move(effect.entity),
                      static_cast<const notifications::v1::Delivery&>(*effect.payload),
                      Answer::kTaken};
      Submit submit;
      {
        MutexLock lock(mu_);
        if (decide_ != nullptr) attempt.answer = decide_(attempt.delivery);
        attempts_.push_back(attempt);
        submit = submit_;
      }
      Feed(attempt, submit);
    }
  }

  // Everything that came, in order.
  std::vector<Attempt> attempts() const {
    MutexLock lock(mu_);
    return attempts_;
  }

 private:
  static void Feed(const Attempt& attempt, const Submit& submit) {
    if (submit == nullptr || attempt.answer == Answer::kNone) return;
    auto outcome = std::make_shared<notifications::state::v1::DeliveryOutcome>();
    outcome->set_delivery_id(attempt.delivery.delivery_id());
    outcome->set_tenant(attempt.ticket.tenant);
    outcome->set_ticket_id(attempt.ticket.id);
    outcome->set_attempt(attempt.delivery.attempts());
    outcome->set_ok(attempt.answer == Answer::kTaken);
    outcome->set_permanent(attempt.answer == Answer::kRefused);
    const bool mail = attempt.delivery.medium() == notifications::v1::MEDIUM_EMAIL;
    switch (attempt.answer) {
      case Answer::kTaken:
        outcome->set_result(mail ? "250 2.0.0 queued" : "HTTP 200");
        break;
      case Answer::kRefused:
        outcome->set_result(mail ? "550 5.1.1 no such user" : "HTTP 404");
        break;
      default:
        outcome->set_result(mail ? "451 4.3.0 try later" : "HTTP 503");
    }
    engine::Input input;
    input.kind = engine::Input::Kind::kOutcome;
    input.identity = {attempt.ticket.tenant, "notifications", {}};
    input.message = std::move(outcome);
    // An engine that stops refuses it: the outcome is lost then, as it would be in a process that
    // dies.
    (void)submit(std::move(input));
  }

  mutable Mutex mu_;
  Submit submit_ ABSL_GUARDED_BY(mu_);
  std::function<Answer(const notifications::v1::Delivery&)> decide_ ABSL_GUARDED_BY(mu_);
  std::vector<Attempt> attempts_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::test
