#include "common/runtime/process.h"
#include "services/escalation/module.h"

int main(int argc, char** argv) {
  return watchbell::runtime::Main(argc, argv, "watchbell-escalation",
                                  {watchbell::escalation::Module()});
}
