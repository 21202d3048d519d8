// What the simulated desk promises: a clock of every metric, and of every way a target has to go.
#pragma once

#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::test {

// Monday to Friday, 08:00 to 18:00.
sla::v1::Calendar OfficeHours();

// Judged by "office"; the set is "sim".
sla::v1::PolicySet Promises();

}  // namespace watchbell::test
