// One statement that is put together, with its parameters.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/db/db.h"

namespace watchbell::db {

struct Statement {
  std::string sql;
  std::vector<Value> params;

  // Adds a parameter and answers its name.
  std::string Param(int64_t value) { return AddParam<int64_t>(value); }
  std::string Param(const std::string& value) { return AddParam<std::string>(value); }

  // Adds the condition that a column has one of these values; none if there are none of them.
  template <typename Values>
  void AndAnyOf(const char* column, const Values& values) {
    std::string list;
    for (const auto& value : values) {
      absl::StrAppend(&list, list.empty() ? "" : ", ", Param(value));
    }
    if (!list.empty()) absl::StrAppend(&sql, " AND ", column, " IN (", list, ")");
  }

 private:
  // In place: compilers see ghosts in a Value that is moved.
  template <typename T>
  std::string AddParam(T value) {
    params.emplace_back(std::move(value));
    return absl::StrCat("$", params.size());
  }
};

}  // namespace watchbell::db
