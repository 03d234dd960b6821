#include "proxy/cli/arguments.hpp"
#include "proxy/cli/entity.hpp"

namespace postern::cli {
namespace {

constexpr policy::EntityKind kind = policy::EntityKind::group;

}  // namespace

const Command group_create{
    "group create",
    "Makes a group. Groups hold no permissions; rules may demand membership.",
    "postern group create warehouse --name \"Warehouse staff\"",
    [](Arguments& arguments) { return create_entity(arguments, kind); },
};

const Command group_list{
    "group list",
    "Lists all groups.",
    "postern group list",
    [](Arguments& arguments) { return list_entities(arguments, kind); },
};

const Command group_show{
    "group show",
    "Shows a group.",
    "postern group show staff",
    [](Arguments& arguments) { return show_entity(arguments, kind); },
};

const Command group_update{
    "group update",
    "Changes a group's name or description.",
    "postern group update staff --name Staff",
    [](Arguments& arguments) { return update_entity(arguments, kind); },
};

const Command group_delete{
    "group delete",
    "Deletes a group and takes everybody out of it, at once.",
    "postern group delete staff",
    [](Arguments& arguments) { return delete_entity(arguments, kind); },
};

}  // namespace postern::cli
