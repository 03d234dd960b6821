#include <array>
#include <boost/json.hpp>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/secret_file.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/reader.hpp"
#include "store/secret.hpp"

namespace postern::cli {
namespace {

/// Tokens of one transaction: enough to make its fsync cheap, few enough not to keep other writers waiting.
constexpr std::size_t transaction_tokens = 1000;

/// Wipes the text it guards, whichever way the command ends.
class Wiped {
 public:
  explicit Wiped(std::string& text) noexcept : text_(text) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { store::wipe(text_); }

 private:
  std::string& text_;
};

/// A secret that the store knows already, in whatever state, is a mistake of the file.
Status find_known(store::Store& store, const std::vector<SecretLine>& lines, const std::string& file,
                  Diagnostics& diagnostics) {
  POSTERN_TRY(auto reader, store::Reader::open(store));
  auto snapshot = reader.snapshot();
  constexpr std::array<std::uint8_t, 16> nowhere{};
  for (const SecretLine& line : lines) {
    const store::TokenState state = snapshot.ok()
                                        ? snapshot.find(store::hash_secret(line.secret), now(), nowhere)
                                        : store::TokenState::store_broken;
    if (state == store::TokenState::unknown) continue;
    if (state == store::TokenState::store_broken)
      return Error{ErrorKind::unavailable, "the store cannot be read"};
    diagnostics.add({file, line.line, 0},
                    "the secret is already in the store, as that of " + std::string(snapshot.token_id()));
  }
  return {};
}

/// Stores the lines in transactions of their own. `stored` counts those that are in the store, on failure
/// too.
Status store_all(store::Store& store, const store::Actor& actor, const store::TokenSpec& pattern,
                 const std::vector<SecretLine>& lines, std::size_t& stored) {
  while (stored < lines.size()) {
    std::vector<store::TokenSpec> specs;
    const std::size_t count = std::min(transaction_tokens, lines.size() - stored);
    specs.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      store::TokenSpec& spec = specs.emplace_back(pattern);
      spec.secret = lines[stored + i].secret;
      spec.name = lines[stored + i].name;
    }
    POSTERN_TRY_STATUS(store.create_tokens(actor, std::move(specs)));
    stored += count;
  }
  return {};
}

int import_file(Arguments& arguments) {
  std::string file;
  store::TokenSpec pattern;
  StoreAccess access;
  Output output;
  arguments.operand("FILE", file, "lines of SECRET NAME, # for comments; - reads standard input");
  arguments.text("--owner", "USER", pattern.owner,
                 "user whose rights they have, instead of rights of their own");
  declare_assignments(arguments, pattern.assignments);
  arguments.value("--expires", "WHEN", take_instant(pattern.expires),
                  "when they end: " + std::string(instant_forms));
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!pattern.owner.empty() && !pattern.assignments.empty()) {
    return arguments.usage_error("tokens with --owner have that user's rights and none of their own");
  }

  auto text = read_secret_file(file);
  if (!text) return fail(text.error());
  const Wiped wiped(*text);
  auto store = access.open(StoreAccess::Missing::create);
  if (!store) return exit_failed;

  const std::string place = file == "-" ? "standard input" : file;
  Diagnostics diagnostics;
  const std::vector<SecretLine> lines = parse_secret_file(*text, place, access.token_prefix(), diagnostics);
  if (const auto known = find_known(*store, lines, place, diagnostics); !known) return fail(known.error());
  if (!diagnostics.empty()) {
    complain_about(diagnostics, {});  // without the lines themselves, which hold secrets
    complain("nothing was imported");
    return exit_failed;
  }

  std::size_t stored = 0;
  if (const auto done = store_all(*store, access.actor(), pattern, lines, stored); !done) {
    const int code = fail(done.error());
    complain(stored == 0 ? "nothing was imported"
                         : std::to_string(stored) + " tokens were imported, up to line " +
                               std::to_string(lines[stored - 1].line));
    return code;
  }
  return output.done("imported " + std::to_string(stored) + " tokens", {{"imported", stored}});
}

}  // namespace

const Command token_import{
    "token import",
    "Takes over tokens whose secrets were chosen elsewhere. All of the file is checked first.",
    "postern token import tokens.txt --role shop.reader\n"
    "postern token import - --owner alice --expires 2099-12-31 < tokens.txt",
    import_file,
};

}  // namespace postern::cli
