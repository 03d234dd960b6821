#include <boost/json.hpp>

#include "conf/option.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

int tell_version(Arguments& arguments) {
  Output output;
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  return output.done("postern " + std::string(version()), {{"version", version()}});
}

}  // namespace

const Command version_command{
    "version",
    "Prints the version.",
    "postern version",
    tell_version,
};

}  // namespace postern::cli
