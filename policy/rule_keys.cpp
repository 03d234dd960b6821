#include "policy/rule_keys.hpp"

#include <algorithm>
#include <array>

namespace postern::policy {
namespace {

struct Key {
  std::string_view name;
  KeyUse use;
};

constexpr auto keys = std::to_array<Key>({
    {"version", KeyUse::file},
    {"rules", KeyUse::file},

    {"id", KeyUse::rule},
    {"host", KeyUse::rule},
    {"path", KeyUse::rule},
    {"methods", KeyUse::rule},
    {"allow", KeyUse::rule},
    {"deny", KeyUse::rule},
    {"resource", KeyUse::rule},
    {"mode", KeyUse::rule},
    {"trailers", KeyUse::rule},
    {"upstream", KeyUse::rule},
    {"credentials", KeyUse::rule},

    {"authenticated", KeyUse::requirement},
    {"permission", KeyUse::requirement},
    {"role", KeyUse::requirement},
    {"group", KeyUse::requirement},
    {"license", KeyUse::requirement},
    {"application_license", KeyUse::requirement},
    {"client_certificate", KeyUse::requirement},
    {"any_of", KeyUse::requirement},
    {"all_of", KeyUse::requirement},
    {"not", KeyUse::requirement},

    {"body_limit", KeyUse::later},
    {"cidr", KeyUse::later},
    {"client", KeyUse::later},
    {"conditions", KeyUse::later},
    {"cors", KeyUse::later},
    {"defaults", KeyUse::later},
    {"deprecated", KeyUse::later},
    {"encoded_slash", KeyUse::later},
    {"header", KeyUse::later},
    {"headers", KeyUse::later},
    {"include", KeyUse::later},
    {"includes", KeyUse::later},
    {"limits", KeyUse::later},
    {"owner", KeyUse::later},
    {"path_parameters", KeyUse::later},
    {"query", KeyUse::later},
    {"rate_limit", KeyUse::later},
    {"requirements", KeyUse::later},
    {"sunset", KeyUse::later},
    {"timeouts", KeyUse::later},
    {"websocket", KeyUse::later},
});

bool contains(std::initializer_list<KeyUse> uses, KeyUse use) noexcept {
  return std::find(uses.begin(), uses.end(), use) != uses.end();
}

std::string place_of(KeyUse use) {
  switch (use) {
    case KeyUse::file:
      return "belongs to the top of the file";
    case KeyUse::rule:
      return "belongs to a rule";
    case KeyUse::requirement:
      return "belongs to a rule or to a term of one";
    case KeyUse::unknown:
    case KeyUse::later:
      break;
  }
  return "does not belong here";
}

}  // namespace

KeyUse use_of(std::string_view key) noexcept {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const Key& known) { return known.name == key; });
  return found == keys.end() ? KeyUse::unknown : found->use;
}

std::vector<std::string_view> keys_of(std::initializer_list<KeyUse> uses) {
  std::vector<std::string_view> names;
  for (const Key& key : keys) {
    if (contains(uses, key.use)) names.push_back(key.name);
  }
  return names;
}

bool check_key(const yaml::Document& document, const yaml::Entry& entry,
               std::initializer_list<KeyUse> allowed, Diagnostics& diagnostics) {
  const KeyUse use = use_of(entry.key);
  if (contains(allowed, use)) return true;
  if (use == KeyUse::unknown) {
    diagnostics.add(document.at(entry), "unknown key " + quoted(entry.key),
                    did_you_mean(entry.key, keys_of(allowed)));
  } else if (use == KeyUse::later) {
    diagnostics.add(document.at(entry), quoted(entry.key) + " is not yet supported");
  } else {
    diagnostics.add(document.at(entry), quoted(entry.key) + " " + place_of(use));
  }
  return false;
}

}  // namespace postern::policy
