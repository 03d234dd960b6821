#include "proxy/cli/token_records.hpp"

#include <boost/json.hpp>

#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/record.hpp"
#include "store/why.hpp"

namespace postern::cli {

TokenRecords::TokenRecords(const store::Store& store) : store_(store), now_(now()) {}

boost::json::object TokenRecords::of(const store::Token& token) {
  return record_of(token, state_of(token, owner(token.owner), now_));
}

const store::User* TokenRecords::owner(const std::string& id) {
  if (id.empty()) return nullptr;
  auto found = owners_.find(id);
  if (found == owners_.end()) {
    auto user = store_.user(id);
    std::optional<store::User> known;
    if (user) known = std::move(*user);
    found = owners_.emplace(id, std::move(known)).first;
  }
  return found->second ? &*found->second : nullptr;
}

int answer_with_token(const Output& output, const store::Store& store, std::string_view done,
                      const std::string& id) {
  const auto token = store.token(id);
  if (!token) return fail(token.error());
  return output.done(std::string(done) + " token " + id, TokenRecords(store).of(*token));
}

}  // namespace postern::cli
