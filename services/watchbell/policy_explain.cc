#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "services/sla/policies/policy_words.h"
#include "services/watchbell/clock_text.h"
#include "services/watchbell/policy_command.h"

namespace watchbell::cli {
namespace {

int ExplainFile(const config::Config& options, const std::string& path) {
  int status = 0;
  const std::optional<SoundFile> sound = ReadSoundFile(options, path, &status);
  if (!sound) return status;
  SystemClock clock;
  std::cout << sla::PolicyFileInWords(sound->file, clock.Now());
  if (!sound->stored.empty()) {
    std::cout << "\nCalendars stored at " << options.Get("target") << "\n";
  }
  for (const sla::v1::Calendar& calendar : sound->stored) {
    std::cout << "  " << calendar.calendar_id() << ": newest version " << calendar.version()
              << "\n";
  }
  return 0;
}

int ExplainClock(const config::Config& options) {
  sla::v1::ExplainClockRequest request;
  request.set_clock_id(options.Get("clock"));
  sla::v1::ClockExplanation explanation;
  const absl::Status called = CallSlaAt(options)("ExplainClock", request, &explanation);
  if (!called.ok()) return Fail(called, false);
  std::cout << ExplanationText(explanation);
  return 0;
}

}  // namespace

int PolicyExplain(const Arguments& arguments) {
  std::vector<config::Key> keys = StoredKeys();
  keys.push_back({"clock", "", "<ticket id>/<clock>/<cycle>"});
  const absl::StatusOr<config::Config> options = LoadOptions(keys, arguments);
  if (!options.ok()) return Misused(options.status());
  const bool clock = !options->Get("clock").empty();
  const bool stored = options->Get("stored") == "true";
  if (clock != options->rest().empty() || options->rest().size() > 1) {
    return WrongUse("policy explain", "give one file to explain, or --clock");
  }
  if (clock && stored) return WrongUse("policy explain", "--stored is of a file, not of --clock");
  if (!clock && !stored && IsTargetGiven(arguments)) {
    return WrongUse("policy explain", "--target goes with --stored or --clock");
  }
  return clock ? ExplainClock(*options) : ExplainFile(*options, options->rest()[0]);
}

}  // namespace watchbell::cli
