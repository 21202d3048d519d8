// The sla service's own schema changes, compiled in from the scripts in this folder.
#pragma once

#include <vector>

#include "common/db/migrations.h"

namespace watchbell::sla {

// Numbered from 2: number 1 is the engine's.
std::vector<db::Migration> Schema();

}  // namespace watchbell::sla
