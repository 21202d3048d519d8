#include "services/sla/at_risk_watch.h"

#include "common/base/errors.h"
#include "gmock/gmock.h"
#include "tests/unit/sla/at_risk_desk.h"

namespace watchbell::sla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AtRiskWatch : public test::AtRiskDesk {
 protected:
  void Watch(const v1::WatchAtRiskRequest& request = {}) {
    auto source = WatchAtRisk(*database_, calendars_, clock_, "acme", request);
    ASSERT_TRUE(source.ok()) << source.status();
    source_ = *std::move(source);
  }

  // The lists that come now.
  std::vector<std::vector<std::string>> Heard() {
    const auto messages = source_->Next(100);
    EXPECT_TRUE(messages.ok()) << messages.status();
    std::vector<std::vector<std::string>> lists;
    for (const rpc::MessagePtr& message : *messages) lists.push_back(Read(*message));
    return lists;
  }

  std::vector<std::string> Read(const google::protobuf::Message& message) {
    const auto& list = static_cast<const v1::WatchAtRiskResponse&>(message);
    EXPECT_EQ(FromProto(list.as_of()), clock_.Now());
    for (const v1::AtRiskClock& clock : list.clocks()) {
      EXPECT_EQ(FromProto(clock.time_left()), FromProto(clock.clock().due_at()) - clock_.Now());
    }
    return Ids(list.clocks());
  }

  FakeClock clock_{absl::FromUnixMicros(test::At("Mon 09:00"))};
  std::unique_ptr<rpc::WatchSource> source_;
};

TEST_F(AtRiskWatch, TheFirstMessageIsTheListAlsoIfItIsEmpty) {
  Watch();
  EXPECT_THAT(Heard(), ElementsAre(IsEmpty()));
  EXPECT_THAT(Heard(), IsEmpty());
}

TEST_F(AtRiskWatch, EveryChangeBringsTheListAndNothingElseDoes) {
  Add({"inc-1", test::At("Mon 10:00")});
  Add({"inc-2", test::At("Mon 11:00")});
  Commit();
  Watch();
  EXPECT_THAT(Heard(), ElementsAre(ElementsAre("inc-1/resolution/1", "inc-2/resolution/1")));
  clock_.Advance(absl::Minutes(1));
  Commit();
  EXPECT_THAT(Heard(), IsEmpty());

  Add({"inc-3", test::At("Mon 10:30")});
  Commit();
  EXPECT_THAT(Heard(), ElementsAre(ElementsAre("inc-1/resolution/1", "inc-3/resolution/1",
                                               "inc-2/resolution/1")));
  tickets["inc-1"].mutable_clocks(0)->set_state(v1::CLOCK_STATE_STOPPED);
  Commit();
  EXPECT_THAT(Heard(), ElementsAre(ElementsAre("inc-3/resolution/1", "inc-2/resolution/1")));
  tickets["inc-2"].mutable_clocks(0)->set_due(test::At("Mon 11:30"));
  Commit();
  EXPECT_THAT(Heard(), ElementsAre(ElementsAre("inc-3/resolution/1", "inc-2/resolution/1")));
  tickets["inc-2"].mutable_ticket()->set_title("another");
  Commit();
  EXPECT_THAT(Heard(), ElementsAre(ElementsAre("inc-3/resolution/1", "inc-2/resolution/1")));
  EXPECT_THAT(Heard(), IsEmpty());
}

TEST_F(AtRiskWatch, OnlyTheHeadOfTheListCounts) {
  Add({"inc-1", test::At("Mon 10:00")});
  Add({"inc-2", test::At("Mon 11:00")});
  Commit();
  v1::WatchAtRiskRequest request;
  request.set_limit(1);
  Watch(request);
  EXPECT_THAT(Heard(), ElementsAre(ElementsAre("inc-1/resolution/1")));
  Add({"inc-3", test::At("Mon 10:30")});
  Commit();
  EXPECT_THAT(Heard(), IsEmpty());
  Add({"inc-4", test::At("Mon 09:30")});
  Commit();
  EXPECT_THAT(Heard(), ElementsAre(ElementsAre("inc-4/resolution/1")));
}

TEST_F(AtRiskWatch, ABookmarkIsTheListAsItIsNow) {
  Add({"inc-1", test::At("Mon 10:00")});
  Commit();
  v1::WatchAtRiskRequest request;
  request.mutable_filter()->mutable_within()->set_seconds(3600);
  Watch(request);
  EXPECT_THAT(Heard(), ElementsAre(ElementsAre("inc-1/resolution/1")));
  clock_.Advance(absl::Seconds(15));
  EXPECT_THAT(Read(*source_->Bookmark()), ElementsAre("inc-1/resolution/1"));
  // What it told is not told again.
  Add({"inc-2", test::At("Mon 09:30")});
  Commit();
  EXPECT_THAT(Read(*source_->Bookmark()), ElementsAre("inc-2/resolution/1", "inc-1/resolution/1"));
  EXPECT_THAT(Heard(), IsEmpty());
}

TEST_F(AtRiskWatch, ABadFilterIsRefused) {
  v1::WatchAtRiskRequest request;
  request.mutable_filter()->mutable_within()->set_seconds(-1);
  const auto violations =
      FieldViolations(WatchAtRisk(*database_, calendars_, clock_, "acme", request).status());
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "filter.within");
}

}  // namespace
}  // namespace watchbell::sla
