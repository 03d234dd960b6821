// Errors are values. What the world may do to us (network, disk, a full map, another process) is a Result;
// what an operator wrote wrongly is a list of Diagnostics (diagnostic.hpp); what we promised ourselves is
// check().

#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace postern {

/// What kind of failure it is, so that one place can turn it into an exit code or a status.
enum class ErrorKind : unsigned char {
  internal = 0,  ///< our fault
  usage,         ///< the request makes no sense as written (unknown flag, assignment beside an owner)
  invalid,       ///< a value breaks its rule (id grammar, bound, checksum)
  not_found,     ///< the named thing does not exist
  conflict,      ///< it exists already, or its state forbids the operation
  exhausted,     ///< a limit is reached (seats, map full, too many handles)
  unavailable,   ///< the store, a file or a peer cannot be reached or read
  incompatible,  ///< made by a newer version, or not ours
};

/// A failure that leaves the callee's state unchanged, with the sentence an operator reads.
/// Context is added in front when it crosses a layer: "store: read token: corrupt record".
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;

  [[nodiscard]] Error within(std::string_view context) const& {
    return {kind, std::string(context) + ": " + message};
  }
};

/// Makes boost::system::result throw something useful if value() is called on an error. We never let it:
/// `has_value()` is looked at first.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(error.message);
}

template <class T>
using Result = boost::system::result<T, Error>;

/// Success of something that has no value to give.
using Status = Result<void>;

/// Passes an error on to the caller: `POSTERN_TRY(auto value, read_it());`
#define POSTERN_TRY_JOIN_(a, b) a##b
#define POSTERN_TRY_JOIN(a, b) POSTERN_TRY_JOIN_(a, b)
#define POSTERN_TRY_IMPL(temporary, declaration, expression) \
  auto temporary = (expression);                             \
  if (!temporary) return std::move(temporary).error();       \
  declaration = std::move(*temporary)
#define POSTERN_TRY(declaration, expression) \
  POSTERN_TRY_IMPL(POSTERN_TRY_JOIN(try_result_, __LINE__), declaration, expression)
#define POSTERN_TRY_STATUS(expression)                                             \
  do {                                                                             \
    if (auto try_status_ = (expression); !try_status_) return try_status_.error(); \
  } while (false)

/// Stops the process when one of our own invariants is broken, in every build. Never for bytes from outside.
#define POSTERN_CHECK(condition)                               \
  do {                                                         \
    if (!(condition)) [[unlikely]]                             \
      ::postern::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace postern
