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

/// Breaks `meaning` into lines that fit beside `indent` columns; the first goes on after `line`, which is
/// that long.
std::string wrapped(std::string line, std::string_view meaning, std::size_t indent) {
  std::string text;
  bool first_word = true;
  while (!meaning.empty()) {
    const std::size_t end = std::min(meaning.find(' '), meaning.size());
    if (!first_word && line.size() + 1 + end > line_width) {
      text += line + '\n';
      line = std::string(indent, ' ');
      first_word = true;
    }
    if (!first_word) line += ' ';
    line += meaning.substr(0, end);
    first_word = false;
    meaning.remove_prefix(std::min(end + 1, meaning.size()));
  }
  return text + line + '\n';
}

/// Two columns: terms, and what they mean beside them.
std::string two_columns(const std::vector<Entry>& entries) {
  std::size_t term_width = 0;
  for (const Entry& entry : entries) term_width = std::max(term_width, entry.term.size());
  const std::size_t indent = term_width + 4;

  std::string text;
  for (const Entry& entry : entries) {
    const std::string gap(indent - 2 - entry.term.size(), ' ');
    text += wrapped("  " + entry.term + gap, entry.meaning, indent);
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
    if (declared.operand) usage += declared.optional ? " [" + declared.name + ']' : ' ' + declared.name;
    (declared.operand ? operands : options).push_back({term_of(declared), declared.meaning});
  }
  options.push_back({"-h, --help", "print this and exit"});

  std::string text = usage + " [options]\n\n" + wrapped({}, arguments.command().meaning, 0);
  if (!operands.empty()) text += '\n' + two_columns(operands);
  text += "\noptions:\n" + two_columns(options);
  text += examples_of(arguments.command().examples);
  return text;
}

std::string help_overview(std::string_view noun) {
  std::vector<Entry> entries;
  std::string_view examples;
  for (const Command* command : commands()) {
    const std::size_t blank = command->name.find(' ');
    const bool of_noun = command->name.substr(0, blank) == noun;
    if (!noun.empty() && !of_noun) continue;
    if (examples.empty()) examples = command->examples;
    if (of_noun || blank == std::string_view::npos) {
      entries.push_back({std::string(command->name), std::string(command->meaning)});
      continue;
    }
    // Among all commands, those of one noun share a line.
    const std::string shared = std::string(command->name.substr(0, blank)) + " ...";
    const std::string verb(command->name.substr(blank + 1));
    if (!entries.empty() && entries.back().term == shared) {
      entries.back().meaning += ", " + verb;
    } else {
      entries.push_back({shared, verb});
    }
  }
  std::string text =
      "usage: postern " + (noun.empty() ? "" : std::string(noun) + ' ') + "COMMAND [options]\n";
  if (noun.empty()) {
    text +=
        "\nA guarded door in front of an HTTP API: checks bearer tokens, enforces a policy,\n"
        "and manages the tokens.\n";
  }
  text += "\ncommands:\n" + two_columns(entries);
  if (noun.empty()) {
    text +=
        "\n`postern token --help` tells what can be done with tokens, and so on; `postern\n"
        "COMMAND --help` a command's options. Exit codes: 0 done, 1 refused or failed,\n"
        "2 the words make no sense.\n";
  }
  return text + examples_of(examples);
}

}  // namespace postern::cli
