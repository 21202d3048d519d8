#include "services/watchbell/csv_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace watchbell::cli {
namespace {

constexpr size_t kBlock = 64 << 10;
constexpr int kEnd = -1;

// Bytes of a file, unzipped if need be.
class ByteSource {
 public:
  static absl::StatusOr<ByteSource> Open(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
      close(fd);
      return absl::InvalidArgumentError(absl::StrCat(path, " is a folder, not a file"));
    }
    gzFile file = gzdopen(fd, "rb");
    if (file == nullptr) {
      close(fd);
      return absl::ResourceExhaustedError(absl::StrCat("no memory to read ", path));
    }
    gzbuffer(file, kBlock);
    return ByteSource(file);
  }
  ByteSource(ByteSource&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  ByteSource& operator=(ByteSource&&) = delete;
  ~ByteSource() {
    if (file_ != nullptr) gzclose(file_);
  }

  // Appends up to a block; false at the end. The text of an error is zlib's or the kernel's.
  absl::StatusOr<bool> Append(std::string* out) {
    const size_t before = out->size();
    out->resize(before + kBlock);
    const int got = gzread(file_, out->data() + before, kBlock);
    out->resize(before + static_cast<size_t>(got > 0 ? got : 0));
    if (got > 0) return true;
    int code = Z_OK;
    const char* text = gzerror(file_, &code);
    // A stream cut off in the middle reads to its end and only then says so.
    if (code == Z_BUF_ERROR) return absl::DataLossError("the gzip stream is cut off");
    if (code == Z_ERRNO) return absl::DataLossError(std::strerror(errno));
    if (got < 0 || code != Z_OK)
      return absl::DataLossError(absl::StrCat("broken gzip stream: ", text));
    return false;
  }

 private:
  explicit ByteSource(gzFile file) : file_(file) {}
  gzFile file_;
};

class CsvReaderImpl : public CsvReader {
 public:
  CsvReaderImpl(std::string path, ByteSource source, CsvLimits limits)
      : path_(std::move(path)), source_(std::move(source)), limits_(limits) {}

  absl::StatusOr<bool> Next(CsvRecord* record) override {
    if (begin_ >= kBlock) {
      buffer_.erase(0, begin_);
      begin_ = 0;
    }
    RETURN_IF_ERROR(SkipEmptyLines());
    if (At(begin_) == kEnd) {
      RETURN_IF_ERROR(failure_);
      return false;
    }
    record->line = line_;
    record->problem.clear();
    count_ = 0;
    at_ = begin_;
    at_line_ = line_;
    line_begin_ = at_;
    while (ParseField(record)) {
    }
    RETURN_IF_ERROR(failure_);
    record->fields.resize(count_);
    if (record->problem.empty()) {
      begin_ = at_;
      line_ = at_line_;
    } else {
      RETURN_IF_ERROR(SkipLine());
    }
    return true;
  }

 private:
  // The byte at a place in the buffer, reading on if need be; kEnd past the end or after a failure.
  int At(size_t place) {
    while (place >= buffer_.size()) {
      if (ended_) return kEnd;
      absl::StatusOr<bool> more = source_.Append(&buffer_);
      if (!more.ok()) {
        failure_ = absl::DataLossError(
            absl::StrCat(path_, ", after line ", line_, ": ", more.status().message()));
      }
      ended_ = !more.ok() || !*more;
    }
    return static_cast<unsigned char>(buffer_[place]);
  }

  absl::Status SkipEmptyLines() {
    if (first_ && At(0) == 0xEF && At(1) == 0xBB && At(2) == 0xBF) begin_ = 3;
    first_ = false;
    while (true) {
      const int c = At(begin_);
      if (c == '\n') {
        begin_ += 1;
      } else if (c == '\r' && At(begin_ + 1) == '\n') {
        begin_ += 2;
      } else {
        return failure_;
      }
      ++line_;
    }
  }

  // Goes to the line after the one the record began on.
  absl::Status SkipLine() {
    int c = At(begin_);
    while (c != kEnd && c != '\n') {
      c = At(++begin_);
      if (begin_ > kBlock) {
        buffer_.erase(0, begin_);
        begin_ = 0;
      }
    }
    if (c == '\n') ++begin_;
    ++line_;
    return failure_;
  }

  bool Problem(CsvRecord* record, std::string what) {
    record->problem = std::move(what);
    record->problem_line = at_line_;
    record->problem_column = static_cast<int>(at_ - line_begin_) + 1;
    return false;
  }

  // What is wrong with a field as a whole is reported where it begins.
  bool Problem(CsvRecord* record, const CsvField& field, std::string what) {
    record->problem = std::move(what);
    record->problem_line = field.line;
    record->problem_column = field.column;
    return false;
  }

  // True if another field follows in the record.
  bool ParseField(CsvRecord* record) {
    if (record->fields.size() <= count_) record->fields.emplace_back();
    CsvField& field = record->fields[count_];
    field.text.clear();
    field.line = at_line_;
    field.column = static_cast<int>(at_ - line_begin_) + 1;
    if (At(at_) == '"') {
      if (!ParseQuoted(record, &field)) return false;
    } else if (!ParsePlain(record, &field)) {
      return false;
    }
    ++count_;
    switch (At(at_)) {
      case ',':
        ++at_;
        return true;
      case '\n':
        at_ += 1;
        ++at_line_;
        return false;
      case '\r':
        if (At(at_ + 1) != '\n') return Problem(record, "a carriage return without a line feed");
        at_ += 2;
        ++at_line_;
        return false;
      case kEnd:
        return false;
      default:
        return Problem(record, "text after the closing quote");
    }
  }

  // Appends one byte to a field within the limits.
  bool Take(CsvRecord* record, CsvField* field, int c) {
    if (field->text.size() >= limits_.field_bytes) {
      return Problem(record, *field,
                     absl::StrCat("a field longer than ", limits_.field_bytes, " bytes"));
    }
    if (at_ - begin_ >= limits_.record_bytes) {
      return Problem(record, *field,
                     absl::StrCat("a record longer than ", limits_.record_bytes, " bytes"));
    }
    field->text.push_back(static_cast<char>(c));
    return true;
  }

  bool ParsePlain(CsvRecord* record, CsvField* field) {
    for (int c = At(at_); c != kEnd && c != ',' && c != '\n' && c != '\r'; c = At(++at_)) {
      if (c == '"') return Problem(record, "a quote inside an unquoted field");
      if (!Take(record, field, c)) return false;
    }
    return true;
  }

  bool ParseQuoted(CsvRecord* record, CsvField* field) {
    while (true) {
      const int c = At(++at_);
      if (c == kEnd) return Problem(record, *field, "a quote that is never closed");
      if (c == '"') {
        if (At(at_ + 1) != '"') break;
        ++at_;
      }
      if (!Take(record, field, c)) return false;
      if (c == '\n') {
        ++at_line_;
        line_begin_ = at_ + 1;
      }
    }
    ++at_;
    return true;
  }

  const std::string path_;
  ByteSource source_;
  const CsvLimits limits_;
  std::string buffer_;
  size_t begin_ = 0;  // of the next record, in buffer_
  int64_t line_ = 1;  // of the next record
  bool first_ = true;
  bool ended_ = false;
  absl::Status failure_;
  // Inside the record that is being read.
  size_t at_ = 0;
  size_t line_begin_ = 0;
  int64_t at_line_ = 1;
  size_t count_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CsvReader>> CsvReader::Open(const std::string& path,
                                                           CsvLimits limits) {
  ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
  return std::make_unique<CsvReaderImpl>(path, std::move(source), limits);
}

}  // namespace watchbell::cli
