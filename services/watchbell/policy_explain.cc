#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "services/sla/policy_words.h"
#include "services/watchbell/clock_text.h"
#include "services/watchbell/policy_command.h"

namespace watchbell::cli {
namespace {

int ExplainFile(const std::string& path) {
  const absl::StatusOr<sla::v1::PolicyFile> file = ReadPolicyFile(path);
  if (!file.ok()) return Fail(file.status(), false);
  if (const absl::Status sound = CheckPolicyFile(*file); !sound.ok()) {
    return RefuseFile(path, sound);
  }
  SystemClock clock;
  std::cout << sla::PolicyFileInWords(*file, clock.Now());
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
  std::vector<config::Key> keys = ClientKeys();
  keys.push_back({"clock", "", "<ticket id>/<clock>/<cycle>"});
  const absl::StatusOr<config::Config> options = LoadOptions(keys, arguments);
  if (!options.ok()) return Misused(options.status());
  const bool clock = !options->Get("clock").empty();
  if (clock != options->rest().empty() || options->rest().size() > 1) {
    return WrongUse("policy explain", "give one file to explain, or --clock");
  }
  return clock ? ExplainClock(*options) : ExplainFile(options->rest()[0]);
}

}  // namespace watchbell::cli
