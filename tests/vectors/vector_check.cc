#include "tests/vectors/vector_check.h"

#include "absl/strings/str_cat.h"

namespace watchbell::vectors {
namespace {

struct Kind {
  const char* name;
  Runner run;
};

constexpr Kind kKinds[] = {
    {"business_time", RunBusinessTime},
};

constexpr int kSomeFailed = 1;
constexpr int kCannotRun = 2;

}  // namespace

void Tally::Add(absl::string_view id, absl::string_view failure) {
  if (failure.empty()) {
    ++passed_;
  } else {
    failures_.push_back(absl::StrCat(id, ": ", failure));
  }
}

int VectorCheck(absl::Span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  const Kind* kind = nullptr;
  std::string names;
  for (const Kind& known : kKinds) {
    absl::StrAppend(&names, " ", known.name);
    if (!arguments.empty() && arguments[0] == known.name) kind = &known;
  }
  if (arguments.size() != 2 || kind == nullptr) {
    err << "usage: vector_check KIND FILE_OR_FOLDER\nkinds:" << names << "\n";
    return kCannotRun;
  }
  Tally tally;
  absl::Status status = kind->run(arguments[1], tally);
  if (status.ok() && tally.passed() == 0 && tally.failures().empty()) {
    status = absl::NotFoundError(absl::StrCat("no cases in ", arguments[1]));
  }
  if (!status.ok()) {
    err << status.message() << "\n";
    return kCannotRun;
  }
  for (const std::string& failure : tally.failures()) out << "FAILED " << failure << "\n";
  out << tally.passed() << " passed, " << tally.failures().size() << " failed\n";
  return tally.failures().empty() ? 0 : kSomeFailed;
}

}  // namespace watchbell::vectors
