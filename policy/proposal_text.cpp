// A proposal as lines of YAML.

#include <algorithm>

#include "conf/utf8.hpp"
#include "policy/proposal.hpp"

namespace postern::policy {
namespace {

/// The beginning of a text from a document as one line: no control characters, at most 120 bytes.
std::string one_line(std::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < 120) {
    const std::size_t size = std::max<std::size_t>(utf8_size(text), 1);
    const auto byte = static_cast<unsigned char>(text.front());
    // U+0080..U+009F and the line separators of Unicode are line ends to some readers of YAML.
    const std::string_view piece = text.substr(0, size);
    const bool plain = (size > 1 && !(byte == 0xC2 && static_cast<unsigned char>(piece[1]) < 0xA0) &&
                        piece != "\xE2\x80\xA8" && piece != "\xE2\x80\xA9") ||
                       (size == 1 && byte >= 0x20 && byte < 0x7F);
    out += plain ? piece : std::string_view("?");
    text.remove_prefix(size);
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool is_word(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == ' ';
  };
  return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), fits);
}

/// A name beginning with a word ("Read orders"): needs quotes only for what is no word.
std::string name_text(const std::string& name) {
  const std::string line = one_line(name);
  return is_word(line) ? line : in_quotes(line);
}

/// "7" and "no" are numbers and truths to some readers of YAML.
std::string id_text(const std::string& id) {
  const bool digits = id.find_first_not_of("0123456789.eE_-") == std::string::npos;
  const bool truth = id == "true" || id == "false" || id == "null" || id == "yes" || id == "no" ||
                     id == "on" || id == "off" || id == "y" || id == "n";
  return digits || truth ? in_quotes(id) : id;
}

std::string path_text(const std::string& path) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.{}~-%@$()+=";
  return path.find_first_not_of(plain) == std::string::npos ? path : in_quotes(path);
}

std::string listed(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return '[' + out + ']';
}

std::string demand_of(const ProposedRule& rule) {
  if (rule.open) return "allow: anonymous";
  if (rule.permissions.empty()) return "deny: true";
  if (rule.permissions.size() == 1) return "permission: " + rule.permissions.front();
  std::vector<std::string> terms;
  for (const std::string& permission : rule.permissions) terms.push_back("{permission: " + permission + '}');
  return "all_of: " + listed(terms);
}

/// Whether somebody with this role may pass.
bool suffices(const ProposedRole& role, const ProposedRule& rule) {
  return std::all_of(rule.permissions.begin(), rule.permissions.end(), [&](const std::string& permission) {
    return std::find(role.permissions.begin(), role.permissions.end(), permission) != role.permissions.end();
  });
}

/// "GET /orders/other" as one text, or with the host as a mapping.
std::string request_text(const std::string& method, const std::string& example) {
  const std::size_t slash = example.find('/');
  const std::string target = path_text(example.substr(slash));
  if (slash > 0)
    return "{method: " + method + ", target: " + target + ", host: " + in_quotes(example.substr(0, slash)) +
           '}';
  return target.front() == '"' ? in_quotes(method + ' ' + example) : method + ' ' + target;
}

void comment(std::string& text, const std::string& margin, const ProposedRule& rule) {
  if (rule.operations.size() > 1) {
    text += margin + "# No rule can tell these apart:\n";
    for (std::size_t i = 0; i < rule.operations.size() && i < proposed_permissions_max; ++i)
      text += margin + "#   " + rule.method + ' ' + one_line(rule.operations[i]->path) + '\n';
    if (rule.operations.size() > proposed_permissions_max)
      text +=
          margin + "#   and " + std::to_string(rule.operations.size() - proposed_permissions_max) + " more\n";
  }
  if (!rule.open && rule.permissions.empty())
    text +=
        margin +
        "# They demand too many different permissions for one rule: closed until you say what is meant.\n";
  if (rule.undeclared && rule.open)
    text += margin + "# The document declares no security: open to everybody.\n";
  if (rule.undeclared && !rule.open)
    text +=
        margin + "# The document declares no security; guarded all the same. accepted: guarded_operation\n";
}

}  // namespace

std::string rules_text(const std::vector<ProposedRule>& rules, std::size_t indentation) {
  const std::string margin(indentation, ' ');
  std::string text;
  const std::string* group = nullptr;
  for (const ProposedRule& rule : rules) {
    if (group == nullptr || *group != rule.group)
      text += (group == nullptr ? "" : "\n") + margin + "# --- " + rule.group + " ---\n";
    group = &rule.group;
    comment(text, margin, rule);
    text += margin + "- id: " + id_text(rule.id) + '\n';
    text += margin + "  path: " + path_text(rule.path) + '\n';
    text += margin + "  methods: [" + rule.method + "]\n";
    text += margin + "  " + demand_of(rule) + '\n';
  }
  return text;
}

std::string permissions_text(const std::vector<ProposedPermission>& permissions, std::size_t indentation) {
  const std::string margin(indentation, ' ');
  std::string text;
  for (const ProposedPermission& one : permissions)
    text += margin + "- " +
            (one.name.empty() ? one.id : "{id: " + one.id + ", name: " + name_text(one.name) + '}') + '\n';
  return text;
}

std::string roles_text(const std::vector<ProposedRole>& roles, std::size_t indentation) {
  const std::string margin(indentation, ' ');
  std::string text;
  for (const ProposedRole& role : roles)
    text += margin + "- {id: " + role.id + ", name: " + name_text(role.name) +
            ", permissions: " + listed(role.permissions) + "}\n";
  return text;
}

std::string subjects_text(const std::vector<ProposedRole>& roles, std::size_t indentation) {
  const std::string margin(indentation, ' ');
  std::string text = margin + "nobody: {id: nobody}  # a valid token that holds nothing\n";
  for (const ProposedRole& role : roles) text += margin + role.id + ": {roles: [" + role.id + "]}\n";
  return text;
}

std::string cases_text(const std::vector<ProposedRule>& rules, const std::vector<ProposedRole>& roles,
                       const Examples& examples, std::size_t indentation) {
  const std::string margin(indentation, ' ');
  std::string text;
  for (const ProposedRule& rule : rules) {
    const auto example = examples.find(rule.id);
    if (example == examples.end()) continue;
    const auto add = [&](const std::string& who, std::string_view expected) {
      text += margin + "- {as: " + who + ", request: " + request_text(rule.method, example->second) +
              ", expect: " + std::string(expected) + ", rule: " + id_text(rule.id) + "}\n";
    };
    if (rule.open) {
      add("[anonymous, unusable]", "allow");
      continue;
    }
    std::vector<std::string> may, may_not = {"anonymous", "unusable"};
    if (!roles.empty()) may_not.emplace_back("nobody");
    for (const ProposedRole& role : roles)
      if (role.id.starts_with(rule.group + '.')) (suffices(role, rule) ? may : may_not).push_back(role.id);
    if (rule.permissions.empty()) may.clear();
    if (!may.empty())
      add(listed(may), "allow");
    else if (!rule.permissions.empty())
      add("{permissions: " + listed(rule.permissions) + '}', "allow");
    add(listed(may_not), "deny");
  }
  return text;
}

}  // namespace postern::policy
