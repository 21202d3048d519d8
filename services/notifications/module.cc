#include "services/notifications/module.h"

#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "services/notifications/delivery_sender.h"
#include "services/notifications/notifications_rpc.h"
#include "services/notifications/recovery.h"
#include "services/notifications/spec.h"

namespace watchbell::notifications {
namespace {

absl::StatusOr<std::unique_ptr<engine::EffectRunner>> Effects(
    const config::Config& config, Clock& clock, std::function<absl::Status(engine::Input)> submit) {
  ASSIGN_OR_RETURN(const SenderOptions options, ReadSenderOptions(config));
  return std::unique_ptr<engine::EffectRunner>(
      std::make_unique<DeliverySender>(options, clock, submit));
}

}  // namespace

runtime::ModuleDefinition Module() {
  runtime::ModuleDefinition module;
  module.name = "notifications";
  module.keys = SenderKeys();
  module.spec = [](const config::Config&) { return Spec(); };
  module.services = MakeServices;
  module.effects = Effects;
  module.recover = RecoverInFlight;
  return module;
}

}  // namespace watchbell::notifications
