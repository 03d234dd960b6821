#include "proxy/cli/token_selection.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "conf/limits.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/progress.hpp"
#include "proxy/cli/secret_file.hpp"
#include "proxy/cli/token_filter_options.hpp"
#include "store/token_id.hpp"

namespace postern::cli {
namespace {

/// The first word of each line, so that the table of `token list` will do; "#" begins a comment.
Result<std::vector<std::string>> read_ids(const std::string& file) {
  POSTERN_TRY(const std::string text, read_secret_file(file));
  std::vector<std::string> ids;
  std::size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    line = line.substr(0, line.find_first_of(" \t\r"));
    const bool heading = number == 1 && line == "ID";
    if (line.empty() || line.starts_with('#') || heading) continue;
    if (!store::parse_token_id(line))
      return Error{ErrorKind::invalid, (file == "-" ? "standard input" : file) + ":" +
                                           std::to_string(number) + ": the line begins with no token id"};
    ids.emplace_back(line);
  }
  return ids;
}

std::string counted(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " token" : " tokens");
}

/// What is done so far, and what is not.
struct Tally {
  std::size_t changed = 0, unchanged = 0;
};

int answer(const Output& output, const ActionWords& words, bool dry_run, const Tally& tally,
           const std::vector<std::string>& ids) {
  std::string sentence = dry_run ? "would " + std::string(words.infinitive) : std::string(words.done);
  sentence += ' ' + counted(tally.changed);
  if (tally.unchanged != 0) sentence += "; " + std::to_string(tally.unchanged) + " were so already";
  boost::json::object record{
      {"changed", tally.changed}, {"unchanged", tally.unchanged}, {"dry_run", dry_run}};
  if (dry_run && output.json()) record["ids"] = boost::json::array(ids.begin(), ids.end());
  return output.done(sentence, record);
}

/// Says how far it came and how to go on.
int stopped(const Error& error, std::size_t done, const std::vector<std::string>& ids) {
  const int code = fail(error);
  if (done == 0) {
    complain("nothing was changed");
  } else {
    complain("stopped after " + std::to_string(done) + " of " + counted(ids.size()) +
             "; the same command goes on with --after " + ids[done - 1]);
  }
  return code;
}

}  // namespace

void TokenSelection::declare(Arguments& arguments) {
  arguments.optional_operand("ID", id_, "the token's id, unless --file or --where says which");
  arguments.text("--file", "FILE", file_, "ids, one a line, as token list prints them; - is standard input");
  declare_where(arguments, where_);
  arguments.text("--after", "ID", after_, "of many: go on after this one");
  arguments.flag("--dry-run", dry_run_, "check everything and change nothing");
}

bool TokenSelection::check(const Arguments& arguments) const {
  const int given = int{!id_.empty()} + int{!file_.empty()} + int{!where_.empty()};
  if (given == 0) {
    (void)arguments.usage_error("which token? give its ID, --file or --where");
  } else if (given > 1) {
    (void)arguments.usage_error("ID, --file and --where exclude each other");
  } else if (!id_.empty() && !after_.empty()) {
    (void)arguments.usage_error("--after belongs to --file or --where");
  } else {
    return true;
  }
  return false;
}

Result<std::vector<std::string>> TokenSelection::ids(const store::Store& store) const {
  if (!id_.empty()) return std::vector<std::string>{id_};
  if (!file_.empty()) {
    POSTERN_TRY(std::vector<std::string> ids, read_ids(file_));
    if (after_.empty()) return ids;
    const auto place = std::find(ids.begin(), ids.end(), after_);
    if (place == ids.end())
      return Error{ErrorKind::not_found, "--after " + after_ + " does not stand in the file"};
    ids.erase(ids.begin(), place + 1);
    return ids;
  }
  POSTERN_TRY(std::vector<std::string> ids, store.token_ids(where_));
  ids.erase(ids.begin(), std::upper_bound(ids.begin(), ids.end(), after_));
  return ids;
}

int change_tokens(const TokenSelection& selection, store::Store& store, const StoreAccess& access,
                  const Output& output, const store::TokenAction& action, const ActionWords& words,
                  const SecretForm* secrets) {
  const auto ids = selection.ids(store);
  if (!ids) return fail(ids.error());
  const store::Actor actor = access.actor();
  const bool atomic = ids->size() <= limits::atomic_changes_max;
  if (!atomic || selection.dry_run()) {
    auto checked = atomic ? store.change_tokens(actor, *ids, action, store::Store::Rehearse::yes)
                          : store.check_change(actor, *ids, action);
    if (!checked) return stopped(checked.error(), 0, *ids);
    if (selection.dry_run()) return answer(output, words, true, {checked->changed, checked->unchanged}, *ids);
  }

  const std::size_t batch = atomic ? ids->size() : limits::changes_per_transaction;
  Tally tally;
  Progress progress(words.infinitive, ids->size());
  std::optional<SecretStream> stream;
  if (secrets != nullptr) stream.emplace(*secrets);
  for (std::size_t done = 0; done < ids->size();) {
    const std::size_t count = std::min(batch, ids->size() - done);
    auto report =
        store.change_tokens(actor, std::span(*ids).subspan(done, count), action, store::Store::Rehearse::no);
    if (!report) {
      if (stream) (void)stream->end();
      return stopped(report.error(), done, *ids);
    }
    done += count;
    tally.changed += report->changed;
    tally.unchanged += report->unchanged;
    for (store::CreatedToken& rotated : report->rotated)
      if (const int code = stream->show(rotated); code != exit_done) return code;
    progress.show(done);
  }
  if (stream) return stream->end();
  return answer(output, words, false, tally, *ids);
}

}  // namespace postern::cli
