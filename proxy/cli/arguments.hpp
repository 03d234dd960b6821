// What a command accepts: declared once, and parsing, help text and usage errors come from it. CLI11 does the
// parsing; nothing of it shows, so that only one translation unit pays for it.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cli/command.hpp"

namespace postern::cli {

/// The declared options of one command and the words to parse. What is bound must outlive parse().
///
///     int show(Arguments& arguments) {
///       std::string id;
///       arguments.operand("ID", id, "the token's id");
///       if (!arguments.parse()) return arguments.exit_code();
///       …
class Arguments {
 public:
  /// Takes one value as given. Returns the sentence that says what is wrong with it, empty when nothing is.
  using Take = std::function<std::string(const std::string& value)>;

  struct Declared {
    std::string name;         ///< "--name", or "ID" for an operand
    std::string placeholder;  ///< of the value, "FILE"; empty for a flag
    std::string meaning;
    Take take;
    bool operand = false;  ///< a word without a name; always before the options in the usage line
    bool repeatable = false;
    bool optional = false;  ///< of an operand: may be left out
  };

  /// `command` outlives this; `words` are those after the command's name.
  Arguments(const Command& command, std::vector<std::string> words) noexcept
      : command_(command), words_(std::move(words)) {}

  /// A word that must be given.
  void operand(std::string name, std::string& value, std::string meaning);
  /// A word that may be given.
  void optional_operand(std::string name, std::string& value, std::string meaning);
  /// One word or more, each without a name; after them no other word without a name.
  void operands(std::string name, std::vector<std::string>& values, std::string meaning);
  /// A switch, false unless given.
  void flag(std::string name, bool& value, std::string meaning);
  void text(std::string name, std::string placeholder, std::string& value, std::string meaning);
  void text(std::string name, std::string placeholder, std::optional<std::string>& value,
            std::string meaning);
  /// A decimal number from 0 to `max`.
  void number(std::string name, std::uint64_t& value, std::uint64_t max, std::string meaning);
  /// Repeatable, and each value may be a comma list. `--set-role ''` makes an optional list empty.
  void list(std::string name, std::string placeholder, std::vector<std::string>& value, std::string meaning);
  void list(std::string name, std::string placeholder, std::optional<std::vector<std::string>>& value,
            std::string meaning);
  /// A value with a reader of its own. `repeatable`: `take` is called for each.
  void value(std::string name, std::string placeholder, Take take, std::string meaning,
             bool repeatable = false);

  /// Parses the words into what was bound. False when there is nothing more to do: help was asked for and
  /// printed, or the words make no sense, which was said on standard error. exit_code() then tells which.
  [[nodiscard]] bool parse();
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

  /// Makes parse() do nothing but return false: whoever wants declared() then has it without running the
  /// command.
  void only_declare() noexcept { only_declare_ = true; }

  /// Says what is wrong with the words and where help is. Returns exit_usage.
  int usage_error(std::string_view sentence) const;

  [[nodiscard]] const Command& command() const noexcept { return command_; }
  [[nodiscard]] const std::vector<Declared>& declared() const noexcept { return declared_; }

 private:
  /// The sentence about a word that nothing accepts.
  [[nodiscard]] std::string unexpected(const std::string& word) const;

  const Command& command_;
  std::vector<std::string> words_;
  std::vector<Declared> declared_;
  int exit_code_ = 0;
  bool only_declare_ = false;
};

/// Reads a decimal number from 0 to `max` into `value`. What is wrong with the text, or empty.
[[nodiscard]] std::string number_flaw(const std::string& text, std::uint64_t max, std::uint64_t& value);

}  // namespace postern::cli
