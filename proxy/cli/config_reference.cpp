#include <boost/json.hpp>

#include "conf/option.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

int reference(Arguments& arguments) {
  Output output;
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!output.json()) return print(config_reference());

  boost::json::array records;
  for (const Option& option : options()) {
    records.push_back(boost::json::object{{"name", option.name},
                                          {"meaning", option.meaning},
                                          {"unit", option.unit},
                                          {"default", option.default_value},
                                          {"bounds", option.bounds},
                                          {"change", option.change == Change::reload ? "reload" : "restart"},
                                          {"secret", option.secret},
                                          {"flag", option.flag},
                                          {"supported", option.supported()}});
  }
  return output.table(records, {"name"});
}

}  // namespace

const Command config_reference_command{
    "config reference",
    "Prints every key of postern.yaml: meaning, unit, default, bounds, variable and flag.",
    "postern config reference > configuration.md",
    reference,
};

}  // namespace postern::cli
