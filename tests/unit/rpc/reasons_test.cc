// protos/README.md lists every reason the code uses, and none it does not; version.cc says what
// CMake says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "common/runtime/version.h"

namespace watchbell {
namespace {

using ::testing::IsEmpty;

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Sources() {
  std::string all;
  for (const char* folder : {"common", "services"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             std::filesystem::path(WATCHBELL_SOURCE_DIR) / folder)) {
      if (entry.path().extension() == ".cc" || entry.path().extension() == ".h") {
        all += ReadAll(entry.path());
      }
    }
  }
  return all;
}

std::set<std::string> Matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    found.insert((*it)[1].str());
  }
  return found;
}

std::set<std::string> Without(const std::set<std::string>& all,
                              const std::set<std::string>& known) {
  std::set<std::string> rest;
  for (const std::string& item : all) {
    if (known.count(item) == 0) rest.insert(item);
  }
  return rest;
}

TEST(ReasonsTest, ListIsCompleteAndCurrent) {
  const std::string readme = ReadAll(std::string(WATCHBELL_SOURCE_DIR) + "/protos/README.md");
  const std::string sources = Sources();
  // A row of the table begins with the reason.
  const auto listed = Matches(readme, R"(\n\| `([A-Z][A-Z0-9_]+)` \|)");
  // The first literal in capitals among the arguments; the arguments before it hold no literal.
  const auto used = Matches(
      sources,
      R"re((?:WithReason|ForbiddenMove|Unavailable|Bad)\s*\([^"();]*"([A-Z][A-Z0-9_]+)")re");
  EXPECT_GT(used.size(), 10u);
  EXPECT_THAT(Without(used, listed), IsEmpty()) << "used but not listed in protos/README.md";
  const auto literals = Matches(sources, R"re("([A-Z][A-Z0-9_]+)")re");
  EXPECT_THAT(Without(listed, literals), IsEmpty()) << "listed in protos/README.md but not used";
  for (const std::string& reason : listed) EXPECT_LE(reason.size(), 63u) << reason;
}

TEST(VersionTest, SameAsTheBuildFile) {
  const std::string cmake = ReadAll(std::string(WATCHBELL_SOURCE_DIR) + "/CMakeLists.txt");
  EXPECT_NE(cmake.find("project(watchbell VERSION " + runtime::Version() + " "), std::string::npos);
}

}  // namespace
}  // namespace watchbell
