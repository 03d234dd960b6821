#include "policy/rule_keys.hpp"

#include <algorithm>
#include <array>

namespace postern::policy {
namespace {

struct Key {
  std::string_view name;
  KeyUse use;
  std::string_view shape{};    ///< of its value in the schema: JSON, or the name of a definition after '#'
  std::string_view meaning{};  ///< for editors
};

// clang-format off
constexpr auto keys = std::to_array<Key>({
    {"version", KeyUse::file, R"({"const": 1})", "version of the language"},
    {"include", KeyUse::file, R"J({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[^/*?]+(/[^/*?]+)*$"}})J", "further policy files, by path from this one's directory"},
    {"requirements", KeyUse::file, R"({"type": "object", "additionalProperties": {"$ref": "#/$defs/term"}})", "named requirements for the rules of this file and of those it includes"},
    {"defaults", KeyUse::file, "#defaults", "options of every rule of this file that does not say otherwise"},
    {"rules", KeyUse::file, R"({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/rule"}})", "order never matters"},

    {"id", KeyUse::rule, R"({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"})", "name in logs and metrics"},
    {"path", KeyUse::rule, R"J({"type": "string", "pattern": "^(/|[*]$)"})J", "template: literals, {param}, ** at the end"},
    {"methods", KeyUse::rule, R"({"type": "array", "minItems": 1, "items": {"type": "string"}})", "upper case; every method without it"},
    {"allow", KeyUse::rule, R"({"enum": ["anonymous", "preflight"]})", "everybody; or every CORS preflight"},
    {"deny", KeyUse::rule, R"({"const": true})", "nobody"},
    {"resource", KeyUse::rule, R"({"type": "string"})", "a grant on this one resource is enough"},
    {"upstream_headers", KeyUse::rule, "#texts", "headers set on requests to the upstream"},
    {"deprecated", KeyUse::rule, "#date", "answers say so since this day"},
    {"sunset", KeyUse::rule, "#date", "answers say that it ends on this day"},

    {"host", KeyUse::option, R"({"type": "string"})", "exact name or *.suffix"},
    {"mode", KeyUse::option, R"({"enum": ["enforce", "shadow"]})", "shadow: log what would be refused"},
    {"trailers", KeyUse::option, R"({"enum": ["drop", "pass"]})", "fields after a chunked body"},
    {"upstream", KeyUse::option, R"({"type": "string"})", "which upstream of the configuration"},
    {"credentials", KeyUse::option, R"({"type": ["array", "string", "object"]})", "where a token may stand"},
    {"client", KeyUse::option, "#client", "networks that clients must come from"},
    {"query", KeyUse::option, "#conditions", "what parameters of the query must be"},
    {"headers", KeyUse::option, "#conditions", "what header fields must be"},
    {"body_limit", KeyUse::option, R"({"type": ["string", "integer"]})", "bytes of a request body"},
    {"timeouts", KeyUse::option, "#timeouts", "how long requests may wait, instead of the configuration's"},
    {"encoded_slash", KeyUse::option, R"({"enum": ["refuse", "keep"]})", "%2F in a path; keep: it is data of its segment"},

    {"authenticated", KeyUse::requirement, R"({"const": true})", "any valid token"},
    {"permission", KeyUse::requirement, "#id", "the subject holds it"},
    {"role", KeyUse::requirement, "#id", "the subject holds it"},
    {"group", KeyUse::requirement, "#id", "the subject is in it"},
    {"license", KeyUse::requirement, "#id", "the subject holds it, and it is enabled"},
    {"application_license", KeyUse::requirement, "#id", "the installation has it, and it is enabled"},
    {"client_certificate", KeyUse::requirement, R"({"type": ["boolean", "string"]})", "a verified certificate is shown"},
    {"owner", KeyUse::requirement, R"({"type": ["string", "object"]})", "the subject's id is this path parameter"},
    {"requirement", KeyUse::requirement, R"({"type": "string"})", "one of the file's named requirements"},
    {"any_of", KeyUse::requirement, "#terms", "at least one of them"},
    {"all_of", KeyUse::requirement, "#terms", "all of them"},
    {"not", KeyUse::requirement, "#term", "it is not met"},

});
// clang-format on

bool contains(std::initializer_list<KeyUse> uses, KeyUse use) noexcept {
  return std::find(uses.begin(), uses.end(), use) != uses.end();
}

std::string place_of(KeyUse use) {
  switch (use) {
    case KeyUse::file:
      return "belongs to the top of the file";
    case KeyUse::rule:
      return "belongs to a rule";
    case KeyUse::option:
      return "belongs to a rule or to \"defaults\"";
    case KeyUse::requirement:
      return "belongs to a rule or to a term of one";
    case KeyUse::unknown:
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

std::string policy_schema() {
  constexpr std::string_view definitions = R"(
    "id": {"type": "string", "pattern": "^[a-z][a-z0-9_]*([.][a-z0-9_]+)*$"},
    "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "texts": {"type": "object", "minProperties": 1, "additionalProperties": {"type": ["string", "number", "boolean"]}},
    "terms": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/term"}},
    "values": {"anyOf": [{"type": ["string", "number", "boolean"]},
      {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}}]},
    "conditions": {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [{"$ref": "#/$defs/values"},
      {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
       "properties": {"not": {"$ref": "#/$defs/values"}, "present": {"const": true}, "absent": {"const": true}}}]}},
    "timeouts": {"type": "object", "minProperties": 1, "additionalProperties": false,
      "properties": {"response": {"$ref": "#/$defs/duration"}, "body": {"$ref": "#/$defs/duration"}, "idle": {"$ref": "#/$defs/duration"}}},
    "duration": {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"},
    "client": {"anyOf": [{"$ref": "#/$defs/values"},
      {"type": "object", "required": ["not"], "additionalProperties": false, "properties": {"not": {"$ref": "#/$defs/values"}}}]})";
  const auto properties = [](std::initializer_list<KeyUse> uses) {
    std::string text;
    for (const Key& key : keys) {
      if (!contains(uses, key.use)) continue;
      const std::string meaning = R"("description": ")" + std::string(key.meaning) + '"';
      const std::string shape =
          key.shape.front() == '#'
              ? R"({"$ref": "#/$defs/)" + std::string(key.shape.substr(1)) + "\", " + meaning + '}'
              : std::string(key.shape.substr(0, key.shape.size() - 1)) + ", " + meaning + '}';
      text += (text.empty() ? "" : ",") + ("\n        \"" + std::string(key.name) + "\": ") + shape;
    }
    return R"({"type": "object", "additionalProperties": false, "properties": {)" + text + "}";
  };
  return R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "postern policy",
  "allOf": [)" +
         properties({KeyUse::file}) +
         R"(, "required": ["version"], "anyOf": [{"required": ["rules"]}, {"required": ["include"]}]}],
  "$defs": {)" +
         std::string(definitions) + R"(,
    "term": )" +
         properties({KeyUse::requirement}) + R"(, "minProperties": 1},
    "defaults": )" +
         properties({KeyUse::option}) + R"(},
    "rule": )" +
         properties({KeyUse::rule, KeyUse::option, KeyUse::requirement}) + R"(, "required": ["path"]}
  }
}
)";
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
  } else {
    diagnostics.add(document.at(entry), quoted(entry.key) + " " + place_of(use));
  }
  return false;
}

}  // namespace postern::policy
