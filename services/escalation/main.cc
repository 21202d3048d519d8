#include "common/runtime/process.h"
#include "protos/watchbell/api/v1/installation.h"
#include "services/escalation/module.h"

int main(int argc, char** argv) {
  return watchbell::runtime::Main(
      argc, argv, "watchbell-escalation", {watchbell::escalation::Module()},
      {watchbell::api::TopicsOfServices(), watchbell::api::RpcsOfServices()});
}
