#include "store/catalog_file.hpp"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <limits>
#include <set>

#include "conf/limits.hpp"
#include "conf/option.hpp"
#include "store/instant.hpp"

namespace postern::store {
namespace {

/// Walks one catalog file. Each read_* fills what it can and adds a diagnostic for what it cannot.
class CatalogReader {
 public:
  CatalogReader(const yaml::Document& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  Store::Declaration read() {
    const yaml::Node& root = document_.root;
    if (root.kind == yaml::Kind::null) {
      mistake(root, "the catalog is empty", "start with \"version: 1\"");
      return {};
    }
    if (!is_mapping(root, {"version", "permissions", "roles", "groups", "licenses", "users", "tokens"}))
      return {};
    read_version(root);
    each(root, "permissions", [this](const yaml::Node& node) { read_entity(node, EntityKind::permission); });
    each(root, "roles", [this](const yaml::Node& node) { read_entity(node, EntityKind::role); });
    each(root, "groups", [this](const yaml::Node& node) { read_entity(node, EntityKind::group); });
    each(root, "licenses", [this](const yaml::Node& node) { read_entity(node, EntityKind::license); });
    each(root, "users", [this](const yaml::Node& node) { read_user(node); });
    each(root, "tokens", [this](const yaml::Node& node) { read_token(node); });
    return std::move(declaration_);
  }

 private:
  // --- places and shapes ---

  void mistake(const yaml::Node& node, std::string message, std::string suggestion = {}) {
    diagnostics_.add(document_.at(node), std::move(message), std::move(suggestion));
  }

  static std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
    const std::string_view near = nearest(word, known);
    return near.empty() ? std::string{} : "did you mean \"" + std::string(near) + "\"?";
  }

  /// Whether the node is a mapping; its unknown keys are mistakes, but do not make it unreadable.
  bool is_mapping(const yaml::Node& node, std::initializer_list<std::string_view> keys) {
    if (node.kind != yaml::Kind::mapping) {
      mistake(node, "expected a mapping");
      return false;
    }
    for (const yaml::Entry& entry : node.entries) {
      if (std::find(keys.begin(), keys.end(), entry.key) != keys.end()) continue;
      diagnostics_.add(document_.at(entry), "unknown key \"" + entry.key + "\"",
                       did_you_mean(entry.key, keys));
    }
    return true;
  }

  void each(const yaml::Node& node, std::string_view key,
            const std::function<void(const yaml::Node&)>& read_one) {
    const yaml::Node* list = node.find(key);
    if (list == nullptr || list->kind == yaml::Kind::null) return;
    if (list->kind != yaml::Kind::sequence) {
      mistake(*list, "\"" + std::string(key) + "\" must be a list");
      return;
    }
    for (const yaml::Node& item : list->items) read_one(item);
  }

  void each_text(const yaml::Node& node, std::string_view key,
                 const std::function<void(const yaml::Node&, const std::string&)>& read_one) {
    each(node, key, [&](const yaml::Node& item) {
      if (item.kind != yaml::Kind::scalar) return mistake(item, "expected a text");
      read_one(item, item.scalar);
    });
  }

  // --- values ---

  /// The scalar under `key`, or null pointer when it is absent (or no scalar, which is a mistake).
  const yaml::Node* scalar(const yaml::Node& node, std::string_view key) {
    const yaml::Node* value = node.find(key);
    if (value == nullptr || value->kind == yaml::Kind::null) return nullptr;
    if (value->kind == yaml::Kind::scalar) return value;
    mistake(*value, "\"" + std::string(key) + "\" must be a single value");
    return nullptr;
  }

  void read_text(const yaml::Node& node, std::string_view key, std::size_t bytes_max, std::string& text) {
    const yaml::Node* value = scalar(node, key);
    if (value == nullptr) return;
    if (value->scalar.size() > bytes_max) {
      return mistake(*value,
                     "\"" + std::string(key) + "\" is longer than " + std::to_string(bytes_max) + " bytes");
    }
    text = value->scalar;
  }

  void read_bool(const yaml::Node& node, std::string_view key, bool& value) {
    const yaml::Node* written = scalar(node, key);
    if (written == nullptr) return;
    if (written->scalar != "true" && written->scalar != "false") {
      return mistake(*written, "\"" + written->scalar + "\" is neither true nor false");
    }
    value = written->scalar == "true";
  }

  void read_count(const yaml::Node& node, std::string_view key, std::uint32_t& value) {
    const yaml::Node* written = scalar(node, key);
    if (written == nullptr) return;
    const auto count = parse_count(written->scalar);
    if (!count || *count > std::numeric_limits<std::uint32_t>::max()) {
      return mistake(*written, "\"" + written->scalar + "\" is not a whole number from 0 to " +
                                   std::to_string(std::numeric_limits<std::uint32_t>::max()));
    }
    value = static_cast<std::uint32_t>(*count);
  }

  void read_instant(const yaml::Node& node, std::string_view key, UnixSeconds& value) {
    if (const yaml::Node* written = scalar(node, key)) value = instant_of(*written).value_or(0);
  }

  std::optional<UnixSeconds> instant_of(const yaml::Node& written) {
    const auto instant = parse_instant(written.scalar);
    if (instant) return instant;
    const bool duration = parse_duration(written.scalar).has_value();
    mistake(written, "\"" + written.scalar + "\" is not a point in time",
            duration ? "a catalog is applied again and again: write a date instead of a duration"
                     : "write 2026-12-31 or 2026-12-31T12:00:00Z");
    return std::nullopt;
  }

  static std::string network_suggestion(const std::string& text) {
    const auto meant = enclosing_network(text);
    return meant ? "did you mean \"" + to_string(*meant) + "\"?" : "write 10.0.0.0/8 or 2001:db8::/32";
  }

  void read_version(const yaml::Node& root) {
    const yaml::Node* version = scalar(root, "version");
    if (version == nullptr) return mistake(root, "\"version\" is missing", "start with \"version: 1\"");
    if (version->scalar != "1")
      mistake(*version, "version " + version->scalar + " is not supported", "only 1 is");
  }

  /// The id of an entry that must have one. Empty when it has none or a bad one, which is a mistake.
  std::string read_id(const yaml::Node& node, std::string_view (*flaw_of)(std::string_view)) {
    const yaml::Node* value = node.kind == yaml::Kind::scalar ? &node : scalar(node, "id");
    if (value == nullptr) {
      mistake(node, "\"id\" is missing");
      return {};
    }
    if (const std::string_view flaw = flaw_of(value->scalar); !flaw.empty()) {
      mistake(*value, "\"" + value->scalar + "\" is no id: " + std::string(flaw));
      return {};
    }
    return value->scalar;
  }

  /// An id may be declared once per file and kind: the second would silently win.
  void declare_once(const yaml::Node& node, std::string_view kind, const std::string& id) {
    if (id.empty() || declared_.insert(std::string(kind) + ' ' + id).second) return;
    const yaml::Node* value = node.find("id");
    mistake(value != nullptr ? *value : node, std::string(kind) + " \"" + id + "\" is declared twice");
  }

  void read_ids(const yaml::Node& node, std::string_view key, std::vector<std::string>& ids) {
    each_text(node, key, [&](const yaml::Node& item, const std::string& id) {
      if (const std::string_view flaw = entity_id_flaw(id); !flaw.empty()) {
        return mistake(item, "\"" + id + "\" is no id: " + std::string(flaw));
      }
      ids.push_back(id);
    });
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }

  void read_assignments(const yaml::Node& node, Assignments& assignments) {
    read_ids(node, "groups", assignments.groups);
    read_ids(node, "roles", assignments.roles);
    read_ids(node, "permissions", assignments.permissions);
    read_ids(node, "licenses", assignments.licenses);
    each_text(node, "grants", [&](const yaml::Node& item, const std::string& text) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
        return mistake(item, "\"" + text + "\" is no grant",
                       "write permission=resource: \"project.read=project/42\"");
      }
      assignments.grants.push_back({text.substr(0, equals), text.substr(equals + 1)});
    });
  }

  // --- entries ---

  void read_entity(const yaml::Node& node, EntityKind kind) {
    Entity entity;
    entity.kind = kind;
    entity.id = read_id(node, [](std::string_view id) { return entity_id_flaw(id); });
    if (node.kind != yaml::Kind::scalar) {
      const bool mapping =
          kind == EntityKind::role ? is_mapping(node, {"id", "name", "description", "permissions"})
          : kind == EntityKind::license
              ? is_mapping(node, {"id", "kind", "name", "description", "url", "max_subjects", "enabled"})
              : is_mapping(node, {"id", "name", "description"});
      if (!mapping) return;
      read_text(node, "name", limits::name_bytes_max, entity.name);
      read_text(node, "description", limits::description_bytes_max, entity.description);
      if (kind == EntityKind::role) read_ids(node, "permissions", entity.permissions);
      if (kind == EntityKind::license) read_license(node, entity);
    }
    declare_once(node, policy::to_string(kind), entity.id);
    declaration_.entities.push_back(std::move(entity));
  }

  void read_license(const yaml::Node& node, Entity& license) {
    if (const yaml::Node* kind = scalar(node, "kind")) {
      if (kind->scalar == "application") {
        license.license_kind = LicenseKind::application;
      } else if (kind->scalar != "subject") {
        mistake(*kind, "\"" + kind->scalar + "\" is no kind of license",
                "write \"subject\" or \"application\"");
      }
    }
    read_text(node, "url", limits::description_bytes_max, license.url);
    read_bool(node, "enabled", license.enabled);
    read_count(node, "max_subjects", license.max_subjects);
    const yaml::Node* seats = node.find("max_subjects");
    if (seats != nullptr && license.license_kind == LicenseKind::application) {
      mistake(*seats, "an application license has no seats");
    }
  }

  void read_user(const yaml::Node& node) {
    User user;
    user.id = read_id(node, [](std::string_view id) { return user_id_flaw(id); });
    if (node.kind != yaml::Kind::scalar) {
      if (!is_mapping(node, {"id", "name", "email", "status", "groups", "roles", "permissions", "licenses",
                             "grants"})) {
        return;
      }
      read_text(node, "name", limits::name_bytes_max, user.name);
      read_text(node, "email", limits::name_bytes_max, user.email);
      if (const yaml::Node* status = scalar(node, "status")) read_status(*status, user);
      read_assignments(node, user.assignments);
    }
    declare_once(node, "user", user.id);
    declaration_.users.push_back(std::move(user));
  }

  void read_status(const yaml::Node& status, User& user) {
    if (status.scalar == "enabled") return;
    if (status.scalar == "disabled") {
      user.status = UserStatus::disabled;
    } else if (const auto until = parse_instant(status.scalar)) {
      user.status = UserStatus::enabled_until;
      user.enabled_until = *until;
    } else {
      mistake(status, "\"" + status.scalar + "\" is no status",
              "write \"enabled\", \"disabled\", or the date until which it is enabled");
    }
  }

  void read_token(const yaml::Node& node) {
    if (!is_mapping(node,
                    {"id", "name", "description", "sha256", "owner", "enabled", "canary", "expires",
                     "not_before", "networks", "groups", "roles", "permissions", "licenses", "grants"})) {
      return;
    }
    TokenSpec token;
    if (const yaml::Node* id = scalar(node, "id")) token.id = id->scalar;
    read_text(node, "name", limits::name_bytes_max, token.name);
    read_text(node, "description", limits::description_bytes_max, token.description);
    read_sha256(node, token);
    read_bool(node, "enabled", token.enabled);
    read_bool(node, "canary", token.canary);
    read_instant(node, "expires", token.expires);
    read_instant(node, "not_before", token.not_before);
    each_text(node, "networks", [&](const yaml::Node& item, const std::string& text) {
      const auto network = parse_network(text);
      if (!network) return mistake(item, "\"" + text + "\" is no network", network_suggestion(text));
      token.networks.push_back(*network);
    });
    read_assignments(node, token.assignments);
    if (const yaml::Node* owner = scalar(node, "owner")) {
      token.owner = owner->scalar;
      if (!token.assignments.empty()) {
        mistake(*owner, "a token of a user has that user's rights and none of its own",
                "give the roles, groups, permissions, licenses and grants to the user");
      }
    }
    if (token.canary && (!token.owner.empty() || !token.assignments.empty()))
      mistake(*node.find("canary"), "a canary has no owner and no rights: it is there to be noticed",
              "leave them out, or the canary");
    declare_once(node, "token", token.id);
    declaration_.tokens.push_back(std::move(token));
  }

  void read_sha256(const yaml::Node& node, TokenSpec& token) {
    const yaml::Node* value = scalar(node, "sha256");
    if (value == nullptr) {
      return mistake(node, "\"sha256\" is missing",
                     "a catalog holds no secrets: printf %s SECRET | sha256sum");
    }
    const bool hex = std::all_of(value->scalar.begin(), value->scalar.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
    // The value is not quoted back: what stands here by mistake is likely to be the secret itself.
    if (!hex || value->scalar.size() != 64) return mistake(*value, "a SHA-256 is 64 hex digits");
    token.secret_sha256 = value->scalar;
    for (char& c : token.secret_sha256) {
      if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    }
    if (!declared_.insert("sha256 " + token.secret_sha256).second)
      mistake(*value, "this secret is declared twice");
  }

  const yaml::Document& document_;
  Diagnostics& diagnostics_;
  Store::Declaration declaration_;
  std::set<std::string> declared_;  ///< "role shop.reader": what the file has declared so far
};

}  // namespace

Store::Declaration parse_catalog(const yaml::Document& document, Diagnostics& diagnostics) {
  return CatalogReader(document, diagnostics).read();
}

}  // namespace postern::store
