// Wiring of the sla service: everything a process needs to know of it.
#pragma once

#include "common/runtime/module.h"

namespace watchbell::sla {

runtime::ModuleDefinition Module();

}  // namespace watchbell::sla
