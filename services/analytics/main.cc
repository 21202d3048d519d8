#include "common/runtime/process.h"
#include "protos/watchbell/api/v1/installation.h"
#include "services/analytics/module.h"

int main(int argc, char** argv) {
  return watchbell::runtime::Main(
      argc, argv, "watchbell-analytics", {watchbell::analytics::Module()},
      {watchbell::api::TopicsOfServices(), watchbell::api::RpcsOfServices()});
}
