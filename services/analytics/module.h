// Wiring of the analytics service: everything a process needs to know of it.
#pragma once

#include "common/runtime/module.h"

namespace watchbell::analytics {

runtime::ModuleDefinition Module();

}  // namespace watchbell::analytics
