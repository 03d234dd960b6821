#include <boost/json.hpp>

#include "conf/yaml.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/catalog_file.hpp"

namespace postern::cli {
namespace {

std::string report_text(const store::Store::ApplyReport& report) {
  std::string text;
  for (const std::string& name : report.created) text += "created " + name + '\n';
  for (const std::string& name : report.updated) text += "updated " + name + '\n';
  text += std::to_string(report.created.size()) + " created, " + std::to_string(report.updated.size()) +
          " updated, " + std::to_string(report.unchanged) + " unchanged\n";
  return text;
}

boost::json::object report_record(const store::Store::ApplyReport& report) {
  boost::json::array created(report.created.begin(), report.created.end());
  boost::json::array updated(report.updated.begin(), report.updated.end());
  return {{"created", std::move(created)}, {"updated", std::move(updated)}, {"unchanged", report.unchanged}};
}

int apply(Arguments& arguments) {
  std::string file;
  StoreAccess access;
  Output output;
  arguments.operand("FILE", file, "a YAML file of permissions, roles, groups, licenses, users, tokens");
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  Diagnostics diagnostics;
  const yaml::Document document = yaml::load(file, diagnostics);
  store::Store::Declaration declaration;
  if (diagnostics.empty()) declaration = store::parse_catalog(document, diagnostics);
  if (!diagnostics.empty()) {
    complain_about(diagnostics, {&document});
    return exit_failed;
  }
  auto store = access.open(StoreAccess::Missing::create);
  if (!store) return exit_failed;
  const auto report = store->apply(access.actor(), declaration);
  if (!report) return fail(report.error());
  if (output.json()) return output.record(report_record(*report));
  return print(report_text(*report));
}

}  // namespace

const Command catalog_apply{
    "catalog apply",
    "Makes the store hold what a file declares: all of it or, on a mistake, nothing. Nothing is deleted; "
    "whether a license is enabled and its seats are left as they are.",
    "postern catalog apply catalog.yaml\n"
    "postern catalog apply catalog.yaml --json",
    apply,
};

}  // namespace postern::cli
