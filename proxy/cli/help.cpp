#include "proxy/cli/help.hpp"

#include <algorithm>
#include <vector>

#include "proxy/cli/arguments.hpp"

namespace postern::cli {
namespace {

constexpr std::size_t line_width = 80;

struct Entry {
  std::string term;
  std::string meaning;
};

/// Two columns: terms, and what they mean, wrapped beside them.
std::string two_columns(const std::vector<Entry>& entries) {
  std::size_t term_width = 0;
  for (const Entry& entry : entries) term_width = std::max(term_width, entry.term.size());
  const std::size_t indent = term_width + 4;

  std::string text;
  for (const Entry& entry : entries) {
    std::string line = "  " + entry.term + std::string(indent - 2 - entry.term.size(), ' ');
    std::string_view rest = entry.meaning;
    bool first_word = true;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (!first_word && line.size() + 1 + end > line_width) {
        text += line + '\n';
        line = std::string(indent, ' ');
        first_word = true;
      }
      if (!first_word) line += ' ';
      line += rest.substr(0, end);
      first_word = false;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    text += line + '\n';
  }
  return text;
}

std::string examples_of(std::string_view examples) {
  std::string text = "\nexamples:\n";
  while (!examples.empty()) {
    const std::size_t end = std::min(examples.find('\n'), examples.size());
    text += "  ";
    text += examples.substr(0, end);
    text += '\n';
    examples.remove_prefix(std::min(end + 1, examples.size()));
  }
  return text;
}

std::string term_of(const Arguments::Declared& declared) {
  std::string term = declared.name;
  if (!declared.placeholder.empty()) term += ' ' + declared.placeholder;
  if (declared.repeatable) term += " ...";
  return term;
}

}  // namespace

std::string help(const Arguments& arguments) {
  std::string usage = "usage: postern " + std::string(arguments.command().name);
  std::vector<Entry> operands, options;
  for (const Arguments::Declared& declared : arguments.declared()) {
    if (declared.operand) usage += ' ' + declared.name;
    (declared.operand ? operands : options).push_back({term_of(declared), declared.meaning});
  }
  options.push_back({"-h, --help", "print this and exit"});

  std::string text = usage + " [options]\n\n" + std::string(arguments.command().meaning) + '\n';
  if (!operands.empty()) text += '\n' + two_columns(operands);
  text += "\noptions:\n" + two_columns(options);
  text += examples_of(arguments.command().examples);
  return text;
}

std::string help_overview(std::string_view noun) {
  std::vector<Entry> entries;
  std::string_view example;
  for (const Command* command : commands()) {
    const bool of_noun =
        command->name.starts_with(noun) &&
        (noun.empty() || command->name == noun || command->name.substr(noun.size()).starts_with(' '));
    if (!of_noun) continue;
    entries.push_back({std::string(command->name), std::string(command->meaning)});
    if (example.empty()) example = command->examples;
  }
  std::string text;
  if (noun.empty()) {
    text =
        "usage: postern COMMAND [options]\n\nA guarded door in front of an HTTP API: it checks bearer "
        "tokens, "
        "enforces a policy\nand manages the tokens.\n";
  } else {
    text = "usage: postern " + std::string(noun) + " COMMAND [options]\n";
  }
  text += "\ncommands:\n" + two_columns(entries);
  text +=
      "\n`postern COMMAND --help` tells a command's options. Exit codes: 0 done, 1 refused or\n"
      "failed, 2 the words make no sense.\n";
  text += examples_of(example);
  return text;
}

}  // namespace postern::cli
