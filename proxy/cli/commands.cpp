#include <array>

#include "proxy/cli/command.hpp"

namespace postern::cli {
namespace {

constexpr std::array table = {
    &run,
    &check,
    &config_reference_command,
    &whoami,
    &probe_live,
    &probe_ready,
    &version_command,
    &completion,
    &policy_explain,
    &policy_test,
    &policy_replay,
    &policy_suggest,
    &policy_diff,
    &policy_init,
    &policy_prove,
    &policy_schema,
    &token_create,
    &token_list,
    &token_show,
    &token_rights,
    &token_update,
    &token_rotate,
    &token_enable,
    &token_disable,
    &token_delete,
    &token_import,
    &token_verify,
    &token_scan,
    &subject_who_can,
    &user_create,
    &user_list,
    &user_show,
    &user_update,
    &user_delete,
    &group_create,
    &group_list,
    &group_show,
    &group_update,
    &group_delete,
    &role_create,
    &role_list,
    &role_show,
    &role_update,
    &role_delete,
    &permission_create,
    &permission_list,
    &permission_show,
    &permission_update,
    &permission_delete,
    &license_create,
    &license_list,
    &license_show,
    &license_update,
    &license_delete,
    &catalog_apply,
    &catalog_export,
    &store_info_command,
    &store_verify,
    &store_backup,
    &store_restore,
    &store_compact,
    &audit_list,
    &audit_verify,
    &audit_export,
    &audit_drop,
};

}  // namespace

std::span<const Command* const> commands() noexcept {
  return table;
}

}  // namespace postern::cli
