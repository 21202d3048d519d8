#include "common/runtime/process.h"
#include "services/tickets/module.h"

int main(int argc, char** argv) {
  return watchbell::runtime::Main(argc, argv, "watchbell-tickets", {watchbell::tickets::Module()});
}
