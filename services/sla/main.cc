#include "common/runtime/process.h"
#include "services/sla/module.h"

int main(int argc, char** argv) {
  return watchbell::runtime::Main(argc, argv, "watchbell-sla", {watchbell::sla::Module()});
}
