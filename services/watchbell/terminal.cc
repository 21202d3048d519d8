#include "services/watchbell/terminal.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/mutex.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

constexpr int kBarWidth = 24;
constexpr absl::Duration kRedraw = absl::Milliseconds(100);

std::atomic<int> g_signals{0};

void OnSignal(int signal_number) {
  if (g_signals.fetch_add(1) > 0) _exit(128 + signal_number);
}

bool WantsColour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         (term == nullptr || absl::string_view(term) != "dumb");
}

const char* Code(Colour colour) {
  switch (colour) {
    case Colour::kPlain:
      return "0";
    case Colour::kBold:
      return "1";
    case Colour::kDim:
      return "2";
    case Colour::kRed:
      return "31";
    case Colour::kGreen:
      return "32";
    case Colour::kYellow:
      return "33";
    case Colour::kBlue:
      return "34";
    case Colour::kMagenta:
      return "35";
    case Colour::kCyan:
      return "36";
  }
  return "0";
}

}  // namespace

Screen::Screen(int fd) : fd_(fd), terminal_(isatty(fd) == 1), coloured_(WantsColour(fd)) {}

std::string Screen::Paint(Colour colour, absl::string_view text) const {
  if (!coloured_ || colour == Colour::kPlain) return std::string(text);
  return absl::StrCat("\033[", Code(colour), "m", text, "\033[0m");
}

void Screen::Line(absl::string_view text) { Raw(absl::StrCat(text, "\n")); }

void Screen::Raw(absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads
    text.remove_prefix(static_cast<size_t>(written));
  }
}

Progress::Progress(Screen& screen, Clock& clock, std::string label, std::string unit, int64_t total)
    : screen_(screen),
      clock_(clock),
      label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      started_(clock.Now()),
      drawn_(absl::InfinitePast()) {}

void Progress::Update(int64_t done) {
  done_ = done;
  const absl::Time now = clock_.Now();
  if (screen_.terminal()) {
    if (now - drawn_ < kRedraw) return;
    drawn_ = now;
    Draw(now);
  } else if (done >= next_line_) {
    next_line_ = done + std::max<int64_t>(1, total_ / 10);
    Draw(now);
  }
}

void Progress::Finish() {
  if (screen_.terminal() || drawn_done_ != done_) Draw(clock_.Now());
  if (screen_.terminal()) screen_.Raw("\n");
}

void Progress::Draw(absl::Time now) {
  drawn_done_ = done_;
  const double seconds = absl::ToDoubleSeconds(now - started_);
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  std::string text = absl::StrCat(label_, " ");
  if (total_ > 0) {
    const double share = static_cast<double>(done_) / static_cast<double>(total_);
    if (screen_.terminal()) {
      const int filled = static_cast<int>(share * kBarWidth);
      absl::StrAppend(&text, "[", std::string(static_cast<size_t>(filled), '#'),
                      std::string(static_cast<size_t>(std::max(0, kBarWidth - filled)), '.'), "] ");
    }
    absl::StrAppendFormat(&text, "%3.0f %%  %s of %s %s", share * 100, WithThousands(done_),
                          WithThousands(total_), unit_);
  } else {
    absl::StrAppend(&text, WithThousands(done_), " ", unit_);
  }
  if (rate > 0) absl::StrAppend(&text, "  ", WithThousands(static_cast<int64_t>(rate)), "/s");
  if (rate > 0 && done_ < total_) {
    absl::StrAppend(&text, "  ",
                    HumanDuration(absl::Seconds(static_cast<double>(total_ - done_) / rate)),
                    " left");
  }
  if (screen_.terminal()) {
    screen_.Raw(absl::StrCat("\r\033[K", text));
  } else {
    screen_.Line(text);
  }
}

std::string HumanDuration(absl::Duration duration) {
  const int64_t seconds = absl::ToInt64Seconds(duration + absl::Milliseconds(500));
  if (seconds >= 3600) return absl::StrFormat("%d h %02d min", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 60) return absl::StrFormat("%d min %02d s", seconds / 60, seconds % 60);
  return absl::StrFormat("%d s", seconds);
}

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return g_signals.load() > 0; }

absl::Status Pause(Clock& clock, absl::Duration duration) {
  // Waits in slices: a signal handler cannot notify.
  const absl::Time until = clock.Now() + duration;
  Mutex mu;
  CondVar cv;
  MutexLock lock(mu);
  for (absl::Time now = clock.Now(); now < until; now = clock.Now()) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    clock.WaitUntil(mu, cv, std::min(until, now + absl::Milliseconds(50)));
  }
  return Interrupted() ? absl::CancelledError("interrupted") : absl::OkStatus();
}

}  // namespace watchbell::cli
