#include "proxy/cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>

#include "conf/diagnostic.hpp"
#include "conf/option.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/help.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

void append_list(std::vector<std::string>& list, std::string_view value) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    if (const std::string_view item = value.substr(0, comma); !item.empty()) list.emplace_back(item);
    value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
  }
}

}  // namespace

void Arguments::operand(std::string name, std::string& value, std::string meaning) {
  Take take = [&value](const std::string& given) -> std::string {
    value = given;
    return given.empty() ? "it is empty" : "";
  };
  declared_.push_back({std::move(name), {}, std::move(meaning), std::move(take), true, false});
}

void Arguments::optional_operand(std::string name, std::string& value, std::string meaning) {
  operand(std::move(name), value, std::move(meaning));
  declared_.back().optional = true;
}

void Arguments::operands(std::string name, std::vector<std::string>& values, std::string meaning) {
  Take take = [&values](const std::string& given) -> std::string {
    values.push_back(given);
    return given.empty() ? "it is empty" : "";
  };
  declared_.push_back({std::move(name), {}, std::move(meaning), std::move(take), true, true});
}

void Arguments::flag(std::string name, bool& value, std::string meaning) {
  Take take = [&value](const std::string& given) -> std::string {
    value = given != "false";  // `--disabled=false` is possible, too
    return {};
  };
  declared_.push_back({std::move(name), {}, std::move(meaning), std::move(take), false, false});
}

void Arguments::text(std::string name, std::string placeholder, std::string& value, std::string meaning) {
  Take take = [&value](const std::string& given) -> std::string {
    value = given;
    return {};
  };
  this->value(std::move(name), std::move(placeholder), std::move(take), std::move(meaning));
}

void Arguments::text(std::string name, std::string placeholder, std::optional<std::string>& value,
                     std::string meaning) {
  Take take = [&value](const std::string& given) -> std::string {
    value = given;
    return {};
  };
  this->value(std::move(name), std::move(placeholder), std::move(take), std::move(meaning));
}

void Arguments::number(std::string name, std::uint64_t& value, std::uint64_t max, std::string meaning) {
  Take take = [&value, max](const std::string& given) { return number_flaw(given, max, value); };
  this->value(std::move(name), "N", std::move(take), std::move(meaning));
}

void Arguments::list(std::string name, std::string placeholder, std::vector<std::string>& value,
                     std::string meaning) {
  Take take = [&value](const std::string& given) -> std::string {
    append_list(value, given);
    return {};
  };
  this->value(std::move(name), std::move(placeholder), std::move(take), std::move(meaning), true);
}

void Arguments::list(std::string name, std::string placeholder,
                     std::optional<std::vector<std::string>>& value, std::string meaning) {
  Take take = [&value](const std::string& given) -> std::string {
    if (!value) value.emplace();
    append_list(*value, given);
    return {};
  };
  this->value(std::move(name), std::move(placeholder), std::move(take), std::move(meaning), true);
}

void Arguments::value(std::string name, std::string placeholder, Take take, std::string meaning,
                      bool repeatable) {
  declared_.push_back(
      {std::move(name), std::move(placeholder), std::move(meaning), std::move(take), false, repeatable});
}

bool Arguments::parse() {
  if (only_declare_) return false;
  CLI::App app;
  app.set_help_flag("-h,--help");
  // Collected instead of refused, so that the sentence about them can be ours.
  app.allow_extras();

  std::vector<CLI::Option*> parsed;
  for (const Declared& one : declared_) {
    CLI::Option* option = nullptr;
    if (one.placeholder.empty() && !one.operand) {
      option = app.add_flag(one.name);
    } else {
      option = app.add_option(one.name, [](const CLI::results_t&) { return true; });
      option->type_name(one.placeholder.empty() ? one.name : one.placeholder);
    }
    if (one.repeatable) {
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      option->expected(1, std::numeric_limits<int>::max());
      option->allow_extra_args(one.operand);
    }
    parsed.push_back(option);
  }

  // CLI11 takes the words from the back, and would take the next word for the value of `--name=`.
  std::vector<std::string> words;
  for (auto word = words_.rbegin(); word != words_.rend(); ++word) {
    if (word->starts_with("--") && word->find('=') + 1 == word->size()) {
      words.emplace_back();
      words.push_back(word->substr(0, word->size() - 1));
    } else {
      words.push_back(*word);
    }
  }
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    exit_code_ = print(help(*this));
    return false;
  } catch (const CLI::ParseError& error) {
    exit_code_ = usage_error(error.what());
    return false;
  }
  if (const std::vector<std::string> extras = app.remaining(); !extras.empty()) {
    exit_code_ = usage_error(unexpected(extras.front()));
    return false;
  }
  for (std::size_t i = 0; i < declared_.size(); ++i) {
    const Declared& one = declared_[i];
    if (one.operand && !one.optional && parsed[i]->count() == 0) {
      exit_code_ = usage_error(one.name + " is missing");
      return false;
    }
    for (const std::string& given : parsed[i]->results()) {
      if (const std::string flaw = one.take(given); !flaw.empty()) {
        exit_code_ = usage_error(one.name + ": " + flaw);
        return false;
      }
    }
  }
  return true;
}

std::string Arguments::unexpected(const std::string& word) const {
  if (!word.starts_with('-')) return "unexpected \"" + word + "\"";
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string_view> known = {"--help"};
  for (const Declared& one : declared_) {
    if (!one.operand) known.push_back(one.name);
  }
  const std::string_view near = nearest(name, known);
  return "unknown option " + name + (near.empty() ? "" : "; did you mean " + std::string(near) + "?");
}

int Arguments::usage_error(std::string_view sentence) const {
  complain(sentence);
  complain("see: postern " + std::string(command_.name) + " --help");
  return exit_usage;
}

std::string number_flaw(const std::string& text, std::uint64_t max, std::uint64_t& value) {
  const auto number = parse_count(text);
  if (number && *number <= max) {
    value = *number;
    return {};
  }
  return "\"" + text + "\" is not a whole number from 0 to " + std::to_string(max);
}

}  // namespace postern::cli
