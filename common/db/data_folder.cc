#include "common/db/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock/clock.h"

namespace watchbell::db {
namespace {

// What the lock file says of its holder; "" if it says nothing (yet).
std::string ReadHolder(int fd) {
  std::string text(512, '\0');
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return std::string(absl::StripSuffix(text, "\n"));
}

// The lock is the flock; the text only tells people whose it is.
void WriteHolder(int fd, const std::string& program) {
  const std::string since =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", SystemClock().Now(), absl::UTCTimeZone());
  const std::string text =
      absl::StrCat("process ", getpid(), " (", program, ") since ", since, "\n");
  if (ftruncate(fd, 0) == 0) {
    [[maybe_unused]] const ssize_t written = pwrite(fd, text.data(), text.size(), 0);
  }
}

}  // namespace

absl::StatusOr<DataFolder> DataFolder::Lock(const std::string& path, const std::string& program) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("the data folder ", path, " cannot be made: ", error.message()));
  }
  const std::string file = path + "/LOCK";
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return absl::UnavailableError(
        absl::StrCat("the data folder ", path, " cannot be used: ", file, ": ", strerror(errno)));
  }
  DataFolder folder(path, fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return absl::UnavailableError(
          absl::StrCat("the data folder ", path, " cannot be locked: ", strerror(errno)));
    }
    const std::string holder = ReadHolder(fd);
    return absl::FailedPreconditionError(absl::StrCat("the data folder ", path, " is in use by ",
                                                      holder.empty() ? "another process" : holder));
  }
  WriteHolder(fd, program);
  return folder;
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

DataFolder& DataFolder::operator=(DataFolder&& other) noexcept {
  // The old lock goes with `other`.
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

absl::Status DataFolder::StillThere() const {
  struct stat held {};
  struct stat named {};
  if (fstat(fd_, &held) == 0 && stat((path_ + "/LOCK").c_str(), &named) == 0 &&
      held.st_dev == named.st_dev && held.st_ino == named.st_ino) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the data folder ", path_, " was removed or replaced: what is stored now is lost"));
}

DataFolder::~DataFolder() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace watchbell::db
