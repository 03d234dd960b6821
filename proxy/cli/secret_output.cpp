#include "proxy/cli/secret_output.hpp"

#include <boost/json.hpp>
#include <cstring>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/record.hpp"
#include "store/secret.hpp"
#include "store/why.hpp"

namespace postern::cli {
namespace {

/// What stands before and after the secret in the answer.
struct Frame {
  std::string before, after;
};

Frame frame_of(const SecretForm& form, const store::Token& token) {
  if (form.quiet) return {"", "\n"};
  // The store has just accepted the owner, if there is one.
  const store::TokenState state =
      token.owner.empty() ? state_of(token, nullptr, now()) : store::TokenState::valid;
  boost::json::object record = record_of(token, state);
  if (form.output.json()) {
    // Spliced into the text, so that no JSON value holds the secret. Its alphabet needs no escapes.
    std::string text = boost::json::serialize(record);
    text.pop_back();
    return {text + R"(,"secret":")", "\"}\n"};
  }
  boost::json::object brief{{"id", token.id}};
  for (const std::string_view key : {"name", "owner", "expires"}) {
    if (plain_text(record[key]) != "-") brief[key] = record[key];
  }
  brief["secret"] = "";
  std::string text = aligned(brief);
  text.resize(text.size() - 2);  // the dash for what is empty, and the end of the line
  return {text, "\n\nThis is the only time the secret is shown: the store keeps nothing but its hash.\n"};
}

int write_secret(const Frame& frame, store::CreatedToken& created) {
  std::string text;
  // Room for all of it, so that no growing string leaves a copy of the secret behind.
  text.reserve(frame.before.size() + created.secret.size() + frame.after.size());
  text.append(frame.before).append(created.secret).append(frame.after);
  const int error = write_out(text);
  store::wipe(text);
  store::wipe(created.secret);
  if (error == 0) return exit_done;
  const std::string& id = created.token.id;
  complain("the secret of " + id + " could not be written (" + std::strerror(error) +
           ") and is lost; make a new one: postern token rotate " + id);
  return exit_failed;
}

}  // namespace

void SecretForm::declare(Arguments& arguments) {
  arguments.flag("--quiet", quiet, "print the secret alone, for scripts");
  output.declare(arguments);
}

int show_secret(const SecretForm& form, store::CreatedToken& created) {
  return write_secret(frame_of(form, created.token), created);
}

int SecretStream::show(store::CreatedToken& created) {
  Frame frame;
  if (form_.output.json()) {
    frame = frame_of(form_, created.token);
    frame.before.insert(0, begun_ ? ",\n" : "[");
    frame.after.pop_back();  // the end of the line
  } else if (form_.quiet) {
    frame = {"", "\n"};
  } else {
    const std::string& name = created.token.name;
    frame = {created.token.id + ' ', (name.empty() ? "" : ' ' + name) + '\n'};
  }
  begun_ = true;
  return write_secret(frame, created);
}

int SecretStream::end() {
  if (!form_.output.json()) return exit_done;
  return print(begun_ ? "]\n" : "[]\n");
}

}  // namespace postern::cli
