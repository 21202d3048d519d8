// Reads CSV as RFC 4180 says, record by record, from a plain or gzip file.
//
// Quoted fields may hold commas, doubled quotes and line breaks; records end in LF or CRLF; empty
// lines between records are skipped; a UTF-8 byte order mark at the start is too. A record that
// breaks the rules is returned with `problem` set and reading goes on at the line after the one it
// began on, so a lost quote costs one line and not the rest of the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace watchbell::cli {

struct CsvField {
  std::string text;
  int64_t line = 0;  // where it begins, from 1
  int column = 0;    // byte of the line, from 1
};

struct CsvRecord {
  int64_t line = 0;              // where it begins, from 1
  std::vector<CsvField> fields;  // those before the problem, if there is one
  std::string problem;           // empty = a good record
  int64_t problem_line = 0;
  int problem_column = 0;
};

struct CsvLimits {
  size_t field_bytes = 64 << 10;
  size_t record_bytes = 1 << 20;
};

// Not thread-safe. Memory: one record and one block, whatever the size of the file.
class CsvReader {
 public:
  // NOT_FOUND or PERMISSION_DENIED with the path if it cannot be opened. Gzip is recognised by its
  // content.
  static absl::StatusOr<std::unique_ptr<CsvReader>> Open(const std::string& path,
                                                         CsvLimits limits = {});
  virtual ~CsvReader() = default;

  // False at the end of the file. DATA_LOSS with path and line if the file cannot be read further:
  // a broken or cut-off gzip stream, a failing disk.
  virtual absl::StatusOr<bool> Next(CsvRecord* record) = 0;
};

}  // namespace watchbell::cli
