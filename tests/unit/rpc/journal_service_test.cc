// The journal of one process, read and poked from another.
#include <gmock/gmock.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/journal/topic_reader.h"
#include "common/rpc/identity.h"
#include "common/rpc/server.h"
#include "common/runtime/journal_service.h"
#include "common/runtime/poker.h"
#include "common/runtime/rpc_journal_source.h"
#include "common/runtime/service_core.h"
#include "tests/support/temp_folder.h"
#include "tests/support/toy_service.h"
#include "tests/unit/rpc/gate.h"
#include "watchbell/journal/v1/journal_service.pb.h"

namespace watchbell::runtime {
namespace {

using bus::JournalSource;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kReadShard[] = "watchbell.journal.v1.JournalService/ReadShard";

class JournalServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = db::OpenSqlite(folder_.path() + "/toy.db");
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    const ServiceSpec spec{"toy", {}, std::make_shared<test::ToyDecider>(), {}, {}};
    ASSERT_TRUE(db::Migrate(*database_, AllMigrations(spec)).ok());
    auto core = ServiceCore::Make(spec, ServiceCore::Parts{*database_, clock_, ids_, bus_});
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
    ASSERT_TRUE(core_->Open().ok());
    service_ = MakeJournalService({core_.get()});
    rpc::ServerOptions options;
    options.on_call = [this](const rpc::CallReport& report) {
      if (absl::EndsWith(report.method, "/Poke")) poked_.Open();
    };
    auto server = rpc::Server::Start(options, {service_.get()}, *identity_, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    peers_.Add("toy", rpc::Connect(Address()));
    source_.emplace("follower",
                    Installation{{{"toy", {test::kToyTopic}}, {"gone", {"gone.v1"}}}, {}}, peers_);
  }

  std::string Address() const { return absl::StrCat("127.0.0.1:", server_->port()); }

  void Bump(const std::string& thing, const std::string& note = "") {
    auto bump = std::make_shared<test::StartWorkRequest>();
    bump->set_name(thing);
    bump->set_etag(note);
    engine::Input input;
    input.kind = engine::Input::Kind::kCommand;
    input.identity = {"default", "ada", {}};
    input.message = bump;
    absl::Status status = absl::UnknownError("not answered");
    input.done = [&](const absl::StatusOr<engine::Reply>& reply) { status = reply.status(); };
    ASSERT_TRUE(core_->engine().Submit(std::move(input)).ok());
    core_->engine().RunOnce();
    ASSERT_TRUE(status.ok()) << status;
  }

  template <typename Answer>
  static absl::StatusOr<Answer> Await(
      const std::function<void(std::function<void(absl::StatusOr<Answer>)>)>& ask) {
    rpc::Gate answered;
    absl::StatusOr<Answer> answer = absl::UnknownError("not answered");
    ask([&](absl::StatusOr<Answer> got) {
      answer = std::move(got);
      answered.Open();
    });
    EXPECT_TRUE(answered.Wait());
    return answer;
  }
  absl::StatusOr<JournalSource::Chunk> ReadShard(int shard, int64_t after, int limit,
                                                 const std::string& topic = test::kToyTopic) {
    return Await<JournalSource::Chunk>([&](JournalSource::Done done) {
      source_->ReadShard(topic, shard, after, limit, std::move(done));
    });
  }
  absl::StatusOr<JournalSource::Chunk> ReadStream(const std::string& id, int64_t after, int limit) {
    return Await<JournalSource::Chunk>([&](JournalSource::Done done) {
      source_->ReadStream(test::kToyTopic, "default", id, after, limit, std::move(done));
    });
  }
  absl::StatusOr<std::vector<int64_t>> ReadHeads(const std::vector<int>& shards,
                                                 const std::string& topic = test::kToyTopic) {
    return Await<std::vector<int64_t>>(
        [&](JournalSource::HeadsDone done) { source_->ReadHeads(topic, shards, std::move(done)); });
  }

  test::TempFolder folder_;
  SystemClock clock_;
  SystemIdSource ids_;
  bus::EmbeddedBus bus_{kDefaultShards};
  rpc::Gate poked_;
  std::unique_ptr<rpc::IdentityProvider> identity_ = rpc::MakeDevelopmentIdentity();
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<ServiceCore> core_;
  std::unique_ptr<rpc::Service> service_;
  std::unique_ptr<rpc::Server> server_;
  Peers peers_;
  std::optional<RpcJournalSource> source_;
};

std::vector<int64_t> Versions(const JournalSource::Chunk& chunk) {
  std::vector<int64_t> versions;
  for (const auto& row : chunk.rows) versions.push_back(row.version);
  return versions;
}

TEST_F(JournalServiceTest, AShardIsReadInChunksToItsEnd) {
  for (int i = 0; i < 5; ++i) Bump("a");
  const int shard = ShardOf("a", kDefaultShards);
  const auto first = ReadShard(shard, 0, 3);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->producer, "toy");
  EXPECT_THAT(Versions(*first), ElementsAre(1, 2, 3));
  EXPECT_FALSE(first->end);
  const auto rest = ReadShard(shard, first->rows.back().sequence, 3);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_THAT(Versions(*rest), ElementsAre(4, 5));
  EXPECT_TRUE(rest->end);
  const auto other = ReadShard((shard + 1) % kDefaultShards, 0, 3);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_TRUE(other->rows.empty());
  EXPECT_TRUE(other->end);
}

TEST_F(JournalServiceTest, RowsComeAsTheyAreStored) {
  Bump("a", "first");
  const auto read = ReadStream("a", 0, 10);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->rows.size(), 1u);
  const auto stored = core_->journal().Stream("thing", "default", "a", 0, 10);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(journal::ToDbRow(read->rows[0]), journal::ToDbRow(stored->front()));
}

TEST_F(JournalServiceTest, AStreamIsReadAfterAVersion) {
  for (int i = 0; i < 4; ++i) Bump("a");
  Bump("b");
  const auto read = ReadStream("a", 2, 1);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(Versions(*read), ElementsAre(3));
  EXPECT_FALSE(read->end);
  const auto rest = ReadStream("a", 3, 10);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_THAT(Versions(*rest), ElementsAre(4));
  EXPECT_TRUE(rest->end);
}

TEST_F(JournalServiceTest, LargeRowsComeInAnswersThatFit) {
  const std::string large(200'000, 'x');
  for (int i = 0; i < 15; ++i) Bump("a", large);
  const int shard = ShardOf("a", kDefaultShards);
  std::vector<int64_t> versions;
  int answers = 0;
  int64_t after = 0;
  for (bool end = false; !end; ++answers) {
    const auto read = ReadShard(shard, after, 500);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_FALSE(read->rows.empty());
    EXPECT_LE(read->rows.size() * large.size(), 2u << 20);
    for (const int64_t version : Versions(*read)) versions.push_back(version);
    after = read->rows.back().sequence;
    end = read->end;
  }
  EXPECT_EQ(answers, 2);
  ASSERT_EQ(versions.size(), 15u);
  for (size_t i = 0; i < versions.size(); ++i) EXPECT_EQ(versions[i], static_cast<int64_t>(i) + 1);
}

TEST_F(JournalServiceTest, TheHeadsOfShardsAreTold) {
  const int shard = ShardOf("a", kDefaultShards);
  const std::vector<int> shards = {(shard + 1) % kDefaultShards, shard};
  EXPECT_THAT(ReadHeads(shards).value(), ElementsAre(0, 0));
  for (int i = 0; i < 3; ++i) Bump("a");
  const int64_t last = ReadShard(shard, 0, 9)->rows.back().sequence;
  EXPECT_THAT(ReadHeads(shards).value(), ElementsAre(0, last));
  EXPECT_EQ(ReadHeads({}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadHeads(shards, "gone.v1").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(JournalServiceTest, WhatCannotBeReadNowIsUnavailable) {
  EXPECT_EQ(ReadShard(0, 0, 1, "nobodys.v1").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadShard(0, 0, 1, "gone.v1").status().code(), absl::StatusCode::kUnavailable);
  // Its address leads to a process that does not fill the topic.
  peers_.Add("gone", rpc::Connect(Address()), Address());
  const auto wrong = ReadShard(0, 0, 1, "gone.v1");
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(wrong.status().message(),
            absl::StrCat("peers.gone (", Address(),
                         ") is not the service gone: it does not fill the topic gone.v1"));
  server_->Drain(absl::ZeroDuration(), absl::Seconds(5));
  EXPECT_EQ(ReadShard(0, 0, 1).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(JournalServiceTest, APeerWithoutAnyJournalIsNamed) {
  auto stranger = rpc::Server::Start({}, {}, *identity_, clock_);
  ASSERT_TRUE(stranger.ok()) << stranger.status();
  const std::string address = absl::StrCat("127.0.0.1:", (*stranger)->port());
  peers_.Add("gone", rpc::Connect(address), address);
  const auto wrong = ReadShard(0, 0, 1, "gone.v1");
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(wrong.status().message()),
              HasSubstr(absl::StrCat("peers.gone (", address, ") is not the service gone")));
}

TEST_F(JournalServiceTest, OnlyServicesMayRead) {
  const auto client = rpc::Connect(Address());
  journal::v1::ReadShardRequest request;
  request.set_topic(test::kToyTopic);
  journal::v1::ReadShardResponse response;
  EXPECT_EQ(ErrorReason(client->Call(kReadShard, request, &response)), "ROLE_MISSING");
  rpc::CallOptions options;
  options.metadata = rpc::ServiceIdentity("sla");
  EXPECT_TRUE(client->Call(kReadShard, request, &response, options).ok());
}

TEST_F(JournalServiceTest, APokeReachesTheHolderAndNobodyElse) {
  Poker poker("toy", [this](int shard) { return shard < 8 ? Address() : std::string(); });
  poker.Poke({9, 10});
  poker.Poke({1, 2, 9});
  EXPECT_TRUE(poked_.Wait());
  poker.Poke({1});
  EXPECT_TRUE(poked_.Wait(2));
}

TEST_F(JournalServiceTest, APokerMayGoWhileItsPokesAreUnderWay) {
  for (int i = 0; i < 50; ++i) {
    Poker poker("toy", [this](int) { return Address(); });
    poker.Poke({1});
  }
  EXPECT_TRUE(poked_.Wait());
}

// --- several aggregates on one topic ---

TEST(TopicReaderTest, AggregatesAreMergedInTheOrderOfTheirCommit) {
  test::TempFolder folder;
  auto database = db::OpenSqlite(folder.path() + "/two.db");
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE(db::Migrate(**database, {engine::EngineSchema()}).ok());
  auto transaction = (*database)->Begin();
  ASSERT_TRUE(transaction.ok()) << transaction.status();
  std::vector<db::Row> rows;
  for (int i = 1; i <= 9; ++i) {
    journal::JournalRow row;
    row.sequence = i;
    row.event_id = absl::StrCat("e", i);
    row.aggregate = i % 3 == 0 ? "rare" : "often";
    row.tenant = "default";
    row.stream_id = row.aggregate;
    row.version = i;
    rows.push_back(journal::ToDbRow(row));
  }
  ASSERT_TRUE((*transaction)->Insert(journal::JournalTable(), rows).ok());
  ASSERT_TRUE((*transaction)->Commit().ok());
  const journal::Reader reader(**database);
  for (const int limit : {1, 2, 3, 9, 100}) {
    std::vector<int64_t> seen;
    int64_t after = 0;
    for (bool end = false; !end;) {
      const auto found = journal::ReadTopicShard(reader, {"rare", "often"}, 0, after, limit);
      ASSERT_TRUE(found.ok()) << found.status();
      ASSERT_LE(found->rows.size(), static_cast<size_t>(limit));
      for (const auto& row : found->rows) seen.push_back(row.sequence);
      if (!seen.empty()) after = seen.back();
      end = found->end;
    }
    EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9)) << limit;
  }
  EXPECT_THAT(journal::ReadTopicHeads(reader, {"rare", "often"}, {0, 1}).value(),
              ElementsAre(9, 0));
  EXPECT_THAT(journal::ReadTopicHeads(reader, {"often"}, {0}).value(), ElementsAre(8));
}

}  // namespace
}  // namespace watchbell::runtime
