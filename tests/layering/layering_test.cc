// The rules of the house that a compiler does not check: who may include whom, what words and
// constructs may stand where, and that every element of the API is commented.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

namespace fs = std::filesystem;

struct SourceFile {
  std::string path;  // from the root of the project
  std::vector<std::string> lines;
};

std::vector<SourceFile> Sources(const std::vector<std::string>& folders) {
  std::vector<SourceFile> sources;
  const fs::path root = WATCHBELL_SOURCE_DIR;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (!entry.is_regular_file() || (extension != ".h" && extension != ".cc")) continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      sources.push_back(
          {fs::relative(entry.path(), root).string(), absl::StrSplit(text.str(), '\n')});
    }
  }
  EXPECT_GT(sources.size(), 10u) << "nothing was found below " << root;
  return sources;
}

// What a line includes; "" if nothing. Quoted and bracketed alike.
std::string IncludeOf(const std::string& line) {
  static const std::regex* const include = new std::regex("^\\s*#include\\s+[\"<]([^\">]+)[\">]");
  std::smatch match;
  return std::regex_search(line, match, *include) ? match[1].str() : "";
}

std::string ServiceOf(const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  return parts.size() > 2 && parts[0] == "services" ? parts[1] : "";
}

TEST(Layering, AServiceIncludesOnlyItselfCommonAndProtos) {
  for (const SourceFile& file : Sources({"services"})) {
    const std::string service = ServiceOf(file.path);
    for (const std::string& line : file.lines) {
      const std::string included = IncludeOf(line);
      if (!absl::StartsWith(included, "services/")) continue;
      const bool own = ServiceOf(included) == service;
      // The all-in-one program knows the other services by their modules only.
      const bool module = service == "watchbell" && absl::EndsWith(included, "/module.h");
      // It checks and explains policy files where no server is, in the server's words.
      const bool policies =
          service == "watchbell" && (included == "services/sla/policies/policy_file.h" ||
                                     included == "services/sla/policies/policy_lint.h" ||
                                     included == "services/sla/policies/policy_words.h");
      EXPECT_TRUE(own || module || policies) << file.path << " includes " << included;
    }
  }
}

// Folders within a service compute and store nothing; each knows itself and those before it here.
TEST(Layering, TheFoldersOfSlaArePureAndOneWay) {
  const std::vector<std::string> folders = {"calendars", "policies", "clocks", "explain"};
  // The place of a path's folder; -1 of one that lies in none.
  const auto place_of = [&](const std::string& path) {
    const std::vector<std::string> parts = absl::StrSplit(path, '/');
    const auto folder = std::find(folders.begin(), folders.end(), parts[2]);
    return parts.size() == 4 && folder != folders.end() ? folder - folders.begin() : -1;
  };
  for (const SourceFile& file : Sources({"services/sla"})) {
    const auto place = place_of(file.path);
    if (place < 0) continue;
    for (const std::string& line : file.lines) {
      const std::string included = IncludeOf(line);
      bool allowed = !absl::StartsWith(included, "common/db/");
      if (ServiceOf(included) == "sla") {
        const auto other = place_of(included);
        allowed = other >= 0 && other <= place;
      }
      EXPECT_TRUE(allowed) << file.path << " includes " << included;
    }
  }
}

TEST(Layering, CommonIncludesNoServiceAndNoServicesProtos) {
  const std::vector<std::string> allowed = {
      "watchbell/api/", "watchbell/admin/", "watchbell/journal/",
      "watchbell/events/v1/options.pb.h", "watchbell/events/v1/dead_letters.pb.h"};
  for (const SourceFile& file : Sources({"common"})) {
    for (const std::string& line : file.lines) {
      const std::string included = IncludeOf(line);
      EXPECT_FALSE(absl::StartsWith(included, "services/"))
          << file.path << " includes " << included;
      if (!absl::StartsWith(included, "watchbell/")) continue;
      EXPECT_TRUE(std::any_of(
          allowed.begin(), allowed.end(),
          [&](const std::string& prefix) { return absl::StartsWith(included, prefix); }))
          << file.path << " includes " << included;
    }
  }
}

TEST(Layering, CommonHoldsNoDomainWord) {
  const std::regex words(
      "(ticket|\\bsla\\b|escalation|breach|incident|\\brota\\b|on-call|pager|service.desk)",
      std::regex::icase);
  for (const SourceFile& file : Sources({"common"})) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_FALSE(std::regex_search(file.lines[i], words))
          << file.path << ":" << i + 1 << ": " << file.lines[i];
    }
  }
}

TEST(Layering, EachClientLibraryHasOneFolder) {
  const std::map<std::string, std::string> folder_of = {
      {"grpc", "common/rpc/"},
      {"librdkafka/", "common/bus/kafka/"},
      {"libpq-fe.h", "common/db/postgres/"},
      {"sqlite3.h", "common/db/sqlite/"},
  };
  for (const SourceFile& file : Sources({"common", "services"})) {
    // One exception: the versions shown by `version` and /version.
    if (file.path == "common/runtime/version.cc") continue;
    for (const std::string& line : file.lines) {
      const std::string included = IncludeOf(line);
      for (const auto& [library, folder] : folder_of) {
        if (absl::StartsWith(file.path, folder)) continue;
        EXPECT_FALSE(absl::StartsWith(included, library)) << file.path << " includes " << included;
      }
    }
  }
}

TEST(Layering, BannedConstructsStayOut) {
  struct Ban {
    std::regex pattern;
    std::string why;
  };
  const std::vector<Ban> bans = {
      {std::regex("std::string_view"), "absl::string_view: they are unrelated types here"},
      {std::regex("std::views|std::ranges::views"), "clang 14 rejects libstdc++ 12's views"},
      {std::regex("absl::Mutex"), "common/base/mutex.h: false races under ThreadSanitizer"},
      {std::regex("set_buffer_hint"), "hangs callback streams in gRPC 1.51"},
      {std::regex("CURRENT_TIMESTAMP|\\bnow\\(\\)\\s*[,)]"), "no time in SQL"},
      {std::regex("\\bTODO\\b|\\bFIXME\\b"), "finish it or say so in the note"},
  };
  for (const SourceFile& file : Sources({"common", "services"})) {
    if (file.path == "common/base/mutex.h") continue;  // says what it replaces
    for (size_t i = 0; i < file.lines.size(); ++i) {
      for (const Ban& ban : bans) {
        EXPECT_FALSE(std::regex_search(file.lines[i], ban.pattern))
            << file.path << ":" << i + 1 << ": " << file.lines[i] << "\n  " << ban.why;
      }
    }
  }
}

TEST(Layering, TestsNeverSleep) {
  const std::regex sleeping("sleep_for|sleep_until|SleepFor|usleep|[^a-z_]sleep\\(");
  for (const SourceFile& file : Sources({"tests"})) {
    if (file.path == "tests/layering/layering_test.cc") continue;
    if (absl::StartsWith(file.path, "tests/perf/")) continue;  // a load is paced
    for (size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_FALSE(std::regex_search(file.lines[i], sleeping))
          << file.path << ":" << i + 1 << ": " << file.lines[i];
    }
  }
}

TEST(Layering, OnlyClocksReadTheTime) {
  const std::regex now("absl::Now\\(|system_clock::now|[^a-z_]time\\(nullptr\\)|gettimeofday");
  for (const SourceFile& file : Sources({"common", "services"})) {
    if (file.path == "common/clock/clock.cc") continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_FALSE(std::regex_search(file.lines[i], now))
          << file.path << ":" << i + 1 << ": " << file.lines[i];
    }
  }
}

TEST(Layering, FilesKeepTheirSize) {
  for (const SourceFile& file : Sources({"common", "services"})) {
    const size_t limit = absl::EndsWith(file.path, ".h") ? 200 : 500;
    EXPECT_LE(file.lines.size(), limit) << file.path << " has outgrown one purpose";
  }
}

TEST(Layering, EveryHeaderBeginsByItsContract) {
  for (const SourceFile& file : Sources({"common", "services"})) {
    if (!absl::EndsWith(file.path, ".h")) continue;
    EXPECT_TRUE(absl::StartsWith(file.lines[0], "// ")) << file.path;
    EXPECT_NE(std::find(file.lines.begin(), file.lines.end(), "#pragma once"), file.lines.end())
        << file.path;
  }
}

// --- the API ---

class Comments : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream in(absl::StrCat(WATCHBELL_BINARY_DIR, "/protos/descriptors.binpb"),
                     std::ios::binary);
    ASSERT_TRUE(set_.ParseFromIstream(&in)) << "the build leaves descriptors.binpb";
    for (const auto& file : set_.file()) {
      ASSERT_NE(pool_.BuildFile(file), nullptr) << file.name();
    }
  }
  template <typename Descriptor>
  void Check(const Descriptor* descriptor) {
    google::protobuf::SourceLocation location;
    const bool commented =
        descriptor->GetSourceLocation(&location) &&
        !absl::StripAsciiWhitespace(location.leading_comments + location.trailing_comments).empty();
    EXPECT_TRUE(commented) << descriptor->full_name() << " has no comment";
    ++checked_;
  }
  void CheckMessage(const google::protobuf::Descriptor* message) {
    if (message->options().map_entry()) return;
    Check(message);
    for (int i = 0; i < message->field_count(); ++i) Check(message->field(i));
    for (int i = 0; i < message->nested_type_count(); ++i) CheckMessage(message->nested_type(i));
    for (int i = 0; i < message->enum_type_count(); ++i) CheckEnum(message->enum_type(i));
  }
  void CheckEnum(const google::protobuf::EnumDescriptor* type) {
    Check(type);
    for (int i = 0; i < type->value_count(); ++i) Check(type->value(i));
    EXPECT_TRUE(absl::EndsWith(type->value(0)->name(), "_UNSPECIFIED")) << type->full_name();
  }

  google::protobuf::FileDescriptorSet set_;
  google::protobuf::DescriptorPool pool_;
  int checked_ = 0;
};

TEST_F(Comments, EveryElementOfTheApiIsCommented) {
  for (const auto& proto : set_.file()) {
    if (!absl::StartsWith(proto.name(), "watchbell/")) continue;
    const google::protobuf::FileDescriptor* file = pool_.FindFileByName(proto.name());
    for (int i = 0; i < file->message_type_count(); ++i) CheckMessage(file->message_type(i));
    for (int i = 0; i < file->enum_type_count(); ++i) CheckEnum(file->enum_type(i));
    for (int i = 0; i < file->service_count(); ++i) {
      Check(file->service(i));
      for (int m = 0; m < file->service(i)->method_count(); ++m) Check(file->service(i)->method(m));
    }
  }
  EXPECT_GT(checked_, 500);
}

TEST_F(Comments, EventTypesAreWellFormedAndUnique) {
  const std::regex form("io\\.watchbell\\.[a-z_]+\\.[a-z_]+\\.v[0-9]+");
  std::vector<std::string> types;
  for (const auto& proto : set_.file()) {
    if (!absl::StartsWith(proto.name(), "watchbell/events/")) continue;
    const google::protobuf::FileDescriptor* file = pool_.FindFileByName(proto.name());
    for (int i = 0; i < file->message_type_count(); ++i) {
      const std::string options = file->message_type(i)->options().ShortDebugString();
      std::smatch match;
      ASSERT_TRUE(std::regex_search(options, match, form))
          << file->message_type(i)->full_name() << ": " << options;
      types.push_back(match.str());
    }
  }
  std::sort(types.begin(), types.end());
  EXPECT_EQ(std::adjacent_find(types.begin(), types.end()), types.end());
  EXPECT_GT(types.size(), 30u);
}

}  // namespace
}  // namespace watchbell
