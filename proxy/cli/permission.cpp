#include "proxy/cli/arguments.hpp"
#include "proxy/cli/entity.hpp"

namespace postern::cli {
namespace {

constexpr policy::EntityKind kind = policy::EntityKind::permission;

}  // namespace

const Command permission_create{
    "permission create",
    "Makes a permission: something that a rule may demand.",
    "postern permission create shop.orders.cancel --name \"Cancel orders\"",
    [](Arguments& arguments) { return create_entity(arguments, kind); },
};

const Command permission_list{
    "permission list",
    "Lists all permissions.",
    "postern permission list",
    [](Arguments& arguments) { return list_entities(arguments, kind); },
};

const Command permission_show{
    "permission show",
    "Shows a permission.",
    "postern permission show shop.orders.read",
    [](Arguments& arguments) { return show_entity(arguments, kind); },
};

const Command permission_update{
    "permission update",
    "Changes a permission's name or description.",
    "postern permission update shop.orders.read --description \"See orders and their lines\"",
    [](Arguments& arguments) { return update_entity(arguments, kind); },
};

const Command permission_delete{
    "permission delete",
    "Deletes a permission and takes it from whoever holds it, at once.",
    "postern permission delete shop.orders.read --reason \"no rule needs it\"",
    [](Arguments& arguments) { return delete_entity(arguments, kind); },
};

}  // namespace postern::cli
