#include "policy/rule_keys.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {

const Command policy_schema{
    "policy schema",
    "Prints the JSON Schema of the policy file, for editors.",
    "postern policy schema",
    [](Arguments& arguments) {
      return arguments.parse() ? print(policy::policy_schema()) : arguments.exit_code();
    },
};

}  // namespace postern::cli
