#include "proxy/cli/asked_subject.hpp"

#include <ctime>

#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/output.hpp"
#include "store/why.hpp"

namespace postern::cli {
namespace {

policy::Credential credential_of(store::TokenState state) noexcept {
  return state == store::TokenState::valid ? policy::Credential::valid : policy::Credential::unusable;
}

void become_user(policy::Holdings& holdings, const store::User& user) {
  const std::string token = holdings.token_id;
  holdings = holdings_of(user.assignments);
  holdings.type = policy::SubjectType::user;
  holdings.id = user.id;
  holdings.name = user.name;
  holdings.token_id = token;
}

}  // namespace

policy::Holdings holdings_of(const store::Assignments& assignments) {
  policy::Holdings holdings;
  holdings.groups = assignments.groups;
  holdings.roles = assignments.roles;
  holdings.permissions = assignments.permissions;
  holdings.licenses = assignments.licenses;
  for (const store::ResourceGrant& grant : assignments.grants)
    holdings.grants.push_back({grant.permission, grant.resource});
  return holdings;
}

Result<AskedSubject> ask_token(const store::Store& store, const std::string& id) {
  POSTERN_TRY(const store::Token token, store.token(id));
  AskedSubject asked;
  asked.holdings = holdings_of(token.assignments);
  asked.holdings.id = asked.holdings.token_id = token.id;
  asked.holdings.name = token.name;
  std::optional<store::User> owner;
  if (!token.owner.empty())
    if (auto found = store.user(token.owner)) owner = std::move(*found);
  asked.token_state = state_of(token, owner ? &*owner : nullptr, std::time(nullptr));
  asked.credential = credential_of(asked.token_state);
  if (owner) become_user(asked.holdings, *owner);
  return asked;
}

Result<AskedSubject> ask_user(const store::Store& store, const std::string& id) {
  POSTERN_TRY(const store::User user, store.user(id));
  AskedSubject asked;
  asked.holdings.token_id = "-";
  become_user(asked.holdings, user);
  store::Token any;  // whichever token of theirs, itself in order
  any.owner = user.id;
  asked.token_state = state_of(any, &user, std::time(nullptr));
  asked.credential = credential_of(asked.token_state);
  return asked;
}

void SubjectOptions::declare(Arguments& arguments) {
  arguments.text("--token", "ID", token_, "ask for this token of the store");
  arguments.text("--user", "ID", user_, "ask for a token of this user of the store");
  arguments.text("--subject", "ID", subject_, "ask for a subject of this id that holds what follows");
  declare_assignments(arguments, assignments_);
  arguments.text("--certificate", "SUBJECT", certificate_, "a verified client certificate is shown");
  arguments.flag("--unusable", unusable_, "a token is sent that is unknown, expired or disabled");
}

std::string SubjectOptions::flaw() const {
  const bool held = !subject_.empty() || !assignments_.empty();
  if ((!token_.empty() ? 1 : 0) + (!user_.empty() ? 1 : 0) + (held ? 1 : 0) + (unusable_ ? 1 : 0) > 1)
    return "--token, --user, --unusable, and --subject with what it holds exclude each other";
  return {};
}

std::optional<AskedSubject> SubjectOptions::resolve(const store::Store* store,
                                                    const std::string& why_no_store) const {
  AskedSubject asked;
  if (!token_.empty() || !user_.empty()) {
    if (store == nullptr) {
      complain(why_no_store);
      return std::nullopt;
    }
    auto found = token_.empty() ? ask_user(*store, user_) : ask_token(*store, token_);
    if (!found) {
      (void)fail(found.error());
      return std::nullopt;
    }
    asked = std::move(*found);
  } else if (unusable_) {
    asked.credential = policy::Credential::unusable;
  } else if (!subject_.empty() || !assignments_.empty()) {
    asked.credential = policy::Credential::valid;
    asked.holdings = holdings_of(assignments_);
    asked.holdings.id = asked.holdings.token_id = subject_.empty() ? "example" : subject_;
  }
  if (asked.credential != policy::Credential::valid) {
    asked.holdings = {};
    asked.holdings.type = policy::SubjectType::anonymous;
  }
  asked.holdings.certificate = certificate_;
  return asked;
}

}  // namespace postern::cli
