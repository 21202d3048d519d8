#include "common/telemetry/log.h"

#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/clock/clock.h"
#include "common/telemetry/trace.h"

namespace watchbell::telemetry {
namespace {

std::atomic<Level> lowest_level{Level::kInfo};

const char* NameOf(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "info";
}

// Lines of different threads never mix, whatever their length.
void WriteLine(const std::string& line) {
  static Mutex mu;
  MutexLock lock(mu);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void Log(Level level, absl::string_view message, std::initializer_list<Field> fields) {
  if (level < lowest_level.load(std::memory_order_relaxed)) return;
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", SystemClock().Now(), absl::UTCTimeZone());
  line["level"] = NameOf(level);
  line["message"] = std::string(message);
  for (const auto& [name, value] : fields) {
    if (name == "traceparent") {
      if (std::string trace_id = TraceIdOf(value); !trace_id.empty()) line["trace_id"] = trace_id;
    } else {
      line[std::string(name)] = value;
    }
  }
  // Bytes that are no UTF-8 are replaced: a log line must never fail or break the line format.
  WriteLine(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void SetLogLevel(Level level) { lowest_level.store(level, std::memory_order_relaxed); }

bool ParseLogLevel(absl::string_view name, Level* level) {
  for (const Level candidate : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (name == NameOf(candidate)) {
      *level = candidate;
      return true;
    }
  }
  return false;
}

}  // namespace watchbell::telemetry
