// Who calls. One interface; the development provider believes the caller, a JWT provider will not.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/engine/input.h"
#include "common/rpc/service.h"

namespace watchbell::rpc {

// Thread-safe.
class IdentityProvider {
 public:
  virtual ~IdentityProvider() = default;
  // UNAUTHENTICATED if the caller cannot be told.
  virtual absl::StatusOr<engine::Identity> Identify(const Metadata& metadata) const = 0;
};

// Metadata by which one service of an installation presents itself to another: subject its name,
// role "service".
std::map<std::string, std::string> ServiceIdentity(const std::string& service);

// For development: x-watchbell-tenant (default "default"), x-watchbell-subject (default
// "developer"), x-watchbell-roles (comma-separated; default: agent, manager, integration,
// operator). Malformed values are UNAUTHENTICATED.
std::unique_ptr<IdentityProvider> MakeDevelopmentIdentity();

}  // namespace watchbell::rpc
