#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "conf/yaml.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/record.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/catalog_file.hpp"

namespace postern::cli {
namespace {

using Report = store::Store::ApplyReport;

/// `name: "Reader" -> "Readers"` for each field that differs; `name: "Reader"` of what appears.
std::string fields_of(const boost::json::object& change, bool deleted) {
  const auto* before = change.if_contains("before");
  const auto* after = change.if_contains("after");
  const auto& shown = deleted ? before : after;
  if (shown == nullptr || !shown->is_object()) return {};
  std::string text;
  for (const auto& [key, value] : shown->get_object()) {
    if (deleted && key != "name") continue;  // the rest goes with it
    text += "    " + std::string(key) + ": ";
    if (before != nullptr && !deleted) text += boost::json::serialize(before->get_object().at(key)) + " -> ";
    text += boost::json::serialize(value) + "\n";
  }
  return text;
}

/// "+ role shop.reader" of the record "role.create".
constexpr std::string_view new_token = "token (a new id)";

std::string line_of(const store::AuditRecord& record) {
  const std::size_t dot = record.action.find('.');
  const std::string verb = record.action.substr(dot + 1);
  const bool created = verb == "create" || verb == "import";
  const bool deleted = verb == "delete";
  std::string text(1, created ? '+' : deleted ? '-' : '~');
  text += " " + record.action.substr(0, dot) + " " + record.target + "\n";
  boost::json::error_code unreadable;
  const boost::json::value change = boost::json::parse(record.change, unreadable);
  if (!unreadable && change.is_object()) text += fields_of(change.get_object(), deleted);
  return text;
}

std::string sum_of(const Report& report, bool dry_run, bool prune) {
  std::string text = std::to_string(report.created.size()) + " created, " +
                     std::to_string(report.updated.size()) + " updated, ";
  if (prune) text += std::to_string(report.deleted.size()) + " deleted, ";
  text += std::to_string(report.unchanged) + " unchanged";
  return text + (dry_run ? "; nothing was done (--dry-run)\n" : "\n");
}

boost::json::object report_record(const Report& report, bool dry_run) {
  boost::json::array created(report.created.begin(), report.created.end());
  boost::json::array updated(report.updated.begin(), report.updated.end());
  boost::json::array deleted(report.deleted.begin(), report.deleted.end());
  boost::json::array changes;
  for (const store::AuditRecord& one : report.changes) {
    boost::json::object change = record_of(one);
    changes.push_back(boost::json::object{
        {"action", change["action"]}, {"target", change["target"]}, {"change", change["change"]}});
  }
  return {{"created", std::move(created)},
          {"updated", std::move(updated)},
          {"deleted", std::move(deleted)},
          {"unchanged", report.unchanged},
          {"dry_run", dry_run},
          {"changes", std::move(changes)}};
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code missing;
  return std::filesystem::equivalent(a, b, missing) && !missing;
}

/// Whether the store, when it is a declared one, gets its contents from this file.
bool declares(const std::string& file, const std::string& declared_in) {
  if (declared_in.empty() || same_file(file, declared_in)) return true;
  complain(store::declared_refusal(declared_in).message);
  return false;
}

std::optional<store::Store::Declaration> read(const std::string& file) {
  Diagnostics diagnostics;
  const yaml::Document document = yaml::load(file, diagnostics);
  store::Store::Declaration declaration;
  if (diagnostics.empty()) declaration = store::parse_catalog(document, diagnostics);
  if (diagnostics.empty()) return declaration;
  complain_about(diagnostics, {&document});
  return std::nullopt;
}

/// Ids that a look made up are not those that the tokens will get: they are not shown.
void hide_made_ids(Report& report, const store::Store::Declaration& declaration) {
  const auto declared = [&](const std::string& id) {
    return std::any_of(declaration.tokens.begin(), declaration.tokens.end(),
                       [&](const store::TokenSpec& token) { return token.id == id; });
  };
  for (store::AuditRecord& record : report.changes) {
    if (record.action != "token.import" || declared(record.target)) continue;
    std::replace(report.created.begin(), report.created.end(), "token " + record.target,
                 std::string(new_token));
    record.target = new_token.substr(std::string_view("token ").size());
  }
}

/// Looks first and shows what would change, then does exactly that.
int carry_out(store::Store& store, const store::Actor& actor, const store::Store::Declaration& declaration,
              store::Store::ApplyOptions options, const Output& output) {
  const bool dry_run = options.dry_run;
  options.dry_run = true;
  auto report = store.apply(actor, declaration, options);
  if (!report) return fail(report.error());
  hide_made_ids(*report, declaration);
  if (!output.json()) {
    std::string diff;
    for (const store::AuditRecord& record : report->changes) diff += line_of(record);
    if (const int printed = print(diff); printed != exit_done) return printed;
  }
  if (!dry_run) {
    options.dry_run = false;
    options.looked_at = report->looked_at;
    report = store.apply(actor, declaration, options);
    if (!report) return fail(report.error());
  }
  if (output.json()) return output.record(report_record(*report, dry_run));
  return print(sum_of(*report, dry_run, options.prune));
}

int apply(Arguments& arguments) {
  std::string file;
  store::Store::ApplyOptions options;
  StoreAccess access;
  Output output;
  arguments.operand("FILE", file, "a YAML file of permissions, roles, groups, licenses, users, tokens");
  arguments.flag("--dry-run", options.dry_run, "only show what would change");
  arguments.flag("--prune", options.prune,
                 "delete what the file does not declare; always so in a declared store");
  access.declare_for_risky_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto declaration = read(file);
  if (!declaration) return exit_failed;
  access.allow_declared();
  auto store = access.open(StoreAccess::Missing::create);
  if (!store) return exit_failed;
  const auto declared_in = store->declared_in();
  if (!declared_in) return fail(declared_in.error());
  if (!declares(file, access.declared_in()) || !declares(file, *declared_in)) return exit_failed;
  if (!declared_in->empty() || !access.declared_in().empty()) options.prune = options.only_source = true;
  return carry_out(*store, access.actor(), *declaration, options, output);
}

int export_all(Arguments& arguments) {
  StoreAccess access;
  access.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  const auto store = access.open();
  if (!store) return exit_failed;
  const auto declaration = store->declaration();
  if (!declaration) return fail(declaration.error());
  return print(store::write_catalog(*declaration));
}

}  // namespace

const Command catalog_apply{
    "catalog apply",
    "Shows how the store differs from what a file declares, then makes it so: all of it or, on a mistake, "
    "nothing. Whether a license is enabled and its seats are left as they are, and what was disabled stays "
    "disabled, but in a declared store, where nothing else can say so.",
    "postern catalog apply catalog.yaml --dry-run\n"
    "postern catalog apply catalog.yaml\n"
    "postern catalog apply catalog.yaml --prune --json",
    apply,
};

const Command catalog_export{
    "catalog export",
    "Writes all that the store holds as a file that `catalog apply` reads: tokens by the SHA-256 of their "
    "secrets, without old secrets.",
    "postern catalog export\n"
    "postern catalog export > exported.yaml && postern catalog apply exported.yaml --dry-run",
    export_all,
};

}  // namespace postern::cli
