# Precompiled headers: one for the programs and libraries (carried by wb_core), one for the tests (wb_test_pch).
# What most files parse anyway. With api/v1/rules.proto every generated header brings descriptor.pb.h along.
set(WB_PCH_HEADERS
    <algorithm> <atomic> <condition_variable> <functional> <map> <memory> <mutex> <numeric> <optional> <random> <set>
    <string> <thread> <utility> <variant> <vector> <absl/status/statusor.h> <absl/strings/str_cat.h>
    <absl/strings/str_format.h> <absl/time/time.h> <absl/types/span.h> <google/protobuf/descriptor.h>
    <google/protobuf/descriptor.pb.h> <google/protobuf/duration.pb.h> <google/protobuf/message.h>
    <google/protobuf/timestamp.pb.h>)

# watchbell_carry_pch(<target> <further headers...>)
function(watchbell_carry_pch target)
  if(WATCHBELL_PCH)
    target_precompile_headers(${target} PRIVATE ${WB_PCH_HEADERS} ${ARGN})
  endif()
endfunction()

# watchbell_reuse_pch(<target> [<carrier>]): both are compiled with the same options.
function(watchbell_reuse_pch target)
  set(carrier ${ARGN})
  if(NOT carrier)
    set(carrier wb_core)
  endif()
  if(WATCHBELL_PCH)
    target_precompile_headers(${target} REUSE_FROM ${carrier})
  endif()
endfunction()
