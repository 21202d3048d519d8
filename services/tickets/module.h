// Wiring of the tickets service: everything a process needs to know of it.
#pragma once

#include "common/runtime/module.h"

namespace watchbell::tickets {

runtime::ModuleDefinition Module();

}  // namespace watchbell::tickets
