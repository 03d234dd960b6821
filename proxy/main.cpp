#include "proxy/cli/cli.hpp"

int main(int argc, char** argv) {
  return postern::cli::main(argc, argv);
}
