#include "common/runtime/process.h"
#include "services/analytics/module.h"

int main(int argc, char** argv) {
  return watchbell::runtime::Main(argc, argv, "watchbell-analytics",
                                  {watchbell::analytics::Module()});
}
