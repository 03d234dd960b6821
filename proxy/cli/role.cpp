#include "proxy/cli/arguments.hpp"
#include "proxy/cli/entity.hpp"

namespace postern::cli {
namespace {

constexpr policy::EntityKind kind = policy::EntityKind::role;

}  // namespace

const Command role_create{
    "role create",
    "Makes a role: a named set of permissions.",
    "postern role create shop.auditor --name Auditor --permission shop.orders.read,shop.invoices.read",
    [](Arguments& arguments) { return create_entity(arguments, kind); },
};

const Command role_list{
    "role list",
    "Lists all roles.",
    "postern role list",
    [](Arguments& arguments) { return list_entities(arguments, kind); },
};

const Command role_show{
    "role show",
    "Shows a role.",
    "postern role show shop.reader --json",
    [](Arguments& arguments) { return show_entity(arguments, kind); },
};

const Command role_update{
    "role update",
    "Changes a role, for everybody who holds it, at once.",
    "postern role update shop.reader --add-permission shop.invoices.read\n"
    "postern role update shop.reader --set-permission shop.orders.read --name \"Reader of orders\"",
    [](Arguments& arguments) { return update_entity(arguments, kind); },
};

const Command role_delete{
    "role delete",
    "Deletes a role and takes it from whoever holds it, at once.",
    "postern role delete shop.reader",
    [](Arguments& arguments) { return delete_entity(arguments, kind); },
};

}  // namespace postern::cli
