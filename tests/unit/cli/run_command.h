// Runs a command as main() would, and keeps what it printed.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "services/watchbell/command.h"

namespace watchbell::cli {

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

inline Outcome RunCommand(const Arguments& arguments) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.status = cli::Run(arguments);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace watchbell::cli
