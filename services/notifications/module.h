// Wiring of the notifications service: everything a process needs to know of it.
#pragma once

#include "common/runtime/module.h"

namespace watchbell::notifications {

runtime::ModuleDefinition Module();

}  // namespace watchbell::notifications
