// Random changes against a plain model: after each, what a look-up says is what the model says; now and then
// everything in the store agrees with itself.

#include <map>
#include <random>
#include <set>

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

using Ids = std::set<std::string>;

struct ModelUser {
  bool enabled = true;
  Ids roles;
};
struct ModelToken {
  std::string id;
  bool enabled = true;
  std::string owner;
  Ids roles;
  Ids licenses;
  std::vector<std::string> old_secrets;
};
struct Model {
  Ids permissions;
  std::map<std::string, Ids> roles;
  std::map<std::string, std::uint32_t> licenses;  ///< seats
  std::map<std::string, ModelUser> users;
  std::map<std::string, ModelToken> tokens;  ///< by current secret
  Ids dead_secrets;

  [[nodiscard]] std::size_t seats_taken(const std::string& license) const {
    return static_cast<std::size_t>(std::count_if(
        tokens.begin(), tokens.end(), [&](const auto& t) { return t.second.licenses.contains(license); }));
  }
  [[nodiscard]] bool holds(const ModelToken& token, const std::string& permission) const {
    const Ids& held = token.owner.empty() ? token.roles : users.at(token.owner).roles;
    return std::any_of(held.begin(), held.end(), [&](const std::string& role) {
      return roles.contains(role) && roles.at(role).contains(permission) && permissions.contains(permission);
    });
  }
  [[nodiscard]] TokenState state(const ModelToken& token) const {
    if (!token.enabled) return TokenState::disabled;
    if (!token.owner.empty() && !users.at(token.owner).enabled) return TokenState::owner_disabled;
    return TokenState::valid;
  }
};

class Play {
 public:
  explicit Play(unsigned seed) : random_(seed) {}

  void step() {
    switch (random_() % 13) {
      case 0:
        return create_permission();
      case 1:
        return create_role();
      case 2:
        return remove(model_.permissions, EntityKind::permission);
      case 3:
        return remove(model_.roles, EntityKind::role);
      case 4:
        return create_user();
      case 5:
        return change_user();
      case 6:
        return delete_user();
      case 7:
      case 8:
        return create_token();
      case 9:
        return rotate();
      case 10:
        return toggle();
      case 11:
        return delete_token();
      case 12:
        return random_() % 2 == 0 ? create_license() : remove(model_.licenses, EntityKind::license);
    }
  }

  void compare() {
    for (const auto& entry : model_.tokens) {
      const std::string& secret = entry.first;
      const ModelToken& token = entry.second;
      CAPTURE(token.id);
      REQUIRE(state_of(reader_, secret) == model_.state(token));
      if (model_.state(token) != TokenState::valid) continue;
      for (const std::string& permission : names("p"))
        REQUIRE(may(reader_, secret, permission) == model_.holds(token, permission));
      for (const std::string& old : token.old_secrets) REQUIRE(state_of(reader_, old) == TokenState::rotated);
    }
    for (const std::string& secret : model_.dead_secrets)
      REQUIRE(state_of(reader_, secret) == TokenState::unknown);
    for (const auto& [license, seats] : model_.licenses)
      REQUIRE(must(store_.entity(EntityKind::license, license)).subjects == model_.seats_taken(license));
    REQUIRE(must(store_.tokens({"", 0})).size() == model_.tokens.size());
    must_verify(store_);
  }

 private:
  static std::vector<std::string> names(const std::string& kind) {
    std::vector<std::string> all;
    for (int i = 0; i < 5; ++i) all.push_back(kind + std::to_string(i));
    return all;
  }
  std::string name(const std::string& kind) { return kind + std::to_string(random_() % 5); }
  template <class Container>
  auto pick(Container& container) {
    auto chosen = container.begin();
    if (!container.empty()) std::advance(chosen, static_cast<std::ptrdiff_t>(random_() % container.size()));
    return chosen;
  }
  template <class Container>
  Ids some_of(const Container& container) {
    Ids chosen;
    for (const auto& item : container) {
      if (random_() % 2 != 0) continue;
      if constexpr (requires { item.first; }) {
        chosen.insert(item.first);
      } else {
        chosen.insert(item);
      }
    }
    return chosen;
  }
  static std::vector<std::string> list(const Ids& ids) { return {ids.begin(), ids.end()}; }
  static std::string id_of(const std::string& id) { return id; }
  template <class Value>
  static std::string id_of(const std::pair<const std::string, Value>& entry) {
    return entry.first;
  }

  void create_permission() {
    const std::string id = name("p");
    const bool is_new = model_.permissions.insert(id).second;
    CHECK(store_.create_entity(alice, entity_of(EntityKind::permission, id)).has_value() == is_new);
    // What roles held of an earlier permission of this id is gone for good.
  }
  void create_role() {
    const std::string id = name("r");
    const Ids permissions = some_of(model_.permissions);
    if (model_.roles.contains(id)) {
      EntityChange change;
      change.permissions = list(permissions);
      must(store_.update_entity(alice, EntityKind::role, id, change));
    } else {
      must(store_.create_entity(alice, role_of(id, list(permissions))));
    }
    model_.roles[id] = permissions;
  }
  template <class Container>
  void remove(Container& container, EntityKind kind) {
    const auto chosen = pick(container);
    if (chosen == container.end()) return;
    const std::string id = id_of(*chosen);
    must(store_.delete_entity(alice, kind, id));
    container.erase(chosen);
    for (auto& [role, permissions] : model_.roles) permissions.erase(id);
    for (auto& [user, held] : model_.users) held.roles.erase(id);
    for (auto& [secret, token] : model_.tokens) {
      token.roles.erase(id);
      token.licenses.erase(id);
    }
  }
  void create_license() {
    const std::string id = name("l");
    const auto seats = static_cast<std::uint32_t>(random_() % 4);
    const bool is_new = model_.licenses.emplace(id, seats).second;
    CHECK(store_.create_entity(alice, license_of(id, seats)).has_value() == is_new);
  }
  void create_user() {
    User user = user_of(name("u"));
    const Ids roles = some_of(model_.roles);
    user.assignments.roles = list(roles);
    const bool is_new = model_.users.emplace(user.id, ModelUser{true, roles}).second;
    CHECK(store_.create_user(alice, user).has_value() == is_new);
  }
  void change_user() {
    const auto chosen = pick(model_.users);
    if (chosen == model_.users.end()) return;
    chosen->second = {random_() % 2 == 0, some_of(model_.roles)};
    UserChange change;
    change.status = chosen->second.enabled ? UserStatus::enabled : UserStatus::disabled;
    change.assignments.set_roles = list(chosen->second.roles);
    must(store_.update_user(alice, chosen->first, change));
  }
  void delete_user() {
    const auto chosen = pick(model_.users);
    if (chosen == model_.users.end()) return;
    must(store_.delete_user(alice, chosen->first));
    for (auto token = model_.tokens.begin(); token != model_.tokens.end();) {
      const bool his = token->second.owner == chosen->first;
      if (his) bury(token->first, token->second);
      token = his ? model_.tokens.erase(token) : std::next(token);
    }
    model_.users.erase(chosen);
  }
  void create_token() {
    ModelToken token;
    TokenSpec spec;
    const auto owner = pick(model_.users);
    if (random_() % 3 == 0 && owner != model_.users.end()) {
      token.owner = spec.owner = owner->first;
    } else {
      token.roles = some_of(model_.roles);
      token.licenses = some_of(model_.licenses);
      spec.assignments.roles = list(token.roles);
      spec.assignments.licenses = list(token.licenses);
    }
    if (random_() % 2 == 0) spec.expires = now() + 100'000 + static_cast<UnixSeconds>(random_() % 1'000'000);
    std::string secret;
    if (random_() % 4 == 0) secret = spec.secret = must(make_secret("other_"));
    const bool seated =
        std::all_of(token.licenses.begin(), token.licenses.end(), [&](const std::string& license) {
          return model_.licenses.at(license) == 0 ||
                 model_.seats_taken(license) < model_.licenses.at(license);
        });
    auto created = store_.create_token(alice, spec);
    REQUIRE(created.has_value() == seated);
    if (!created) return;
    token.id = created->token.id;
    model_.tokens[secret.empty() ? created->secret : secret] = token;
  }
  void rotate() {
    const auto chosen = pick(model_.tokens);
    if (chosen == model_.tokens.end()) return;
    const CreatedToken rotated = must(store_.rotate_token(alice, chosen->second.id, {}));
    auto entry = model_.tokens.extract(chosen);
    entry.mapped().old_secrets.push_back(entry.key());
    entry.key() = rotated.secret;
    model_.tokens.insert(std::move(entry));
  }
  void toggle() {
    const auto chosen = pick(model_.tokens);
    if (chosen == model_.tokens.end()) return;
    chosen->second.enabled = random_() % 2 == 0;
    must(store_.set_token_enabled(alice, chosen->second.id, chosen->second.enabled));
  }
  void delete_token() {
    const auto chosen = pick(model_.tokens);
    if (chosen == model_.tokens.end()) return;
    must(store_.delete_token(alice, chosen->second.id));
    bury(chosen->first, chosen->second);
    model_.tokens.erase(chosen);
  }
  void bury(const std::string& secret, const ModelToken& token) {
    model_.dead_secrets.insert(secret);
    model_.dead_secrets.insert(token.old_secrets.begin(), token.old_secrets.end());
  }

  std::minstd_rand random_;
  TemporaryDirectory directory_;
  Store store_ = open_store(directory_);
  Reader reader_ = must(Reader::open(store_));
  Model model_;
};

TEST_CASE("random changes leave the store in step with a plain model") {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    Play play(seed);
    for (int i = 0; i < 300; ++i) {
      CAPTURE(i);
      play.step();
      if (i % 10 == 9) play.compare();
    }
  }
}

}  // namespace
}  // namespace postern::store::test
