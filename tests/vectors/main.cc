// vector_check KIND FILE_OR_FOLDER: see vector_check.h.
#include <iostream>

#include "tests/vectors/vector_check.h"

int main(int argc, char** argv) {
  return watchbell::vectors::VectorCheck(std::vector<std::string>(argv + 1, argv + argc), std::cout,
                                         std::cerr);
}
