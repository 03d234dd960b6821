#include <algorithm>
#include <boost/json.hpp>

#include "conf/limits.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/network_option.hpp"
#include "proxy/cli/progress.hpp"
#include "proxy/cli/secret_file.hpp"
#include "proxy/cli/secret_output.hpp"
#include "proxy/cli/store_access.hpp"
#include "proxy/cli/token_file.hpp"
#include "proxy/cli/token_records.hpp"
#include "store/secret.hpp"

namespace postern::cli {
namespace {

/// Makes them in batches and shows each secret once it is stored.
int store_all(store::Store& store, const store::Actor& actor, std::vector<store::TokenSpec> specs,
              const SecretForm& form) {
  const bool atomic = specs.size() <= limits::atomic_changes_max;
  if (!atomic) {
    if (const auto checked = store.check_creation(specs); !checked) {
      const int code = fail(checked.error());
      complain("nothing was made");
      return code;
    }
  }
  const std::size_t batch = atomic ? specs.size() : limits::changes_per_transaction;
  Progress progress("create", specs.size());
  SecretStream stream(form);
  for (std::size_t done = 0; done < specs.size();) {
    const auto first = specs.begin() + static_cast<std::ptrdiff_t>(done);
    const std::size_t count = std::min(batch, specs.size() - done);
    auto created = store.create_tokens(actor, {first, first + static_cast<std::ptrdiff_t>(count)});
    if (!created) {
      (void)stream.end();
      const int code = fail(created.error());
      complain(done == 0
                   ? "nothing was made"
                   : std::to_string(done) + " tokens were made; go on with --skip " + std::to_string(done));
      return code;
    }
    for (store::CreatedToken& one : *created)
      if (const int code = stream.show(one); code != exit_done) return code;
    done += count;
    progress.show(done);
  }
  return stream.end();
}

/// Makes all tokens of a file.
int create_from_file(const std::string& file, const store::TokenSpec& pattern, std::uint64_t skip,
                     bool dry_run, StoreAccess& access, const SecretForm& form) {
  const auto text = read_secret_file(file);
  if (!text) return fail(text.error());
  Diagnostics diagnostics;
  std::vector<store::TokenSpec> specs =
      parse_token_file(*text, file == "-" ? "standard input" : file, pattern, diagnostics);
  if (!diagnostics.empty()) {
    complain_about(diagnostics, {});
    complain("nothing was made");
    return exit_failed;
  }
  specs.erase(specs.begin(),
              specs.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(skip, specs.size())));
  auto store = access.open(StoreAccess::Missing::create);
  if (!store) return exit_failed;
  if (!dry_run) return store_all(*store, access.actor(), std::move(specs), form);
  if (const auto checked = store->check_creation(specs); !checked) return fail(checked.error());
  return form.output.done("would create " + std::to_string(specs.size()) + " tokens",
                          {{"created", specs.size()}, {"dry_run", true}});
}

/// A secret chosen elsewhere: the first word of a file.
Status read_secret(const std::string& file, std::string& secret) {
  POSTERN_TRY(std::string text, read_secret_file(file));
  secret = text.substr(0, text.find_first_of(" \t\r\n"));
  store::wipe(text);
  if (secret.empty()) return Error{ErrorKind::invalid, file + ": there is no secret at its beginning"};
  return {};
}

int create(Arguments& arguments) {
  store::TokenSpec spec;
  bool disabled = false, dry_run = false;
  std::string file, secret_file;
  std::uint64_t skip = 0;
  StoreAccess access;
  SecretForm form;
  arguments.text("--name", "TEXT", spec.name, "what it is called");
  arguments.text("--description", "TEXT", spec.description, "what it is for");
  arguments.text("--owner", "USER", spec.owner, "user whose rights it has, instead of rights of its own");
  declare_assignments(arguments, spec.assignments);
  arguments.value("--expires", "WHEN", take_instant(spec.expires),
                  "when it ends: " + std::string(instant_forms));
  arguments.value("--not-before", "WHEN", take_instant(spec.not_before), "when it begins to be valid");
  arguments.value("--cidr", "NETWORK", take_network(spec.networks), "network that clients must come from",
                  true);
  arguments.flag("--disabled", disabled, "not usable until it is enabled");
  arguments.flag("--canary", spec.canary,
                 "a trap to lay out: it opens nothing, and any use of it raises an alarm");
  arguments.text("--secret-file", "FILE", secret_file,
                 "take the secret in this file over instead of making one; - is standard input");
  arguments.text(
      "--file", "FILE", file,
      "make many: JSON lines with the keys of token list --json; the other options hold where a line says "
      "nothing");
  arguments.number("--skip", skip, 1'000'000'000, "of the file's tokens leave out so many, to go on");
  arguments.flag("--dry-run", dry_run, "check the file and make nothing");
  access.declare_for_change(arguments);
  form.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (form.quiet && form.output.json()) return arguments.usage_error("--quiet and --json exclude each other");
  if (!spec.owner.empty() && !spec.assignments.empty()) {
    return arguments.usage_error("a token with --owner has that user's rights and none of its own");
  }
  if (spec.canary && (!spec.owner.empty() || !spec.assignments.empty()))
    return arguments.usage_error("a canary has no owner and no rights: it is there to be noticed");

  if (file.empty() && (dry_run || skip != 0))
    return arguments.usage_error("--dry-run and --skip belong to --file");
  if (!file.empty() && !secret_file.empty())
    return arguments.usage_error("--file and --secret-file exclude each other; see token import");

  spec.enabled = !disabled;
  if (!file.empty()) return create_from_file(file, spec, skip, dry_run, access, form);
  if (!secret_file.empty()) {
    if (const auto read = read_secret(secret_file, spec.secret); !read) return fail(read.error());
  }
  auto store = access.open(StoreAccess::Missing::create);
  if (!store) return exit_failed;
  auto created = store->create_token(access.actor(), std::move(spec));
  if (!created) return fail(created.error());
  if (!secret_file.empty()) return answer_with_token(form.output, *store, "created", created->token.id);
  return show_secret(form, *created);
}

}  // namespace

const Command token_create{
    "token create",
    "Makes a token, or many, and shows the secrets, this once.",
    "postern token create --name ci --role shop.reader --expires 90d\n"
    "postern token create --name laptop --owner alice\n"
    "postern token create --name report --grant shop.orders.read=order/42 --cidr 10.0.0.0/8\n"
    "SECRET=$(postern token create --name script --permission shop.orders.read --quiet)\n"
    "postern token create --name bait --canary\n"
    "echo '{\"name\": \"ci-2\", \"expires\": \"90d\"}' | postern token create --file - --role shop.reader",
    create,
};

}  // namespace postern::cli
