// What a secret is that turned up somewhere, and where secrets turn up.

#include <array>
#include <boost/json.hpp>
#include <map>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/leak_search.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/secret_file.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/instant.hpp"
#include "store/reader.hpp"
#include "store/secret.hpp"

namespace postern::cli {
namespace {

using store::TokenState;

/// What the store knows of a secret.
struct Known {
  TokenState state = TokenState::unknown;
  std::string token;  ///< id; empty when it is unknown
  UnixSeconds expires = 0;
  /// Whether somebody who has it may pass, from some address.
  [[nodiscard]] bool live() const noexcept {
    return state == TokenState::valid || state == TokenState::address_refused;
  }
  /// Whether it may, or comes to by itself or with its owner: nothing that should lie about.
  [[nodiscard]] bool dangerous() const noexcept {
    return live() || state == TokenState::not_yet_valid || state == TokenState::owner_disabled;
  }
};

Known look_up(store::Reader& reader, std::string_view secret) {
  constexpr std::array<std::uint8_t, 16> nowhere = {};
  auto snapshot = reader.snapshot();
  Known known;
  known.state = snapshot.find(store::hash_secret(secret), now(), nowhere);
  known.token = snapshot.token_id();
  known.expires = snapshot.expires();
  return known;
}

const char* form_name(store::SecretForm form) noexcept {
  switch (form) {
    case store::SecretForm::ours:
      return "ours";
    case store::SecretForm::corrupt:
      return "corrupt";
    case store::SecretForm::foreign:
      return "foreign";
  }
  return "foreign";
}

std::string_view first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

int verify(Arguments& arguments) {
  StoreAccess access;
  Output output;
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  auto store = access.open();
  if (!store) return exit_failed;
  auto reader = store::Reader::open(*store);
  if (!reader) return fail(reader.error());
  auto text = read_secret_file("-");
  if (!text) return fail(text.error());
  const std::string_view secret = first_line(*text);
  const bool empty = secret.empty();
  const store::SecretForm form = store::secret_form(secret, access.token_prefix());
  const Known known = look_up(*reader, secret);
  store::wipe(*text);
  if (empty) return arguments.usage_error("the secret is expected on standard input");
  if (known.state == TokenState::store_broken)
    return fail({ErrorKind::unavailable, "the store could not be read"});

  boost::json::object record{{"form", form_name(form)}, {"state", store::to_string(known.state)},
                             {"live", known.live()},    {"token", nullptr},
                             {"name", nullptr},         {"owner", nullptr},
                             {"expires", nullptr}};
  if (!known.token.empty()) {
    const auto token = store->token(known.token);
    if (!token) return fail(token.error());
    record["token"] = token->id;
    record["name"] = token->name;
    if (!token->owner.empty()) record["owner"] = token->owner;
    if (known.expires != 0) record["expires"] = store::format_instant(known.expires);
  }
  const int printed = output.record(record);
  return known.live() ? printed : exit_failed;
}

/// A place as it may be shown and written into the audit log: file names hold any byte.
std::string spelled(std::string_view place) {
  constexpr std::size_t shown_max = 200;
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : place) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte <= '~' && byte != '\\') {
      text += c;
    } else {
      text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
  }
  // The end tells more: the name and the line.
  return text.size() <= shown_max ? text : "..." + text.substr(text.size() - shown_max);
}

/// What a search has found, and what becomes of it.
class Findings {
 public:
  Findings(store::Reader& reader, bool json) : reader_(reader), json_(json) {}

  void add(const Leak& leak) {
    const Known known = look_up(reader_, leak.secret);
    const bool unknown = known.token.empty();
    const std::string place = spelled(leak.place);
    if (known.state == TokenState::store_broken) ++broken_;
    if (known.dangerous()) live_.insert({known.token, place});
    records_.push_back(
        boost::json::object{{"place", place},
                            {"token", unknown ? boost::json::value() : boost::json::value(known.token)},
                            {"state", store::to_string(known.state)},
                            {"live", known.dangerous()}});
    if (json_) return;
    text_ += place + ": ";
    if (known.state == TokenState::store_broken)
      text_ += "a secret that could not be looked up\n";
    else if (unknown)
      text_ += "a secret that this store does not know\n";
    else
      text_ += "a secret of " + known.token + (known.dangerous() ? ", which is live" : ", no longer of use") +
               (known.live() ? "" : ": " + std::string(store::to_string(known.state))) + "\n";
  }
  /// Secrets that could not be looked up.
  [[nodiscard]] std::size_t broken() const noexcept { return broken_; }
  /// Ids of live tokens, each with the first place it was found at.
  [[nodiscard]] const std::map<std::string, std::string>& live() const noexcept { return live_; }
  [[nodiscard]] boost::json::array& records() noexcept { return records_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  store::Reader& reader_;
  bool json_;
  std::map<std::string, std::string> live_;
  std::size_t broken_ = 0;
  boost::json::array records_;
  std::string text_;
};

/// Disables what was found. The number of those that could not be.
std::size_t revoke(store::Store& store, const store::Actor& actor, const Findings& findings) {
  std::size_t failed = 0;
  for (const auto& [id, place] : findings.live()) {
    store::Actor because = actor;
    if (because.reason.empty()) because.reason = "its secret was found in " + place;
    const auto done = store.set_token_enabled(because, id, false);
    if (done) continue;
    ++failed;
    complain(id + " could not be disabled: " + done.error().message);
  }
  return failed;
}

int scan(Arguments& arguments) {
  std::vector<std::string> paths;
  bool history = false, revoking = false;
  StoreAccess access;
  Output output;
  arguments.operands("PATH", paths, "a file or a folder; `.git` in it is left out");
  arguments.flag("--history", history, "look into every object of the git repositories at the paths, too");
  arguments.flag("--revoke", revoking, "disable each live token whose secret is found");
  access.declare_for_risky_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!revoking) access.allow_declared();  // nothing is changed then
  auto store = access.open();
  if (!store) return exit_failed;
  auto reader = store::Reader::open(*store);
  if (!reader) return fail(reader.error());

  auto prefixes = store->token_prefixes();
  if (!prefixes) return fail(prefixes.error());
  if (std::find(prefixes->begin(), prefixes->end(), access.token_prefix()) == prefixes->end())
    prefixes->push_back(access.token_prefix());
  Findings findings(*reader, output.json());
  LeakSearch search(std::move(*prefixes), [&findings](const Leak& leak) { findings.add(leak); });
  for (const std::string& path : paths) {
    if (const auto looked = search.look_in(path); !looked) return fail(looked.error());
    if (!history) continue;
    if (const auto looked = search.look_in_history(path); !looked) return fail(looked.error());
  }
  const std::size_t failed = revoking ? revoke(*store, access.actor(), findings) : 0;
  const std::size_t live = findings.live().size();
  const boost::json::object record{{"files", search.files()},
                                   {"found", findings.records().size()},
                                   {"live", live},
                                   {"revoked", revoking ? live - failed : 0},
                                   {"secrets", findings.records()}};
  const std::string sentence = findings.text() + std::to_string(search.files()) + " files, " +
                               std::to_string(findings.records().size()) + " secrets, " +
                               std::to_string(live) + " live tokens" +
                               (revoking ? ", " + std::to_string(live - failed) + " disabled" : "");
  const int printed = output.done(sentence, record);
  if (search.unreadable() > 0 || findings.broken() > 0 || failed > 0 || (live > 0 && !revoking))
    return exit_failed;
  return printed;
}

}  // namespace

const Command token_verify{
    "token verify",
    "Says what the secret on standard input is, and whether it may still pass. Exits with 1 if not.",
    "postern token create --name ci --quiet | postern token verify",
    verify,
};

const Command token_scan{
    "token scan",
    "Finds secrets of ours, by prefix and checksum, in files, and says which are live. Exits with 1 if one "
    "is, and was not disabled.",
    "postern token scan .\n"
    "postern token scan . --revoke --reason \"found in a public repository\"",
    scan,
};

}  // namespace postern::cli
