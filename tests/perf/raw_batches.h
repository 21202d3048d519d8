#ifndef WATCHBELL_TESTS_PERF_RAW_BATCHES_H_
#define WATCHBELL_TESTS_PERF_RAW_BATCHES_H_

#include "tests/perf/bench.h"

namespace watchbell::perf {

// Measures raw.Batch(first, count), one transaction each, until `tickets` are stored.
template <typename Raw>
RawStore StoreInBatches(Raw& raw, int tickets, int batch) {
  RawStore result;
  const absl::Duration began = Uptime();
  for (int i = 0; i < tickets; i += batch) {
    const absl::Duration from = Uptime();
    raw.Batch(i, batch);
    result.transactions.push_back(Uptime() - from);
  }
  result.tickets_per_second = tickets / absl::ToDoubleSeconds(Uptime() - began);
  return result;
}

}  // namespace watchbell::perf

#endif  // WATCHBELL_TESTS_PERF_RAW_BATCHES_H_
