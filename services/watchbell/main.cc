#include "services/watchbell/command.h"

int main(int argc, char** argv) { return watchbell::cli::Run({argv + 1, argv + argc}); }
