#include "proxy/cli/entity.hpp"

#include <boost/json.hpp>
#include <limits>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/record.hpp"
#include "proxy/cli/store_access.hpp"

namespace postern::cli {
namespace {

using policy::EntityKind;
using policy::LicenseKind;

constexpr std::uint64_t seats_max = std::numeric_limits<std::uint32_t>::max();

std::string sentence(std::string_view done, EntityKind kind, const std::string& id) {
  return std::string(done) + ' ' + std::string(policy::to_string(kind)) + ' ' + id;
}

/// Answers with the entity as it is now stored.
int answer(const Output& output, const store::Store& store, std::string_view done, EntityKind kind,
           const std::string& id) {
  const auto entity = store.entity(kind, id);
  if (!entity) return fail(entity.error());
  return output.done(sentence(done, kind, id), record_of(*entity));
}

bool is_empty(const store::EntityChange& change) {
  return !change.name && !change.description && !change.url && !change.enabled && !change.max_subjects &&
         !change.permissions && change.add_permissions.empty() && change.remove_permissions.empty();
}

}  // namespace

int create_entity(Arguments& arguments, EntityKind kind) {
  store::Entity entity;
  entity.kind = kind;
  bool application = false, per_subject = false, disabled = false;
  std::uint64_t seats = 0;
  StoreAccess access;
  Output output;
  arguments.operand("ID", entity.id, "dotted lower-case words, like shop.orders.read");
  arguments.text("--name", "TEXT", entity.name, "what people call it");
  arguments.text("--description", "TEXT", entity.description, "what it is for");
  if (kind == EntityKind::role) {
    arguments.list("--permission", "ID", entity.permissions,
                   "permission it gives; repeatable, or a comma list");
  }
  if (kind == EntityKind::license) {
    arguments.flag("--subject", per_subject, "is assigned to users and tokens (this is the default)");
    arguments.flag("--application", application, "exists or not for the whole installation");
    arguments.number("--seats", seats, seats_max,
                     "how many may hold a subject license; 0, the default: any number");
    arguments.text("--url", "URL", entity.url, "where to read about it");
    arguments.flag("--disabled", disabled, "not in force yet");
  }
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (application && per_subject)
    return arguments.usage_error("--application and --subject exclude each other");
  if (application && seats != 0) return arguments.usage_error("an application license has no seats");

  entity.license_kind = application ? LicenseKind::application : LicenseKind::subject;
  entity.max_subjects = static_cast<std::uint32_t>(seats);
  entity.enabled = !disabled;
  auto store = access.open(StoreAccess::Missing::create);
  if (!store) return exit_failed;
  if (const auto done = store->create_entity(access.actor(), entity); !done) return fail(done.error());
  return answer(output, *store, "created", kind, entity.id);
}

int list_entities(Arguments& arguments, EntityKind kind) {
  StoreAccess access;
  Output output;
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  const auto entities = store->entities(kind);
  if (!entities) return fail(entities.error());
  boost::json::array records;
  for (const store::Entity& entity : *entities) records.push_back(record_of(entity));
  switch (kind) {
    case EntityKind::role:
      return output.table(records, {"id", "name", "permissions"});
    case EntityKind::license:
      return output.table(records, {"id", "name", "kind", "enabled", "subjects", "max_subjects"});
    default:
      return output.table(records, {"id", "name", "description"});
  }
}

int show_entity(Arguments& arguments, EntityKind kind) {
  std::string id;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "its id");
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  const auto entity = store->entity(kind, id);
  if (!entity) return fail(entity.error());
  return output.record(record_of(*entity));
}

int update_entity(Arguments& arguments, EntityKind kind) {
  std::string id;
  store::EntityChange change;
  bool enable = false, disable = false;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "its id");
  arguments.text("--name", "TEXT", change.name, "what people call it");
  arguments.text("--description", "TEXT", change.description, "what it is for");
  if (kind == EntityKind::role) {
    arguments.list("--set-permission", "ID", change.permissions,
                   "give exactly these permissions; '' for none");
    arguments.list("--add-permission", "ID", change.add_permissions, "give these too");
    arguments.list("--remove-permission", "ID", change.remove_permissions, "give these no more");
  }
  if (kind == EntityKind::license) {
    const auto take_seats = [&change](const std::string& given) -> std::string {
      std::uint64_t seats = 0;
      if (std::string flaw = number_flaw(given, seats_max, seats); !flaw.empty()) return flaw;
      change.max_subjects = static_cast<std::uint32_t>(seats);
      return {};
    };
    arguments.value("--seats", "N", take_seats, "how many may hold it; not fewer than do; 0: any number");
    arguments.text("--url", "URL", change.url, "where to read about it");
    arguments.flag("--enable", enable, "put it in force");
    arguments.flag("--disable", disable, "take it out of force, for everybody at once");
  }
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (enable && disable) return arguments.usage_error("--enable and --disable exclude each other");

  if (enable || disable) change.enabled = enable;
  if (is_empty(change)) return arguments.usage_error("nothing to change");
  auto store = access.open();
  if (!store) return exit_failed;
  if (const auto done = store->update_entity(access.actor(), kind, id, change); !done)
    return fail(done.error());
  return answer(output, *store, "updated", kind, id);
}

int delete_entity(Arguments& arguments, EntityKind kind) {
  std::string id;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "its id; whoever holds it holds it no more");
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  auto store = access.open();
  if (!store) return exit_failed;
  if (const auto done = store->delete_entity(access.actor(), kind, id); !done) return fail(done.error());
  return output.done(sentence("deleted", kind, id), {{"id", id}, {"deleted", true}});
}

}  // namespace postern::cli
