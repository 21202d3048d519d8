// The demo's live scene: an alert storm becomes one ticket, its response clock warns and breaches,
// step one is paged, step two is paged, somebody acknowledges, the clear resolves it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "services/watchbell/demo_view.h"

namespace watchbell::cli {

class DemoScene {
 public:
  // `mail_domain` and `hook_url` ("http://127.0.0.1:1234") make everybody's addresses.
  DemoScene(rpc::Client& client, Clock& clock, DemoView& view, std::string hook_url);

  // Calendar, policies, rota, escalation policy, contacts.
  absl::Status Prepare();
  // Plays it; an error says in words which event did not come, CANCELLED if interrupted.
  absl::Status Play();

  const std::string& ticket() const { return ticket_; }

 private:
  absl::Status PutContact(const std::string& person);
  absl::Status SendStorm(absl::Time since);
  absl::Status Acknowledge(const std::string& person);
  // Looks until `come`; an error that names `what` if it does not come in time.
  absl::Status Await(const std::string& what, const std::function<bool()>& come);
  absl::Status Call(const std::string& method, const google::protobuf::Message& request,
                    google::protobuf::Message* response, const rpc::CallOptions& options = {});

  rpc::Client& client_;
  Clock& clock_;
  DemoView& view_;
  const std::string hook_url_;
  std::string ticket_;
};

}  // namespace watchbell::cli
