#include "tests/perf/bench.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/mutex.h"
#include "common/telemetry/log.h"

namespace watchbell::perf {
namespace {

// One Drive: the calls that are out hold it alive.
class Load : public std::enable_shared_from_this<Load> {
 public:
  Load(int total, const std::function<void(int, Done)>& start)
      : start_(start), latencies_(static_cast<size_t>(total)) {}

  void Next() {
    int i = 0;
    {
      MutexLock lock(mu_);
      if (next_ == static_cast<int>(latencies_.size())) return;
      i = next_++;
    }
    const absl::Duration sent = Uptime();
    start_(i, [self = shared_from_this(), i, sent](absl::Status status) {
      Must(status);
      self->Finished(i, Uptime() - sent);
    });
  }

  std::vector<absl::Duration> Await() {
    MutexLock lock(mu_);
    while (finished_ < latencies_.size()) all_.Wait(mu_);
    return std::move(latencies_);
  }

 private:
  void Finished(int i, absl::Duration took) {
    {
      MutexLock lock(mu_);
      latencies_[static_cast<size_t>(i)] = took;
      if (++finished_ == latencies_.size()) {
        all_.NotifyAll();
        return;
      }
    }
    Next();
  }

  const std::function<void(int, Done)> start_;
  Mutex mu_;
  CondVar all_;
  int next_ ABSL_GUARDED_BY(mu_) = 0;
  size_t finished_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<absl::Duration> latencies_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::Duration Uptime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

absl::Duration ThreadTime() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return absl::DurationFromTimespec(now);
}

LoadResult Drive(int total, int in_flight, const std::function<void(int, Done)>& start) {
  const auto load = std::make_shared<Load>(total, start);
  const absl::Duration began = Uptime();
  for (int i = 0; i < in_flight; ++i) load->Next();
  LoadResult result;
  result.latencies = load->Await();
  result.seconds = absl::ToDoubleSeconds(Uptime() - began);
  return result;
}

absl::Duration Percentile(std::vector<absl::Duration> values, double q) {
  if (values.empty()) return absl::ZeroDuration();
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(std::floor(q * static_cast<double>(values.size() - 1)))];
}

void Pace(int total, int per_second, const std::function<void(int, absl::Duration)>& start) {
  const absl::Duration first = Uptime();
  for (int i = 0; i < total; ++i) {
    const absl::Duration due = first + absl::Seconds(1) * i / per_second;
    const absl::Duration left = due - Uptime();
    if (left > absl::ZeroDuration()) std::this_thread::sleep_for(absl::ToChronoNanoseconds(left));
    start(i, due);
  }
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "the benchmark failed: %s\n", status.ToString().c_str());
  std::_Exit(1);
}

void Title(const std::string& name, const std::string& what) {
  telemetry::SetLogLevel(telemetry::Level::kWarning);
  std::printf("%s: %s\n", name.c_str(), what.c_str());
  double load = 0;
  if (getloadavg(&load, 1) == 1) {
    Figure("load average before, and processors",
           absl::StrFormat("%10.1f     %u", load, std::thread::hardware_concurrency()));
  }
}

void Figure(const std::string& what, const std::string& value) {
  std::printf("  %-58s %s\n", what.c_str(), value.c_str());
  std::fflush(stdout);
}

void Rate(const std::string& what, double per_second, const std::string& unit) {
  Figure(what, absl::StrFormat("%10.0f %s/s", per_second, unit));
}

void Latency(const std::string& what, const std::vector<absl::Duration>& latencies) {
  Figure(what, absl::StrCat("p50 ", Pretty(Percentile(latencies, 0.5)), "  p99 ",
                            Pretty(Percentile(latencies, 0.99)), "  max ",
                            Pretty(Percentile(latencies, 1))));
}

void Share(const std::string& what, double ratio, double goal) {
  Figure(what, absl::StrFormat("%10.1f %%  goal >= %.0f %%%s", ratio * 100, goal * 100,
                               ratio >= goal ? "" : "  NOT MET"));
}

void Factor(const std::string& what, double ratio, double goal) {
  Figure(what, absl::StrFormat("%10.2f x  goal <= %g x%s", ratio, goal,
                               ratio <= goal ? "" : "  NOT MET"));
}

std::string Pretty(absl::Duration duration) {
  const double us = absl::ToDoubleMicroseconds(duration);
  if (us < 1000) return absl::StrFormat("%.0f us", us);
  if (us < 1e6) return absl::StrFormat("%.1f ms", us / 1e3);
  return absl::StrFormat("%.1f s", us / 1e6);
}

int FromEnvironment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  int value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) && value > 0 ? value : otherwise;
}

tickets::v1::CreateTicketRequest RealisticTicket(int i) {
  static constexpr const char* kText =
      "After the update of last night the till at counter 4 shows a grey screen as soon as a "
      "voucher is scanned. Switching it off and on helps for one customer, then it comes back. "
      "Counters 1 to 3 have the same version and work. The shop opens at nine and there is a queue "
      "already; the branch manager asks for a call back before ten. Seen so far: the log ends with "
      "`voucher service: connection reset by peer`, the network light is green, the spare device "
      "from the store room behaves the same way, so it is probably not the hardware. ";
  tickets::v1::CreateTicketRequest request;
  request.set_type(tickets::v1::TICKET_TYPE_INCIDENT);
  request.set_title(absl::StrCat("Till ", i, " freezes when a voucher is scanned"));
  request.set_description(absl::StrCat(kText, "Reference of the branch: ", i, "."));
  request.set_impact(tickets::v1::IMPACT_MEDIUM);
  request.set_urgency(i % 5 == 0 ? tickets::v1::URGENCY_HIGH : tickets::v1::URGENCY_MEDIUM);
  request.set_requester(absl::StrCat("branch-", i % 400, "@example.com"));
  request.set_channel(tickets::v1::CHANNEL_PHONE);
  request.set_site(absl::StrCat("Branch ", i % 400));
  request.mutable_classification()->set_category("Point of sale");
  request.mutable_classification()->set_subcategory("Till software");
  request.mutable_classification()->set_symptom("Freezes");
  request.set_config_item(absl::StrCat("till-", i % 1600));
  return request;
}

}  // namespace watchbell::perf
