// Management of the store: everything the command line and the admin API do. Each mutation is one transaction
// with its audit record; a failed one leaves the store unchanged. Any number of processes may have a store
// open.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.hpp"
#include "conf/result.hpp"
#include "conf/strong.hpp"
#include "policy/subject.hpp"

namespace postern::store {

using policy::EntityKind;
using policy::LicenseKind;

class Environment;

/// Who changes something, as the audit log remembers it: "os:alice", "token:tok_…", "process:postern-run".
struct Actor {
  std::string name;
  std::string reason;  ///< free text, may be empty
  bool force = false;  ///< may leave the store without a usable administrator
};

struct OpenOptions {
  std::string directory;  ///< the configured one; the store itself lives in `<directory>/postern.store`, 0700
  std::uint64_t size_max = 0;         ///< bytes of address space reserved for the map; 0 = default 64 GiB
  std::string token_prefix = "pst_";  ///< for secrets made from now on
  bool create = true;                 ///< make it when it does not exist; otherwise not_found
  bool durable = true;                ///< false only for --dev: no fsync
};

/// A permission, role, group or license.
struct Entity {
  EntityKind kind = EntityKind::permission;
  std::string id;  ///< `[a-z][a-z0-9_]*(\.[a-z0-9_]+)*`
  std::string name;
  std::string description;
  std::vector<std::string> permissions;             ///< role: ids, sorted
  LicenseKind license_kind = LicenseKind::subject;  ///< license
  std::string url;                                  ///< license
  bool enabled = true;                              ///< license
  std::uint32_t max_subjects = 0;                   ///< subject license: seats, 0 = unlimited
  std::uint32_t subjects = 0;                       ///< subject license: seats in use; output only
  bool reserved = false;  ///< the system group, the role postern.admin: cannot be deleted; output only
};

/// What to change of an entity; what is empty stays.
struct EntityChange {
  std::optional<std::string> name, description, url;
  std::optional<bool> enabled;
  std::optional<std::uint32_t> max_subjects;
  std::optional<std::vector<std::string>> permissions;  ///< replaces
  std::vector<std::string> add_permissions, remove_permissions;
};

/// `project.read=project/42`
struct ResourceGrant {
  std::string permission;
  std::string resource;
  friend bool operator==(const ResourceGrant&, const ResourceGrant&) = default;
};

/// What a user or a token without owner may do, by ids, each list sorted and without repeats.
struct Assignments {
  std::vector<std::string> groups, roles, permissions, licenses;
  std::vector<ResourceGrant> grants;
  [[nodiscard]] bool empty() const noexcept;
  friend bool operator==(const Assignments&, const Assignments&) = default;
};

/// What to change of assignments: `set_*` replaces, then `add`, then `remove`.
struct AssignmentChange {
  std::optional<std::vector<std::string>> set_groups, set_roles, set_permissions, set_licenses;
  std::optional<std::vector<ResourceGrant>> set_grants;
  Assignments add, remove;
};

enum class UserStatus : std::uint8_t {
  enabled = 1,
  disabled = 2,
  enabled_until = 3
};  // on disk, do not renumber

struct User {
  std::string id;  ///< `[A-Za-z0-9][A-Za-z0-9._@-]{0,127}`
  std::string name;
  std::string email;
  UserStatus status = UserStatus::enabled;
  UnixSeconds enabled_until = 0;  ///< with enabled_until
  UnixSeconds created = 0;        ///< output only
  Assignments assignments;
  friend bool operator==(const User&, const User&) = default;
};

struct UserChange {
  std::optional<std::string> name, email;
  std::optional<UserStatus> status;
  std::optional<UnixSeconds> enabled_until;
  AssignmentChange assignments;
};

struct Token {
  std::string id;
  std::string name;
  std::string description;
  UnixSeconds created = 0;
  UnixSeconds rotated = 0;     ///< 0 = never
  UnixSeconds not_before = 0;  ///< 0 = none
  UnixSeconds expires = 0;     ///< 0 = never
  bool enabled = true;
  bool reuse_seen = false;  ///< it was disabled because an old secret of it was used; enabling forgets that
  bool imported = false;    ///< its secret was chosen elsewhere
  bool canary = false;      ///< a trap: never valid, and any use of it raises an alarm
  std::string owner;        ///< user id, or empty; with an owner `assignments` is empty
  std::vector<Network> networks;  ///< allowed client networks; empty = any
  Assignments assignments;
  friend bool operator==(const Token&, const Token&) = default;
};

/// What a new token shall be. Exactly one of: neither (a secret is made), `secret` (imported),
/// `secret_sha256` (declared).
struct TokenSpec {
  std::string id;  ///< empty: made; otherwise `tok_` + 16 base62 characters (declared catalogs)
  std::string name;
  std::string description;
  UnixSeconds not_before = 0;
  UnixSeconds expires = 0;
  bool enabled = true;
  bool canary = false;
  std::string owner;
  std::vector<Network> networks;
  Assignments assignments;
  std::string secret;         ///< wiped by the store after use
  std::string secret_sha256;  ///< 64 hex digits
};

/// A token and the only sight of its secret there will ever be. Wipe it after showing it (secret.hpp).
struct CreatedToken {
  Token token;
  std::string secret;  ///< empty when it was imported or declared
};

struct RotateOptions {
  std::chrono::seconds grace{0};       ///< how long the old secret goes on working; never past the old expiry
  std::optional<UnixSeconds> expires;  ///< new expiry; needed when the token has expired
};

struct AuditRecord {
  std::uint64_t sequence = 0;
  UnixSeconds time = 0;
  std::string actor;
  std::string action;  ///< "token.create", "role.update", "token.import", …
  std::string target;  ///< id of what was changed
  std::string change;  ///< JSON object: before and after, never a secret or its hash
  std::string reason;
  std::string hash;  ///< SHA-256 of this record's bytes, 64 hex digits
};

struct AuditVerdict {
  std::uint64_t first = 0, last = 0;  ///< sequences present, 0 = none
  std::uint64_t broken = 0;  ///< sequence of the first record that was changed or is missing, 0 = whole
  std::string problem;       ///< sentence, empty when whole
};

struct VerifyReport {
  std::uint64_t tokens = 0, users = 0, permissions = 0, roles = 0, groups = 0, licenses = 0,
                audit_records = 0;
  std::vector<std::string> problems;  ///< each a sentence that names the record; empty: all is well
};

/// Pages through a listing in order of id. `after` is the last id of the page before, empty for the first.
struct Page {
  std::string after;
  std::size_t limit = 100;  ///< 0 = all
};

// What is done to many tokens, what is asked about them: token_change.hpp, token_query.hpp, why.hpp.
struct TokenChange;
struct TokenAction;
struct ActionReport;
struct TokenFilter;
struct TokenQuery;
struct TokenRights;
struct WhoCan;
struct WhoCanQuery;

class Store {
 public:
  /// Opens or makes a store. Errors: unavailable (cannot be opened, EAGAIN of a foreign PID namespace),
  /// incompatible (made by a newer version), invalid (permissions looser than 0700/0600), not_found.
  [[nodiscard]] static Result<Store> open(const OpenOptions& options);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // --- permissions, roles, groups, licenses ---
  [[nodiscard]] Status create_entity(const Actor& actor, const Entity& entity);
  [[nodiscard]] Status update_entity(const Actor& actor, EntityKind kind, std::string_view id,
                                     const EntityChange& change);
  [[nodiscard]] Status delete_entity(const Actor& actor, EntityKind kind, std::string_view id);
  [[nodiscard]] Result<Entity> entity(EntityKind kind, std::string_view id) const;
  [[nodiscard]] Result<std::vector<Entity>> entities(EntityKind kind) const;
  [[nodiscard]] Result<policy::Catalog> catalog() const;

  // --- users ---
  [[nodiscard]] Status create_user(const Actor& actor, const User& user);
  [[nodiscard]] Status update_user(const Actor& actor, std::string_view id, const UserChange& change);
  /// Deletes the user's tokens too. Of a user with more tokens than one transaction should hold, the user is
  /// disabled first, which ends all of them at once, and the tokens go in batches.
  [[nodiscard]] Status delete_user(const Actor& actor, std::string_view id);
  [[nodiscard]] Result<User> user(std::string_view id) const;
  [[nodiscard]] Result<std::vector<User>> users(const Page& page) const;

  // --- tokens ---
  [[nodiscard]] Result<CreatedToken> create_token(const Actor& actor, TokenSpec spec);
  /// All or none, one transaction, one audit record.
  [[nodiscard]] Result<std::vector<CreatedToken>> create_tokens(const Actor& actor,
                                                                std::vector<TokenSpec> specs);
  [[nodiscard]] Result<CreatedToken> rotate_token(const Actor& actor, std::string_view id,
                                                  const RotateOptions& options);
  [[nodiscard]] Status update_token(const Actor& actor, std::string_view id, const TokenChange& change);
  [[nodiscard]] Status set_token_enabled(const Actor& actor, std::string_view id, bool enabled);
  [[nodiscard]] Status delete_token(const Actor& actor, std::string_view id);

  enum class Rehearse : bool { no = false, yes = true };  ///< yes: everything but the commit
  /// The same to each of these tokens: all or none, one transaction, an audit record for each token.
  [[nodiscard]] Result<ActionReport> change_tokens(const Actor& actor, std::span<const std::string> ids,
                                                   const TokenAction& action, Rehearse rehearse);
  /// Whether change_tokens() would succeed for all of them as things stand. Only reads, so that no writer
  /// waits however many they are.
  [[nodiscard]] Result<ActionReport> check_change(const Actor& actor, std::span<const std::string> ids,
                                                  const TokenAction& action) const;
  /// The same for create_tokens(), the secrets apart.
  [[nodiscard]] Status check_creation(std::span<const TokenSpec> specs) const;
  [[nodiscard]] Result<Token> token(std::string_view id) const;
  [[nodiscard]] Result<std::vector<Token>> tokens(const Page& page) const;
  [[nodiscard]] Result<std::vector<Token>> find_tokens(const TokenQuery& query) const;
  /// Ids of all tokens that pass the filter, in order.
  [[nodiscard]] Result<std::vector<std::string>> token_ids(const TokenFilter& filter) const;
  /// What a token may do, and why. Errors: not_found.
  [[nodiscard]] Result<TokenRights> token_rights(std::string_view id, UnixSeconds now) const;
  /// Who may do something: users first, then tokens without an owner. Errors: not_found.
  [[nodiscard]] Result<WhoCan> who_can(const WhoCanQuery& query) const;

  // --- declared catalogs ---
  /// What a catalog file declares. Idempotent: what is there is updated, nothing is deleted, and nothing that
  /// was taken out of use is put back: a license's `enabled` and `max_subjects` are never overwritten, a
  /// disabled user or token stays disabled, a rotated secret stays rotated. One transaction; audit records
  /// only for what changed.
  struct Declaration {
    std::vector<Entity> entities;
    std::vector<User> users;
    std::vector<TokenSpec> tokens;  ///< by secret_sha256; `id` empty: found by its hash
  };
  struct ApplyOptions {
    bool prune = false;  ///< delete what is not declared, reserved ones apart
    /// As of a declared store. Nobody else may change the store: what is out of use follows the declaration,
    /// too, but for a token whose old secret was used, until another one is declared.
    bool only_source = false;
    bool dry_run = false;  ///< everything but the commit
    /// What ApplyReport::looked_at of a dry run said: a conflict when something was changed since then.
    std::optional<std::uint64_t> looked_at;
  };
  struct ApplyReport {
    std::vector<std::string> created, updated, deleted;  ///< "role shop.reader", …
    std::size_t unchanged = 0;
    std::vector<AuditRecord> changes;  ///< in order; those of a dry run are what it would have recorded
    std::uint64_t looked_at = 0;       ///< sequence of the newest audit record before
  };
  /// Errors besides those of each entry: conflict (a declared store whose file is another; changed since
  /// `looked_at`), not_found (what pruning would delete is referred to).
  [[nodiscard]] Result<ApplyReport> apply(const Actor& actor, const Declaration& declaration,
                                          const ApplyOptions& options);
  [[nodiscard]] Result<ApplyReport> apply(const Actor& actor, const Declaration& declaration);
  /// All that is there, in one snapshot, as a file would declare it; applied to an empty store it gives the
  /// same. Old secrets are no part of it.
  [[nodiscard]] Result<Declaration> declaration() const;
  /// Makes the store a declared one, whose contents come from this file: every change but apply()'s is
  /// refused by every process from then on. An empty name ends that.
  [[nodiscard]] Status set_declared_in(const Actor& actor, std::string_view file);
  /// That file, empty when the store is managed by commands.
  [[nodiscard]] Result<std::string> declared_in() const;

  // --- audit, integrity ---
  [[nodiscard]] Result<std::vector<AuditRecord>> audit(std::uint64_t after_sequence, std::size_t limit) const;
  [[nodiscard]] Result<AuditVerdict> verify_audit() const;
  [[nodiscard]] Result<VerifyReport> verify() const;
  /// What secrets that were made here begin with, earlier prefixes included.
  [[nodiscard]] Result<std::vector<std::string>> token_prefixes() const;

  [[nodiscard]] const std::string& path() const noexcept;
  /// Bytes used of the map and its size, for the metric and the warning long before it is full.
  struct Space {
    std::uint64_t used = 0, size = 0;
  };
  [[nodiscard]] Result<Space> space() const;
  /// Before looking for what a killed writer may have stored: its last commit can be on the disk and yet be seen
  /// by nobody until somebody writes again. A write of nothing, which waits for other writers. Errors:
  /// unavailable.
  [[nodiscard]] Status catch_up() const;
  /// What the other sources of this layer work on.
  [[nodiscard]] const Environment& environment() const noexcept;

 private:
  friend class Reader;
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The refusal of a change of a declared store, with the place where to change it instead.
[[nodiscard]] Error declared_refusal(std::string_view file);

/// Whether a text is an id of the grammar above; the sentence says what is wrong, empty when nothing.
[[nodiscard]] std::string_view entity_id_flaw(std::string_view id) noexcept;
[[nodiscard]] std::string_view user_id_flaw(std::string_view id) noexcept;

}  // namespace postern::store
