#include "proxy/cli/arguments.hpp"
#include "proxy/cli/entity.hpp"

namespace postern::cli {
namespace {

constexpr policy::EntityKind kind = policy::EntityKind::license;

}  // namespace

const Command license_create{
    "license create",
    "Makes a license that rules may demand.",
    "postern license create shop.premium --subject --seats 25 --url https://shop.example/premium\n"
    "postern license create shop.enterprise --application",
    [](Arguments& arguments) { return create_entity(arguments, kind); },
};

const Command license_list{
    "license list",
    "Lists all licenses.",
    "postern license list",
    [](Arguments& arguments) { return list_entities(arguments, kind); },
};

const Command license_show{
    "license show",
    "Shows a license and how many of its seats are taken.",
    "postern license show shop.pro",
    [](Arguments& arguments) { return show_entity(arguments, kind); },
};

const Command license_update{
    "license update",
    "Changes a license.",
    "postern license update shop.pro --seats 50\n"
    "postern license update shop.pro --disable --reason \"contract ended\"",
    [](Arguments& arguments) { return update_entity(arguments, kind); },
};

const Command license_delete{
    "license delete",
    "Deletes a license and takes it from whoever holds it, at once.",
    "postern license delete shop.pro",
    [](Arguments& arguments) { return delete_entity(arguments, kind); },
};

}  // namespace postern::cli
