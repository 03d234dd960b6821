// Completions for shells. Each is written from the same table and the same declarations as the help texts, so
// that none can fall behind.

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

using Declared = Arguments::Declared;

/// What `command` accepts.
std::vector<Declared> options_of(const Command& command) {
  Arguments arguments(command, {});
  arguments.only_declare();
  command.run(arguments);
  std::vector<Declared> options;
  for (const Declared& one : arguments.declared())
    if (!one.operand) options.push_back(one);
  Declared help;
  help.name = "--help";
  help.meaning = "print this and exit";
  options.push_back(std::move(help));
  return options;
}

bool takes_file(const Declared& option) {
  return option.placeholder == "FILE" || option.placeholder == "PATH" || option.placeholder == "DIR";
}

/// Nouns and commands of one word, and the verbs of each noun, in the order of the table.
struct Words {
  std::vector<std::string> first;
  std::map<std::string, std::vector<std::string>> verbs;
};

Words words_of_commands() {
  Words words;
  for (const Command* command : commands()) {
    const std::string name(command->name);
    const std::size_t blank = name.find(' ');
    const std::string first = name.substr(0, blank);
    if (words.first.empty() || words.first.back() != first) words.first.push_back(first);
    if (blank != std::string::npos) words.verbs[first].push_back(name.substr(blank + 1));
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// In single quotes, for any of the shells. Meanings hold no newline.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char character : text) {
    if (character == '\'')
      out += "'\\''";
    else
      out += character;
  }
  return out + "'";
}

std::string bash() {
  const Words words = words_of_commands();
  std::string text =
      "# bash completion for postern, made by `postern completion bash`\n"
      "_postern() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n"
      "  local names='' files=''\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '" +
      joined(words.first) +
      " --help --version' -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case $command in\n";
  for (const auto& [noun, verbs] : words.verbs)
    text += "    " + noun + ")\n      if [ \"$COMP_CWORD\" -eq 2 ]; then COMPREPLY=($(compgen -W '" +
            joined(verbs) + " --help' -- \"$word\")); return; fi\n      command+=\" ${COMP_WORDS[2]}\" ;;\n";
  text += "  esac\n  case $command in\n";
  for (const Command* command : commands()) {
    std::vector<std::string> names, files;
    for (const Declared& option : options_of(*command)) {
      names.push_back(option.name);
      if (takes_file(option)) files.push_back(option.name);
    }
    text += "    " + quoted(command->name) + ") names=" + quoted(joined(names)) +
            " files=" + quoted(joined(files)) + " ;;\n";
  }
  return text +
         "  esac\n"
         "  if [[ $word == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$names\" -- \"$word\"))\n"
         "  elif [[ \" $files \" == *\" $before \"* || $before != -* ]]; then\n"
         "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _postern postern\n";
}

/// "name:meaning" with the colons of the name escaped, as _describe wants it.
std::string described(std::string_view name, std::string_view meaning) {
  return quoted(std::string(name) + ":" + std::string(meaning));
}

std::string zsh() {
  const Words words = words_of_commands();
  std::string text =
      "#compdef postern\n"
      "# zsh completion for postern, made by `postern completion zsh`\n"
      "_postern() {\n"
      "  local -a names\n"
      "  local command=$words[2]\n"
      "  if (( CURRENT == 2 )); then\n"
      "    names=(" +
      joined(words.first) +
      " --help --version)\n"
      "    compadd -a names; return\n"
      "  fi\n"
      "  case $command in\n";
  for (const auto& [noun, verbs] : words.verbs) {
    text += "    " + noun + ")\n      if (( CURRENT == 3 )); then\n        names=(";
    for (const Command* command : commands())
      if (command->name.starts_with(noun + " "))
        text += "\n          " + described(command->name.substr(noun.size() + 1), command->meaning);
    text += ")\n        _describe command names; return\n      fi\n      command+=\" $words[3]\" ;;\n";
  }
  text += "  esac\n  case $command in\n";
  for (const Command* command : commands()) {
    text += "    " + quoted(command->name) + ") names=(";
    for (const Declared& option : options_of(*command))
      text += "\n      " + described(option.name, option.meaning);
    text += ") ;;\n";
  }
  return text +
         "  esac\n"
         "  if [[ $words[CURRENT] == -* ]]; then _describe option names; else _files; fi\n"
         "}\n"
         "if [[ $funcstack[1] == _postern ]]; then _postern \"$@\"; else compdef _postern postern; fi\n";
}

std::string fish() {
  const Words words = words_of_commands();
  std::string text =
      "# fish completion for postern, made by `postern completion fish`\n"
      "complete -c postern -n __fish_use_subcommand -f -a " +
      quoted(joined(words.first)) + "\n";
  for (const Command* command : commands()) {
    const std::size_t blank = command->name.find(' ');
    const std::string first(command->name.substr(0, blank));
    std::string condition = "__fish_seen_subcommand_from " + first;
    if (blank != std::string_view::npos) {
      const std::string verb(command->name.substr(blank + 1));
      text += "complete -c postern -n " +
              quoted(condition + "; and not __fish_seen_subcommand_from " + joined(words.verbs.at(first))) +
              " -f -a " + verb + " -d " + quoted(command->meaning) + "\n";
      condition += "; and __fish_seen_subcommand_from " + verb;
    }
    for (const Declared& option : options_of(*command)) {
      text += "complete -c postern -n " + quoted(condition) + " -l " + option.name.substr(2) + " -d " +
              quoted(option.meaning);
      if (!option.placeholder.empty()) text += takes_file(option) ? " -r -F" : " -x";
      text += "\n";
    }
  }
  return text;
}

int completion_run(Arguments& arguments) {
  std::string shell;
  arguments.operand("SHELL", shell, "bash, zsh or fish");
  if (!arguments.parse()) return arguments.exit_code();
  if (shell == "bash") return print(bash());
  if (shell == "zsh") return print(zsh());
  if (shell == "fish") return print(fish());
  return arguments.usage_error("there is no completion for \"" + shell + "\", only for bash, zsh and fish");
}

}  // namespace

const Command completion{
    "completion",
    "Prints what makes a shell complete postern's commands and options. For bash it belongs into "
    "/usr/share/bash-completion/completions/postern, for zsh into a file _postern of $fpath, for fish into "
    "~/.config/fish/completions/postern.fish.",
    "postern completion bash\n"
    "postern completion zsh\n"
    "postern completion fish",
    completion_run,
};

}  // namespace postern::cli
