// Finding and opening the store, and who the audit log will say it was.

#pragma once

#include <optional>
#include <string>

#include "conf/config.hpp"
#include "store/store.hpp"

namespace postern::cli {

class Arguments;

/// The options by which every command on a store finds it: --store > POSTERN_STORE > configuration file >
/// default.
class StoreAccess {
 public:
  /// Declares --store and --config.
  void declare(Arguments& arguments);
  /// Declares --reason too, for commands that change something.
  void declare_for_change(Arguments& arguments);

  /// Declares --force too, for changes that may take away the last administrator.
  void declare_for_risky_change(Arguments& arguments);

  enum class Missing : bool { fail = false, create = true };  ///< what becomes of a store that does not exist

  /// Opens it. Nothing when that failed or the configuration has mistakes, which was then said on standard
  /// error.
  [[nodiscard]] std::optional<store::Store> open(Missing missing = Missing::fail);

  /// "os:<login name>", with the reason that was given.
  [[nodiscard]] store::Actor actor() const;
  /// How open() opens it, as configured. Nothing when that has mistakes, which were then said.
  [[nodiscard]] std::optional<store::OpenOptions> options();
  /// Lets this command change a declared store too, which other commands are refused.
  void allow_declared() noexcept { declared_allowed_ = true; }
  /// The catalog that declares the store, as configured, or empty; known once open() has been called.
  [[nodiscard]] const std::string& declared_in() const noexcept { return declared_in_; }
  /// As configured; known once open() has been called.
  [[nodiscard]] const std::string& token_prefix() const noexcept { return token_prefix_; }

 private:
  std::string directory_;
  std::string config_file_;
  std::string reason_;
  std::string token_prefix_;
  std::string declared_in_;
  bool for_change_ = false;
  bool declared_allowed_ = false;
  bool force_ = false;
};

/// The login name of who runs us, "uid-1000" when the user database does not know it.
[[nodiscard]] std::string login_name();

}  // namespace postern::cli
