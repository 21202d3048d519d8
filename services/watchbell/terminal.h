// What the command line shows: colours where they are wanted, a progress bar on terminals, and
// Ctrl-C.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace watchbell::cli {

enum class Colour { kPlain, kBold, kDim, kRed, kGreen, kYellow, kBlue, kMagenta, kCyan };

// Writes lines to a stream; colours only if it is a terminal and NO_COLOR is unset or empty. Lines
// never mix.
class Screen {
 public:
  explicit Screen(int fd);
  bool terminal() const { return terminal_; }
  std::string Paint(Colour colour, absl::string_view text) const;
  void Line(absl::string_view text);
  // Without a line's end; for what is drawn over.
  void Raw(absl::string_view text);

 private:
  const int fd_;
  const bool terminal_;
  const bool coloured_;
};

// "how far": a bar with rate and time left on a terminal, otherwise a plain line every tenth. One
// thread.
class Progress {
 public:
  // `unit`: "commands".
  Progress(Screen& screen, Clock& clock, std::string label, std::string unit, int64_t total);
  void Update(int64_t done);
  // Leaves the last state standing.
  void Finish();

 private:
  void Draw(absl::Time now);

  Screen& screen_;
  Clock& clock_;
  const std::string label_;
  const std::string unit_;
  const int64_t total_;
  const absl::Time started_;
  absl::Time drawn_;
  int64_t done_ = 0;
  int64_t next_line_ = 0;
  int64_t drawn_done_ = -1;
};

// "1 h 02 min", "3 min 05 s", "7 s".
std::string HumanDuration(absl::Duration duration);

// From the first call on SIGINT and SIGTERM no longer end the process but are seen here; a second
// one ends it at once.
void CatchInterrupts();
bool Interrupted();

// Waits; CANCELLED as soon as interrupted.
absl::Status Pause(Clock& clock, absl::Duration duration);

}  // namespace watchbell::cli
