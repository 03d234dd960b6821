#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <random>

#include "conf/limits.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/progress.hpp"
#include "proxy/cli/secret_file.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/reader.hpp"
#include "store/secret.hpp"

namespace postern::cli {
namespace {

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

/// A line by the hash under which the store keeps its secret.
struct Hashed {
  store::SecretHash hash;
  std::size_t place = 0;  ///< among the lines
};

/// In order of hash, which is the order of the store: neighbours are stored side by side, so that a batch
/// touches few pages and ten million tokens go as fast, one by one, as a thousand. A secret that comes twice
/// is a mistake.
std::vector<Hashed> in_order(const std::vector<SecretLine>& lines, const std::string& file,
                             Diagnostics& diagnostics) {
  std::vector<Hashed> order;
  order.reserve(lines.size());
  for (const SecretLine& line : lines) order.push_back({store::hash_secret(line.secret), order.size()});
  std::sort(order.begin(), order.end(), [](const Hashed& a, const Hashed& b) {
    const int compared = a.hash.view().compare(b.hash.view());
    return compared != 0 ? compared < 0 : a.place < b.place;
  });
  for (std::size_t i = 1; i < order.size(); ++i)
    if (order[i].hash == order[i - 1].hash)
      diagnostics.add({file, lines[order[i].place].line, 0},
                      "the same secret as in line " + std::to_string(lines[order[i - 1].place].line));
  return order;
}

/// Takes out what the store knows already, in whatever state: what an import that was cut short has stored,
/// when `resume` is set, else a mistake of the file.
Status take_out_known(store::Store& store, const std::vector<SecretLine>& lines, const std::string& file,
                      bool resume, std::vector<Hashed>& order, Diagnostics& diagnostics) {
  POSTERN_TRY_STATUS(store.catch_up());
  POSTERN_TRY(auto reader, store::Reader::open(store));
  auto snapshot = reader.snapshot();
  constexpr std::array<std::uint8_t, 16> nowhere{};
  bool broken = !snapshot.ok();
  std::erase_if(order, [&](const Hashed& one) {
    const store::TokenState state =
        broken ? store::TokenState::store_broken : snapshot.find(one.hash, now(), nowhere);
    broken = broken || state == store::TokenState::store_broken;
    if (broken || state == store::TokenState::unknown) return false;
    if (!resume)
      diagnostics.add({file, lines[one.place].line, 0},
                      "the secret is already in the store, as that of " + std::string(snapshot.token_id()));
    return true;
  });
  if (broken) return Error{ErrorKind::unavailable, "the store cannot be read"};
  return {};
}

/// Ids that share their first half, so that new tokens of a batch lie side by side, too, at a place that
/// tells nothing about their secrets. Not in order: pages that are split by keys in order stay half full.
Result<std::vector<std::string>> make_ids(std::size_t count) {
  constexpr std::size_t half_digits = 8;
  POSTERN_TRY(const std::string first, store::make_token_id());
  const std::string common = first.substr(0, first.size() - half_digits);
  std::vector<std::string> ids;
  ids.reserve(count);
  while (ids.size() < count) {
    POSTERN_TRY(const std::string id, store::make_token_id());
    ids.push_back(common + id.substr(id.size() - half_digits));
  }
  return ids;
}

/// Stores the lines, all at once or in batches. `stored` counts those that are in the store, on failure too.
Status store_all(store::Store& store, const store::Actor& actor, const store::TokenSpec& pattern,
                 const std::vector<SecretLine>& lines, std::vector<Hashed>& order, std::size_t& stored) {
  const bool atomic = order.size() <= limits::atomic_changes_max;
  if (!atomic) {
    // One stands for all: they differ in name and secret only, which were judged before.
    POSTERN_TRY_STATUS(store.check_creation({&pattern, 1}));
  }
  const std::size_t batch = atomic ? order.size() : limits::changes_per_transaction;
  Progress progress("import", order.size());
  // Into an empty store they go in order and fill its pages. Between others, see make_ids().
  POSTERN_TRY(const std::vector<store::Token> others, store.tokens({"", 1}));
  std::minstd_rand dice;
  while (stored < order.size()) {
    const std::size_t count = std::min(batch, order.size() - stored);
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(stored);
    if (!others.empty()) std::shuffle(first, first + static_cast<std::ptrdiff_t>(count), dice);
    POSTERN_TRY(std::vector<std::string> ids, make_ids(count));
    std::vector<store::TokenSpec> specs;
    specs.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      const SecretLine& line = lines[order[stored + i].place];
      store::TokenSpec& spec = specs.emplace_back(pattern);
      spec.id = std::move(ids[i]);
      spec.secret = line.secret;
      spec.name = line.name;
    }
    POSTERN_TRY_STATUS(store.create_tokens(actor, std::move(specs)));
    stored += count;
    progress.show(stored);
  }
  return {};
}

int import_file(Arguments& arguments) {
  std::string file;
  store::TokenSpec pattern;
  bool resume = false, dry_run = false;
  StoreAccess access;
  Output output;
  arguments.operand("FILE", file, "lines of SECRET NAME, # for comments; - reads standard input");
  arguments.text("--owner", "USER", pattern.owner,
                 "user whose rights they have, instead of rights of their own");
  declare_assignments(arguments, pattern.assignments);
  arguments.value("--expires", "WHEN", take_instant(pattern.expires),
                  "when they end: " + std::string(instant_forms));
  arguments.flag("--resume", resume,
                 "pass over what is in the store already, after an import that was cut short");
  arguments.flag("--dry-run", dry_run, "check everything and store nothing");
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
  std::vector<Hashed> order = in_order(lines, place, diagnostics);
  if (const auto known = take_out_known(*store, lines, place, resume, order, diagnostics); !known)
    return fail(known.error());
  if (!diagnostics.empty()) {
    complain_about(diagnostics, {});  // without the lines themselves, which hold secrets
    complain("nothing was imported");
    return exit_failed;
  }

  if (dry_run) {
    if (const auto checked = store->check_creation({&pattern, 1}); !checked) return fail(checked.error());
    return output.done("would import " + std::to_string(order.size()) + " tokens",
                       {{"imported", order.size()}, {"dry_run", true}});
  }
  std::size_t stored = 0;
  if (const auto done = store_all(*store, access.actor(), pattern, lines, order, stored); !done) {
    const int code = fail(done.error());
    complain(stored == 0 ? "nothing was imported"
                         : std::to_string(stored) + " tokens were imported; go on with --resume");
    return code;
  }
  return output.done("imported " + std::to_string(stored) + " tokens", {{"imported", stored}});
}

}  // namespace

const Command token_import{
    "token import",
    "Takes over tokens whose secrets were chosen elsewhere. All of the file is checked first.",
    "postern token import tokens.txt --role shop.reader\n"
    "postern token import - --owner alice --expires 2099-12-31 < tokens.txt\n"
    "postern token import tokens.txt --role shop.reader --resume",
    import_file,
};

}  // namespace postern::cli
