// Looking at a store as a whole, copying it, putting a copy in its place, packing it.

#include <boost/json.hpp>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/instant.hpp"
#include "store/operations.hpp"

namespace postern::cli {
namespace {

int info(Arguments& arguments) {
  StoreAccess access;
  Output output;
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  const auto store = access.open();
  if (!store) return exit_failed;
  const auto found = store::store_info(*store);
  if (!found) return fail(found.error());
  boost::json::array processes;
  for (const int process : found->processes) processes.push_back(process);
  const bool declared = !found->declared_in.empty();
  return output.record(
      {{"path", found->path},
       {"id", found->id},
       {"format", found->format},
       {"created", store::format_instant(found->created)},
       {"mode", declared ? "declared" : "managed"},
       {"declared_in", declared ? boost::json::value(found->declared_in) : boost::json::value()},
       {"catalog_version", found->catalog_version},
       {"tokens", found->tokens},
       {"users", found->users},
       {"permissions", found->permissions},
       {"roles", found->roles},
       {"groups", found->groups},
       {"licenses", found->licenses},
       {"imported_secrets", found->imported_secrets},
       {"rotated_secrets", found->rotated_secrets},
       {"audit_records", found->audit_records},
       {"audit_last", found->audit_last},
       {"audit_hash", found->audit_hash},
       {"used_bytes", found->space.used},
       {"size_bytes", found->space.size},
       {"file_bytes", found->file_bytes},
       {"processes", std::move(processes)}});
}

int back_up(Arguments& arguments) {
  std::string directory;
  StoreAccess access;
  Output output;
  arguments.operand("DIR", directory, "where the copy goes; made when only its last part is missing");
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  const auto store = access.open();
  if (!store) return exit_failed;
  if (const auto done = store::backup(*store, directory); !done) return fail(done.error());
  return output.done("the store " + store->path() + " was copied to " + directory,
                     {{"store", store->path()}, {"backup", directory}});
}

int put_back(Arguments& arguments) {
  store::RestoreOptions options;
  StoreAccess access;
  Output output;
  arguments.operand("DIR", options.from, "what was given to `store backup`");
  arguments.flag("--replace", options.replace, "put a store that is there already aside");
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  access.allow_declared();
  const auto target = access.options();
  if (!target) return exit_failed;
  const auto aside = store::restore(access.actor(), *target, options);
  if (!aside) return fail(aside.error());
  const std::string sentence = "restored the store in " + target->directory +
                               (aside->empty() ? "" : "; the one before is in " + *aside);
  return output.done(sentence,
                     {{"store", target->directory},
                      {"aside", aside->empty() ? boost::json::value() : boost::json::value(*aside)}});
}

int pack(Arguments& arguments) {
  StoreAccess access;
  Output output;
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  access.allow_declared();
  auto store = access.open();
  if (!store) return exit_failed;
  const auto done = store::compact(access.actor(), std::move(*store));
  if (!done) return fail(done.error());
  return output.done("packed: " + std::to_string(done->bytes_before) + " bytes before, " +
                         std::to_string(done->bytes_after) + " now",
                     {{"bytes_before", done->bytes_before}, {"bytes_after", done->bytes_after}});
}

}  // namespace

const Command store_info_command{
    "store info",
    "Shows what a store is, how much it holds and who uses it.",
    "postern store info",
    info,
};

const Command store_backup{
    "store backup",
    "Copies the store as it is at one moment, also while it serves. The copy is a store itself.",
    "postern store backup copy\n"
    "postern store backup copy && postern store verify --store copy",
    back_up,
};

const Command store_restore{
    "store restore",
    "Puts a copy in the store's place, once it was found whole. Stop the server first.",
    "postern store backup copy && postern store restore copy --replace --reason \"disk failed\"",
    put_back,
};

const Command store_compact{
    "store compact",
    "Rewrites the store without its unused pages. Stop the server first.",
    "postern store compact",
    pack,
};

}  // namespace postern::cli
