// The tables "| rule | test |" of the services' READMEs name tests that exist.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// What stands in backticks.
std::vector<std::string> Quoted(const std::string& text) {
  std::vector<std::string> quoted;
  static const std::regex* const ticks = new std::regex("`([^`]+)`");
  for (std::sregex_iterator it(text.begin(), text.end(), *ticks), end; it != end; ++it) {
    quoted.push_back((*it)[1].str());
  }
  return quoted;
}

// Every test of this project, by suite, and the names of its files.
struct Tests {
  Tests() {
    static const std::regex* const macro =
        new std::regex("\\bTEST(?:_F|_P)?\\(\\s*(\\w+),\\s*(\\w+)\\s*\\)");
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(WATCHBELL_SOURCE_DIR) / "tests")) {
      if (!entry.is_regular_file()) continue;
      files.insert(entry.path().filename().string());
      const std::string extension = entry.path().extension().string();
      if (extension != ".cc" && extension != ".h") continue;
      const std::string text = ReadFile(entry.path());
      for (std::sregex_iterator it(text.begin(), text.end(), *macro), end; it != end; ++it) {
        suites[(*it)[1]].insert((*it)[2]);
      }
    }
  }

  // As a table names it; a bare name is of one of the suites that the text before the table names,
  // of any if it names none; a beginning dot stands for the suite named before.
  bool Has(const std::string& name, const std::set<std::string>& before) const {
    if (absl::StrContains(name, '/')) return fs::exists(fs::path(WATCHBELL_SOURCE_DIR) / name);
    if (absl::EndsWith(name, ".py") || absl::EndsWith(name, ".cc")) return files.count(name) > 0;
    const std::vector<std::string> parts = absl::StrSplit(name, absl::MaxSplits('.', 1));
    if (parts.size() == 2 && !parts[0].empty()) {
      const auto suite = suites.find(parts[0]);
      return suite != suites.end() && (parts[1] == "*" || suite->second.count(parts[1]) > 0);
    }
    for (const auto& [suite, names] : suites) {
      if ((before.empty() || before.count(suite) > 0) && names.count(parts.back()) > 0) return true;
    }
    return false;
  }

  std::map<std::string, std::set<std::string>> suites;
  std::set<std::string> files;
};

const Tests& AllTests() {
  static const Tests* const tests = new Tests();
  return *tests;
}

// What of a README's tables is no test; `named` counts what is looked at.
std::vector<std::string> Missing(const Tests& tests, const std::string& readme, int* named) {
  std::vector<std::string> missing;
  std::set<std::string> suites;  // of the paragraph before
  bool in_table = false;         // of tests
  bool in_paragraph = false;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(readme, '\n'))) {
    if (!absl::StartsWith(line, "|")) {
      in_table = false;
      if (!line.empty() && !in_paragraph) suites.clear();
      in_paragraph = !line.empty();
      for (const std::string& name : Quoted(line)) {
        if (absl::EndsWith(name, ".*")) suites.insert(name.substr(0, name.size() - 2));
      }
      continue;
    }
    in_paragraph = false;
    const std::vector<std::string> cells = absl::StrSplit(absl::StripSuffix(line, "|"), " | ");
    if (absl::StartsWith(cells.back(), "test")) {
      in_table = true;
      continue;
    }
    if (!in_table) continue;
    for (const std::string& name : Quoted(cells.back())) {
      ++*named;
      if (!tests.Has(name, suites)) missing.push_back(name);
    }
  }
  return missing;
}

TEST(Readmes, NameTestsThatExist) {
  const Tests& tests = AllTests();
  int named = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(WATCHBELL_SOURCE_DIR) / "services")) {
    const fs::path readme = entry.path() / "README.md";
    if (!fs::exists(readme)) continue;
    for (const std::string& name : Missing(tests, ReadFile(readme), &named)) {
      ADD_FAILURE() << readme << " names " << name << ", which is no test";
    }
  }
  EXPECT_GT(named, 200);
}

TEST(Readmes, WhatDoesNotExistIsNoticed) {
  const Tests& tests = AllTests();
  int named = 0;
  const auto missing = [&](const std::string& cell) {
    return Missing(tests,
                   absl::StrCat("These (`Readmes.*`):\n\n| rule | test |\n|---|---|\n| a `b` | ",
                                cell, " |\n"),
                   &named);
  };
  EXPECT_TRUE(missing("`NameTestsThatExist`, `Readmes.*`, `Readmes.NameTestsThatExist`, "
                      "`readme_tests_test.cc`")
                  .empty());
  EXPECT_EQ(missing("`Readmes.NameNothing`"), std::vector<std::string>{"Readmes.NameNothing"});
  EXPECT_EQ(missing("`NameNothing`"), std::vector<std::string>{"NameNothing"});
  EXPECT_EQ(missing("`Nobody.*`"), std::vector<std::string>{"Nobody.*"});
  EXPECT_EQ(missing("`nobody_test.py`"), std::vector<std::string>{"nobody_test.py"});
}

// The fine print: each point has its row, and each row its tests.
TEST(Readmes, EveryPointOfTheFinePrintNamesItsTests) {
  const std::string readme = ReadFile(fs::path(WATCHBELL_SOURCE_DIR) / "services/sla/README.md");
  int next = 1;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(readme, '\n'))) {
    if (!absl::StartsWith(line, absl::StrCat("| ", next, " | "))) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, " | ");
    EXPECT_FALSE(Quoted(cells.back()).empty()) << "point " << next;
    ++next;
  }
  EXPECT_EQ(next, 38) << "there are 37 points";
}

}  // namespace
}  // namespace watchbell
