// RETURN_IF_ERROR and ASSIGN_OR_RETURN in the shape later abseil releases ship; delete when
// Debian's abseil has them.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define WB_CONCAT_INNER(a, b) a##b
#define WB_CONCAT(a, b) WB_CONCAT_INNER(a, b)

// Returns from the calling function if `expr` (an absl::Status) is not OK.
#define RETURN_IF_ERROR(expr)                               \
  do {                                                      \
    if (absl::Status wb_status = (expr); !wb_status.ok()) { \
      return wb_status;                                     \
    }                                                       \
  } while (false)

#define WB_ASSIGN_OR_RETURN(tmp, lhs, expr) \
  auto tmp = (expr);                        \
  if (!tmp.ok()) return tmp.status();       \
  lhs = std::move(*tmp)

// Assigns the value of `expr` (an absl::StatusOr) to `lhs`, or returns its error.
#define ASSIGN_OR_RETURN(lhs, expr) \
  WB_ASSIGN_OR_RETURN(WB_CONCAT(wb_status_or_, __LINE__), lhs, expr)
