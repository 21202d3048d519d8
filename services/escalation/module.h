// Wiring of the escalation service: everything a process needs to know of it.
#pragma once

#include "common/runtime/module.h"

namespace watchbell::escalation {

runtime::ModuleDefinition Module();

}  // namespace watchbell::escalation
