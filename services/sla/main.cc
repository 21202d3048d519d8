#include "common/runtime/process.h"
#include "protos/watchbell/api/v1/installation.h"
#include "services/sla/module.h"

int main(int argc, char** argv) {
  return watchbell::runtime::Main(
      argc, argv, "watchbell-sla", {watchbell::sla::Module()},
      {watchbell::api::TopicsOfServices(), watchbell::api::RpcsOfServices()});
}
