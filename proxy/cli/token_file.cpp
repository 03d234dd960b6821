#include "proxy/cli/token_file.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "conf/option.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/instant_option.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

/// Takes one value into a specification. What is wrong with it, or empty.
using Take = std::string (*)(store::TokenSpec&, const json::value&);

std::string take_text(std::string& text, const json::value& value) {
  text.clear();
  if (value.is_null()) return {};
  if (!value.is_string()) return "is no text";
  text = value.get_string();
  return {};
}

template <std::string store::TokenSpec::*member>
std::string take_member(store::TokenSpec& spec, const json::value& value) {
  return take_text(spec.*member, value);
}

template <UnixSeconds store::TokenSpec::*member>
std::string take_time(store::TokenSpec& spec, const json::value& value) {
  std::string text;
  if (std::string flaw = take_text(text, value); !flaw.empty()) return flaw;
  spec.*member = 0;
  return text.empty() ? "" : take_instant(spec.*member)(text);
}

std::string take_texts(std::vector<std::string>& list, const json::value& value) {
  list.clear();
  if (!value.is_array()) return "is no list";
  for (const json::value& item : value.get_array()) {
    if (!item.is_string()) return "is no list of texts";
    list.emplace_back(item.get_string());
  }
  return {};
}

template <std::vector<std::string> store::Assignments::*member>
std::string take_ids(store::TokenSpec& spec, const json::value& value) {
  return take_texts(spec.assignments.*member, value);
}

std::string take_grants(store::TokenSpec& spec, const json::value& value) {
  std::vector<std::string> texts;
  if (std::string flaw = take_texts(texts, value); !flaw.empty()) return flaw;
  spec.assignments.grants.clear();
  for (const std::string& text : texts) {
    auto grant = grant_of(text);
    if (!grant) return "\"" + text + "\" is no grant; write permission=resource";
    spec.assignments.grants.push_back(std::move(*grant));
  }
  return {};
}

std::string take_networks(store::TokenSpec& spec, const json::value& value) {
  std::vector<std::string> texts;
  if (std::string flaw = take_texts(texts, value); !flaw.empty()) return flaw;
  spec.networks.clear();
  for (const std::string& text : texts) {
    const auto network = parse_network(text);
    if (!network) return "\"" + text + "\" is no network; write 10.0.0.0/8 or 2001:db8::/32";
    spec.networks.push_back(*network);
  }
  return {};
}

template <bool store::TokenSpec::*member>
std::string take_bool(store::TokenSpec& spec, const json::value& value) {
  if (!value.is_bool()) return "is neither true nor false";
  spec.*member = value.get_bool();
  return {};
}

std::string pass_over(store::TokenSpec&, const json::value&) {
  return {};
}

struct Key {
  std::string_view name;
  Take take;
};
constexpr std::array keys = {
    Key{"name", take_member<&store::TokenSpec::name>},
    Key{"description", take_member<&store::TokenSpec::description>},
    Key{"owner", take_member<&store::TokenSpec::owner>},
    Key{"not_before", take_time<&store::TokenSpec::not_before>},
    Key{"expires", take_time<&store::TokenSpec::expires>},
    Key{"enabled", take_bool<&store::TokenSpec::enabled>},
    Key{"canary", take_bool<&store::TokenSpec::canary>},
    Key{"networks", take_networks},
    Key{"groups", take_ids<&store::Assignments::groups>},
    Key{"roles", take_ids<&store::Assignments::roles>},
    Key{"permissions", take_ids<&store::Assignments::permissions>},
    Key{"licenses", take_ids<&store::Assignments::licenses>},
    Key{"grants", take_grants},
    Key{"id", pass_over},
    Key{"state", pass_over},
    Key{"created", pass_over},
    Key{"rotated", pass_over},
    Key{"imported", pass_over},
};

std::string take_key(store::TokenSpec& spec, std::string_view name, const json::value& value) {
  std::vector<std::string_view> known;
  for (const Key& key : keys) {
    if (key.name == name) return key.take(spec, value);
    known.push_back(key.name);
  }
  const std::string_view near = nearest(name, known);
  return near.empty() ? "is no setting of a token" : "is unknown; did you mean " + std::string(near) + "?";
}

}  // namespace

std::vector<store::TokenSpec> parse_token_file(std::string_view text, const std::string& file,
                                               const store::TokenSpec& pattern, Diagnostics& diagnostics) {
  std::vector<store::TokenSpec> specs;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos || line.starts_with('#')) continue;
    boost::json::error_code unreadable;
    const json::value value = json::parse(line, unreadable);
    if (unreadable || !value.is_object()) {
      diagnostics.add({file, number, 0}, "not a JSON object on one line");
      continue;
    }
    store::TokenSpec& spec = specs.emplace_back(pattern);
    for (const auto& [name, given] : value.get_object())
      if (const std::string flaw = take_key(spec, name, given); !flaw.empty())
        diagnostics.add({file, number, 0}, std::string(name) + ": " + flaw);
    if (!spec.owner.empty() && !spec.assignments.empty())
      diagnostics.add({file, number, 0}, "a token with an owner has that user's rights and none of its own");
  }
  return specs;
}

}  // namespace postern::cli
