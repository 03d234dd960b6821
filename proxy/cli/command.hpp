// A command as data. The table of all of them is the only place that knows which there are.

#pragma once

#include <span>
#include <string_view>

namespace postern::cli {

class Arguments;

struct Command {
  std::string_view name;      ///< the words after `postern`: "token create"
  std::string_view meaning;   ///< one sentence
  std::string_view examples;  ///< one command line per line, each of which runs as it stands (a test does)
  /// Declares its options, lets them be parsed, does the work and returns the exit code.
  int (*run)(Arguments& arguments);
};

/// All commands, in the order of the help text; those of one noun stand together.
[[nodiscard]] std::span<const Command* const> commands() noexcept;

// run.cpp, check.cpp, config_reference.cpp, whoami.cpp, version.cpp, completion.cpp
extern const Command run, check, config_reference_command, whoami, version_command, completion;
// probe.cpp
extern const Command probe_live, probe_ready;
// token_create.cpp, token_update.cpp, token_import.cpp, token_rotate.cpp, token.cpp
extern const Command token_create, token_list, token_show, token_update, token_rotate, token_delete,
    token_enable, token_disable, token_import;
// token_rights.cpp, subject_who_can.cpp
extern const Command token_rights, subject_who_can;
// token_leak.cpp
extern const Command token_verify, token_scan;
// user.cpp
extern const Command user_create, user_list, user_show, user_update, user_delete;
// permission.cpp, role.cpp, group.cpp, license.cpp
extern const Command permission_create, permission_list, permission_show, permission_update,
    permission_delete;
extern const Command role_create, role_list, role_show, role_update, role_delete;
extern const Command group_create, group_list, group_show, group_update, group_delete;
extern const Command license_create, license_list, license_show, license_update, license_delete;
// catalog_apply.cpp, store_verify.cpp, audit.cpp
extern const Command catalog_apply, catalog_export, store_verify, audit_list, audit_verify, audit_export,
    audit_drop;
// store_operations.cpp
extern const Command store_info_command, store_backup, store_restore, store_compact;
// policy_*.cpp
extern const Command policy_diff, policy_explain, policy_init, policy_prove, policy_replay, policy_schema,
    policy_suggest, policy_test;

}  // namespace postern::cli
