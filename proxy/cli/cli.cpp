#include "proxy/cli/cli.hpp"

#include <csignal>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "conf/diagnostic.hpp"
#include "proxy/admin/process.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/help.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/tls_setup.hpp"

namespace postern::cli {
namespace {

/// "token" of "token create"; a command of one word is its own noun.
std::string_view noun_of(std::string_view name) {
  return name.substr(0, name.find(' '));
}

const Command* find(std::string_view name) {
  for (const Command* command : commands()) {
    if (command->name == name) return command;
  }
  return nullptr;
}

bool is_help(std::string_view word) {
  return word == "--help" || word == "-h" || word == "help";
}

int unknown(const std::string& kind, std::string_view word, const std::vector<std::string_view>& known,
            const std::string& help_command) {
  const std::string_view near = nearest(word, known);
  complain("unknown " + kind + " \"" + std::string(word) + "\"" +
           (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"));
  complain("see: " + help_command);
  return exit_usage;
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty()) {
    complain("a command is missing; see: postern --help");
    return exit_usage;
  }
  if (is_help(words[0])) return print(help_overview({}));
  if (words[0] == "--version") {
    Arguments arguments(version_command, {});
    return version_command.run(arguments);
  }

  if (const Command* command = find(words[0])) {
    Arguments arguments(*command, {words.begin() + 1, words.end()});
    return command->run(arguments);
  }

  std::vector<std::string_view> nouns, verbs;
  for (const Command* command : commands()) {
    const std::string_view noun = noun_of(command->name);
    if (nouns.empty() || nouns.back() != noun) nouns.push_back(noun);
    if (noun == words[0]) verbs.push_back(command->name.substr(noun.size() + 1));
  }
  if (verbs.empty()) return unknown("command", words[0], nouns, "postern --help");
  if (words.size() > 1 && is_help(words[1])) return print(help_overview(words[0]));
  if (words.size() == 1) {
    complain("what to do with " + words[0] + " is missing; see: postern " + words[0] + " --help");
    return exit_usage;
  }
  if (const Command* command = find(words[0] + ' ' + words[1])) {
    Arguments arguments(*command, {words.begin() + 2, words.end()});
    return command->run(arguments);
  }
  return unknown(words[0] + " command", words[1], verbs, "postern " + words[0] + " --help");
}

}  // namespace

int main(int argc, char** argv) noexcept {
  try {
    // A reader that has gone away is an error of write(), which can be reported; the signal would end us in
    // silence.
    std::signal(SIGPIPE, SIG_IGN);
    admin::explain_bus_errors();
    leave_openssl_unconfigured();
    admin::keep_memory_private();
    return dispatch({argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::exception& error) {
    complain(error.what());
  } catch (...) {
    complain("unknown failure");
  }
  return exit_failed;
}

}  // namespace postern::cli
