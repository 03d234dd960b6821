// Tokens as records with their state.

#pragma once

#include <boost/json/fwd.hpp>
#include <map>
#include <optional>
#include <string>

#include "proxy/cli/output.hpp"
#include "store/store.hpp"

namespace postern::cli {

/// Records of tokens with their state. Owners are read once each. The store outlives it.
class TokenRecords {
 public:
  explicit TokenRecords(const store::Store& store);
  [[nodiscard]] boost::json::object of(const store::Token& token);

 private:
  const store::User* owner(const std::string& id);

  const store::Store& store_;
  UnixSeconds now_;
  std::map<std::string, std::optional<store::User>> owners_;
};

/// Answers "<done> token <id>", with the token as it is now stored.
int answer_with_token(const Output& output, const store::Store& store, std::string_view done,
                      const std::string& id);

}  // namespace postern::cli
