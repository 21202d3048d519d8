// The folder of an embedded installation, held by one process at a time.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace watchbell::db {

// Holds the lock (flock on DIR/LOCK) until destroyed. Movable.
class DataFolder {
 public:
  // Makes the folder if need be. FAILED_PRECONDITION if another process holds it, with a sentence
  // that names it: "the data folder DIR is in use by process 123 (watchbell serve) since
  // 2026-01-02T03:04:05Z".
  static absl::StatusOr<DataFolder> Lock(const std::string& path, const std::string& program);

  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&& other) noexcept;
  ~DataFolder();

  // FAILED_PRECONDITION if the folder was removed or replaced: what is written now is lost with it.
  absl::Status StillThere() const;

  const std::string& path() const { return path_; }
  std::string FileOf(const std::string& service) const { return path_ + "/" + service + ".db"; }

 private:
  DataFolder(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
};

}  // namespace watchbell::db
