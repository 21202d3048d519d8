// What the engine tells a decider when it asks for index rows.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/common/engine_fixture.h"

namespace watchbell {
namespace {

using test::EngineTest;
using testing::ElementsAre;
using testing::IsEmpty;

// Notes the bumps of a thing before and after.
class IndexedToy : public test::ToyDecider {
 public:
  void Index(const engine::EntityKey& key, const google::protobuf::Message* before,
             const google::protobuf::Message& after, engine::IndexWriter&) const override {
    const auto bumps = [](const google::protobuf::Message& thing) {
      return static_cast<const test::Ticket&>(thing).reopen_count();
    };
    asked.push_back(absl::StrCat(key.id, " ", before == nullptr ? 0 : bumps(*before), " ",
                                 before == nullptr ? "new" : "known", " ", bumps(after)));
  }
  std::vector<std::string> Asked() const { return std::exchange(asked, {}); }

 private:
  mutable std::vector<std::string> asked;
};

class EngineIndexTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    Start();
  }
  // Anew over what is stored.
  void Start() {
    toy_.reset();
    follower_.reset();  // reads the bus that goes
    bus_ = std::make_unique<bus::EmbeddedBus>(kDefaultShards);
    toy_ = *runtime::ServiceCore::Make({"toy", {}, decider_, {}}, {*toy_db_, clock_, ids_, *bus_});
    ASSERT_TRUE(toy_->Open().ok());
  }
  void Bumps(const std::vector<std::string>& things) {
    for (const std::string& thing : things) ASSERT_TRUE(Submit(*toy_, Bump(thing)).ok());
    while (toy_->engine().RunOnce().more) {
    }
  }

  const std::shared_ptr<IndexedToy> decider_ = std::make_shared<IndexedToy>();
};

TEST_F(EngineIndexTest, BeforeIsTheStateThatTheBatchFound) {
  Bumps({"a"});
  EXPECT_THAT(decider_->Asked(), ElementsAre("a 0 new 1"));
  // Once a batch, over all its changes.
  Bumps({"a", "a"});
  EXPECT_THAT(decider_->Asked(), ElementsAre("a 1 known 3"));
  Start();
  Bumps({"a"});
  EXPECT_THAT(decider_->Asked(), ElementsAre("a 3 known 4"));
  ASSERT_TRUE(Submit(*toy_, Bump("a", "refuse")).ok());
  Bumps({});
  EXPECT_THAT(decider_->Asked(), IsEmpty());
}

TEST_F(EngineIndexTest, WhatABatchMakesAndChangesIsNew) {
  Bumps({"a", "a"});
  EXPECT_THAT(decider_->Asked(), ElementsAre("a 0 new 2"));
  ASSERT_TRUE(Submit(*toy_, Bump("a", "create:b")).ok());
  Bumps({});
  EXPECT_THAT(decider_->Asked(), testing::UnorderedElementsAre("a 2 known 3", "b 0 new 3"));
}

}  // namespace
}  // namespace watchbell
