#include "common/runtime/running_service.h"

#include <utility>

#include "common/base/shard.h"
#include "common/base/status_macros.h"

namespace watchbell::runtime {
namespace {

// Each commit and each fetch has its price, in this program, the database and the broker.
constexpr absl::Duration kPatience = absl::Milliseconds(100);

}  // namespace

RunningService::RunningService(ModuleDefinition definition, Parts parts)
    : definition_(std::move(definition)), parts_(std::move(parts)) {}

RunningService::~RunningService() { Reset(); }

absl::Status RunningService::Make() {
  ServiceSpec spec = definition_.spec(parts_.config);
  ASSIGN_OR_RETURN(database_, parts_.platform.OpenDatabase(spec));
  if (parts_.platform.distributed()) RETURN_IF_ERROR(MakeKeeper(spec));
  if (definition_.effects != nullptr) RETURN_IF_ERROR(MakeEffects(spec.name));
  ServiceCore::Parts parts{*database_, parts_.clock, parts_.ids, parts_.platform.bus()};
  parts.effects = effects_.get();
  parts.probe = &parts_.metrics.ProbeFor(spec.name);
  parts.leases = keeper_.get();
  parts.recover = definition_.recover;
  if (parts_.platform.distributed()) parts.patience = kPatience;
  if (poker_ != nullptr) {
    parts.poke = [poker = poker_.get()](const std::set<int>& shards) { poker->Poke(shards); };
  }
  ASSIGN_OR_RETURN(core_, ServiceCore::Make(std::move(spec), std::move(parts)));
  core_->OnCommit([this] { hub_.Notify(); });
  return absl::OkStatus();
}

absl::Status RunningService::MakeKeeper(const ServiceSpec& spec) {
  ASSIGN_OR_RETURN(aside_, parts_.platform.OpenAside(spec));
  engine::LeaseKeeper::Options options;
  options.service = spec.name;
  options.replica = parts_.replica;
  options.address = parts_.address;
  options.shards = kDefaultShards;
  const auto sessions = [this] {
    std::vector<std::string> all = database_->Sessions();
    for (std::string& session : aside_->Sessions()) all.push_back(std::move(session));
    return all;
  };
  // The keeper runs after the core is there (Start), and never longer.
  keeper_ = std::make_unique<engine::LeaseKeeper>(
      std::move(options), engine::LeaseKeeper::Parts{
                              *aside_, parts_.clock, sessions, [this] { core_->engine().Wake(); },
                              [this] { return parts_.platform.Health().ok(); }});
  poker_ = std::make_unique<Poker>(
      spec.name, [keeper = keeper_.get()](int shard) { return keeper->HolderAddress(shard); });
  return absl::OkStatus();
}

absl::Status RunningService::MakeEffects(const std::string& service) {
  ASSIGN_OR_RETURN(std::unique_ptr<engine::EffectRunner> runner,
                   definition_.effects(parts_.config, parts_.clock, [this](engine::Input input) {
                     return core_->engine().Submit(std::move(input));
                   }));
  effects_ = std::make_unique<EffectGate>(
      std::move(runner),
      [&metrics = parts_.metrics, service](size_t count) { metrics.EffectsBegun(service, count); });
  return absl::OkStatus();
}

absl::Status RunningService::Open() {
  RETURN_IF_ERROR(core_->Open());
  services_ = definition_.services({*core_, parts_.config, hub_});
  return absl::OkStatus();
}

void RunningService::Reset() {
  GiveUpLeases();
  head_watch_.reset();
  services_.clear();
  core_.reset();
  effects_.reset();
  poker_.reset();
  keeper_.reset();
  aside_.reset();
  database_.reset();
}

void RunningService::Start() {
  core_->engine().Start();
  if (keeper_ == nullptr) return;
  keeper_->Start();
  head_watch_ = std::make_unique<HeadWatch>(core_->journal(), hub_, parts_.clock);
}

void RunningService::DrainEffects() {
  if (effects_ != nullptr) effects_->Drain();
}

void RunningService::StopEngine() {
  if (core_ != nullptr) core_->engine().Stop();
  if (effects_ != nullptr) effects_->Close();
}

void RunningService::GiveUpLeases() {
  if (keeper_ != nullptr) keeper_->Stop();
}

absl::Status RunningService::Trouble() const {
  RETURN_IF_ERROR(core_->engine().Health());
  if (head_watch_ != nullptr) RETURN_IF_ERROR(head_watch_->Health());
  return absl::OkStatus();
}

absl::Status RunningService::ReplicasHealth() const {
  return keeper_ == nullptr ? absl::OkStatus() : keeper_->Health();
}

void RunningService::Measure() const {
  if (keeper_ == nullptr) return;
  parts_.metrics.SetLeases(definition_.name, keeper_->Held().size(), keeper_->LiveReplicas());
}

}  // namespace watchbell::runtime
