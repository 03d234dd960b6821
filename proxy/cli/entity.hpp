// What can be done to permissions, roles, groups and licenses alike. Each noun's file names its commands and
// examples.

#pragma once

#include "policy/subject.hpp"

namespace postern::cli {

class Arguments;

int create_entity(Arguments& arguments, policy::EntityKind kind);
int list_entities(Arguments& arguments, policy::EntityKind kind);
int show_entity(Arguments& arguments, policy::EntityKind kind);
int update_entity(Arguments& arguments, policy::EntityKind kind);
int delete_entity(Arguments& arguments, policy::EntityKind kind);

}  // namespace postern::cli
