#include "store/store.hpp"

#include <algorithm>

#include "store/impl.hpp"
#include "store/transaction.hpp"

namespace postern::store {
namespace {

/// A prefix becomes part of a bearer token, so that it holds only what a token may (RFC 6750 §2.1).
Status check_prefix(std::string_view prefix) {
  constexpr std::size_t prefix_bytes_max = 32;
  const bool fits = !prefix.empty() && prefix.size() <= prefix_bytes_max &&
                    std::all_of(prefix.begin(), prefix.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                             c == '_' || c == '-' || c == '.';
                    });
  if (fits) return {};
  return Error{ErrorKind::invalid,
               "store: a token prefix is 1 to 32 letters, digits, '_', '-' or '.', not \"" +
                   std::string(prefix) + "\""};
}

}  // namespace

bool Assignments::empty() const noexcept {
  return groups.empty() && roles.empty() && permissions.empty() && licenses.empty() && grants.empty();
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const OpenOptions& options) {
  POSTERN_TRY_STATUS(check_prefix(options.token_prefix));
  POSTERN_TRY(EnvironmentRef environment, EnvironmentRef::open(options));
  return Store(std::make_unique<Impl>(Impl{std::move(environment), options.token_prefix}));
}

const std::string& Store::path() const noexcept {
  return impl_->environment->path();
}

const Environment& Store::environment() const noexcept {
  return *impl_->environment;
}

Result<Store::Space> Store::space() const {
  return space_of(*impl_->environment);
}

Status Store::catch_up() const {
  // Whoever takes the lock from a dead writer tells all readers which commit is the last.
  POSTERN_TRY(const Transaction nothing, Transaction::write(*impl_->environment));
  return {};
}

}  // namespace postern::store
