#include "common/db/data_folder.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_folder.h"

namespace watchbell::db {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// A second process that holds the folder until it is killed.
class Holder {
 public:
  explicit Holder(const std::string& path) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      const auto folder = DataFolder::Lock(path, "watchbell serve");
      const char answer = folder.ok() ? 'y' : 'n';
      if (write(ready[1], &answer, 1) != 1) _exit(1);
      while (true) pause();
    }
    char answer = '?';
    EXPECT_EQ(read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    close(ready[0]);
    close(ready[1]);
  }
  ~Holder() { Kill(); }
  void Kill() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

TEST(DataFolderTest, MakesTheFolder) {
  test::TempFolder temp;
  const std::string path = temp.File("a/b");
  const auto folder = DataFolder::Lock(path, "watchbell serve");
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(folder->path(), path);
  EXPECT_EQ(folder->FileOf("tickets"), path + "/tickets.db");
  struct stat info;
  EXPECT_EQ(stat(path.c_str(), &info), 0);
}

TEST(DataFolderTest, ARemovedOrReplacedFolderIsNoticed) {
  test::TempFolder temp;
  const std::string path = temp.File("data");
  const auto folder = DataFolder::Lock(path, "watchbell serve");
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_TRUE(folder->StillThere().ok());
  const std::string lock = path + "/LOCK";
  ASSERT_EQ(unlink(lock.c_str()), 0);
  EXPECT_THAT(std::string(folder->StillThere().message()), HasSubstr("removed"));
  const auto again = DataFolder::Lock(path, "watchbell serve");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(folder->StillThere().ok()) << "it is somebody else's now";
  EXPECT_TRUE(again->StillThere().ok());
}

TEST(DataFolderTest, ASecondProcessIsToldWhoTheFirstIs) {
  test::TempFolder temp;
  Holder holder(temp.path());
  const auto second = DataFolder::Lock(temp.path(), "watchbell migrate");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              MatchesRegex(absl::StrCat("the data folder ", temp.path(), " is in use by process ",
                                        holder.pid(),
                                        " \\(watchbell serve\\) since "
                                        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")));
}

TEST(DataFolderTest, IsFreeAfterAKill) {
  test::TempFolder temp;
  Holder holder(temp.path());
  EXPECT_FALSE(DataFolder::Lock(temp.path(), "second").ok());
  holder.Kill();
  const auto second = DataFolder::Lock(temp.path(), "second");
  EXPECT_TRUE(second.ok()) << second.status();
}

TEST(DataFolderTest, TheLockGoesWithTheObject) {
  test::TempFolder temp;
  auto first = DataFolder::Lock(temp.path(), "first");
  ASSERT_TRUE(first.ok());
  {
    const DataFolder moved = std::move(*first);
    const auto refused = DataFolder::Lock(temp.path(), "second");
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("(first)"));
  }
  EXPECT_TRUE(DataFolder::Lock(temp.path(), "second").ok());
}

TEST(DataFolderTest, APathThatIsAFileIsRefused) {
  test::TempFolder temp;
  ASSERT_TRUE(DataFolder::Lock(temp.path(), "first").ok());
  const auto refused = DataFolder::Lock(temp.File("LOCK"), "second");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(temp.File("LOCK")));
}

}  // namespace
}  // namespace watchbell::db
