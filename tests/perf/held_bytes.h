// How much memory a benchmark has taken, rounding of the allocator included. This replaces operator
// new and delete of the program: include it in its main file only.
#pragma once

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace watchbell::perf {

inline std::atomic<size_t> held_bytes{0};

inline double HeldBytes() { return static_cast<double>(held_bytes.load()); }

}  // namespace watchbell::perf

// Not inline: the compiler would take them for a mixture of new and free.
__attribute__((noinline)) void* operator new(size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  watchbell::perf::held_bytes.fetch_add(malloc_usable_size(memory), std::memory_order_relaxed);
  return memory;
}

__attribute__((noinline)) void operator delete(void* memory) noexcept {
  watchbell::perf::held_bytes.fetch_sub(malloc_usable_size(memory), std::memory_order_relaxed);
  std::free(memory);
}

__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}
