# Compiler cache, linker, warnings, and the packages everything links with.
find_program(CCACHE ccache)
if(CCACHE)
  # What a precompiled header needs to hit the cache (ccache manual, "Precompiled headers").
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  add_compile_options(-fpch-preprocess)
endif()
add_link_options(-fuse-ld=lld)
# A linker needs most of the memory and a compile most of a core: two and one at a time.
set_property(GLOBAL PROPERTY JOB_POOLS link_pool=1)
set(CMAKE_JOB_POOL_LINK link_pool)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)  # module mode, before gRPC
find_package(absl REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)  # FindPostgreSQL wants a server's headers too
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(ICAL REQUIRED libical)  # linked as `ical` alone: its other libraries bring Berkeley DB along
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(GTest REQUIRED)
find_package(yaml-cpp REQUIRED)
if(NOT WATCHBELL_CORE_ONLY)
  find_package(gRPC CONFIG REQUIRED)
  find_package(CURL REQUIRED)
  find_package(prometheus-cpp REQUIRED)
endif()

# Allocator of the programs. Events are made on one thread and freed on others: glibc's malloc spends a quarter of an
# import on that, jemalloc almost nothing. Sanitizers bring their own.
add_library(wb_allocator INTERFACE)
find_library(JEMALLOC jemalloc)
if(JEMALLOC AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  target_link_libraries(wb_allocator INTERFACE ${JEMALLOC})
endif()

# Flags of our own code; generated code is compiled without warnings. Some packages bring -pthread along: with it
# everywhere one precompiled header fits all.
add_library(wb_flags INTERFACE)
target_compile_options(wb_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
                                          -Wno-missing-field-initializers -pthread $<$<BOOL:${WATCHBELL_WERROR}>:-Werror>)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  # GCC 12 sees uninitialized optionals, and strings written beyond their ends, where sanitizers instrument them.
  target_compile_options(wb_flags INTERFACE -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
endif()
target_include_directories(wb_flags INTERFACE ${CMAKE_SOURCE_DIR})
