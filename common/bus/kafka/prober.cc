#include "common/bus/kafka/prober.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/bus/kafka/client.h"
#include "common/telemetry/log.h"

namespace watchbell::bus::kafka {
namespace {

// So often the brokers are asked whether they are there.
constexpr absl::Duration kBrokersEvery = absl::Seconds(1);
// Many timers due at once are one question.
constexpr absl::Duration kAsksApart = absl::Milliseconds(2);
constexpr absl::Duration kAfterFailure = absl::Milliseconds(200);
constexpr int kBrokersLimitMs = 2000;
constexpr int kEndsLimitMs = 1000;

}  // namespace

absl::Status Prober::Start() {
  ASSIGN_OR_RETURN(ConfPtr conf, MakeConf(options_, {}, {}));
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_error_cb(conf.get(), &Prober::OnError);
  // A producer has no group to join and nothing to fetch.
  ASSIGN_OR_RETURN(client_, NewClient(RD_KAFKA_PRODUCER, std::move(conf)));
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

Prober::~Prober() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    cv_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  if (client_ != nullptr) CloseClient(client_, nullptr);
}

absl::Status Prober::Health() const {
  MutexLock lock(mu_);
  return health_;
}

void Prober::Ask(const TopicShard& partition, absl::Time since) {
  MutexLock lock(mu_);
  auto [it, inserted] = wanted_.try_emplace(partition, since);
  if (!inserted) it->second = std::max(it->second, since);
  cv_.NotifyAll();
}

std::optional<Prober::End> Prober::Latest(const TopicShard& partition) const {
  MutexLock lock(mu_);
  auto it = ends_.find(partition);
  if (it == ends_.end()) return std::nullopt;
  return it->second;
}

int64_t Prober::AddListener(std::function<void()> answered) {
  MutexLock lock(listeners_mu_);
  listeners_.emplace_back(++listener_ids_, std::move(answered));
  return listener_ids_;
}

void Prober::RemoveListener(int64_t id) {
  MutexLock lock(listeners_mu_);
  listeners_.erase(std::remove_if(listeners_.begin(), listeners_.end(),
                                  [id](const auto& listener) { return listener.first == id; }),
                   listeners_.end());
}

void Prober::OnError(rd_kafka_t*, int error, const char* reason, void* opaque) {
  auto* prober = static_cast<Prober*>(opaque);
  MutexLock lock(prober->mu_);
  if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) prober->last_error_ = reason;
}

void Prober::Run() {
  std::vector<TopicShard> wanted;
  while (WaitForWork(&wanted)) {
    last_asked_ = clock_.Steady();
    if (wanted.empty()) {
      AskBrokers();
    } else {
      AskEnds(wanted);
    }
    rd_kafka_poll(client_, 0);
  }
}

// False: it is over. An empty `wanted`: the brokers are to be asked whether they are there.
bool Prober::WaitForWork(std::vector<TopicShard>* wanted) {
  MutexLock lock(mu_);
  while (!stopping_) {
    const absl::Duration passed = clock_.Steady() - last_asked_;
    const absl::Duration apart = wanted_.empty() ? kBrokersEvery : apart_;
    if (passed >= apart) break;
    clock_.WaitUntil(mu_, cv_, clock_.Now() + (apart - passed));
  }
  wanted->clear();
  if (wanted_.empty()) return !stopping_;
  // A part of them, beginning elsewhere each time, once a partition without a leader or a frozen
  // broker has spoilt the answer for all.
  const size_t count = std::min(limit_, wanted_.size());
  auto next = wanted_.begin();
  std::advance(next, static_cast<std::ptrdiff_t>(turn_++ * count % wanted_.size()));
  while (wanted->size() < count) {
    wanted->push_back(next->first);
    if (++next == wanted_.end()) next = wanted_.begin();
  }
  return !stopping_;
}

void Prober::AskEnds(const std::vector<TopicShard>& wanted) {
  PartitionsPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(wanted.size())));
  std::map<std::pair<std::string, int>, const TopicShard*> ours;
  for (const TopicShard& partition : wanted) {
    const std::string name = options_.topic_prefix + partition.first;
    rd_kafka_topic_partition_list_add(list.get(), name.c_str(), partition.second)->offset =
        RD_KAFKA_OFFSET_END;
    ours[{name, partition.second}] = &partition;
  }
  const absl::Time asked = clock_.Now();
  const rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(client_, list.get(), kEndsLimitMs);
  const absl::Time now = clock_.Now();
  apart_ = kAfterFailure;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    limit_ = std::max<size_t>(1, wanted.size() / 2);
    AskBrokers();
    return;
  }
  {
    MutexLock lock(mu_);
    limit_ = wanted.size() * 2 >= wanted_.size() ? SIZE_MAX : wanted.size() * 2;
    size_t unanswered = wanted.size();
    for (int i = 0; i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& found = list->elems[i];
      if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR || found.offset < 0) continue;
      auto partition = ours.find({found.topic, found.partition});
      if (partition == ours.end()) continue;
      ends_[*partition->second] = {found.offset, asked};
      auto want = wanted_.find(*partition->second);
      // Wanted of a time to come: the clock went back, and who still wants it asks again.
      const bool met = want != wanted_.end() && (want->second <= asked || want->second > now);
      if (met) wanted_.erase(want);
      --unanswered;
    }
    if (unanswered == 0) apart_ = kAsksApart;
  }
  Answered(absl::OkStatus());
  MutexLock lock(listeners_mu_);
  for (const auto& [id, listener] : listeners_) listener();
}

void Prober::AskBrokers() {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(client_, 0, nullptr, &metadata, kBrokersLimitMs);
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
  rd_kafka_poll(client_, 0);  // what is wrong with the connection
  Answered(ToStatus(error, "Kafka does not answer"));
}

void Prober::Answered(const absl::Status& status) {
  MutexLock lock(mu_);
  if (status.ok()) last_error_.clear();
  if (status.ok() && !health_.ok()) {
    telemetry::Log(telemetry::Level::kInfo, "Kafka answers", {{"brokers", options_.brokers}});
  }
  if (!status.ok() && health_.ok()) {
    telemetry::Log(telemetry::Level::kWarning, "Kafka does not answer",
                   {{"brokers", options_.brokers},
                    {"error", last_error_.empty() ? "no answer" : last_error_}});
  }
  health_ = status;
  if (!status.ok() && !last_error_.empty()) {
    health_ = absl::UnavailableError(absl::StrCat(status.message(), " (", last_error_, ")"));
  }
}

}  // namespace watchbell::bus::kafka
