// The access log read back: what a policy can be asked about a request that was served before.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decide.hpp"
#include "proxy/cli/asked_request.hpp"

namespace postern::cli {

/// One line, as far as deciding needs it (proxy/README.md, "The access log"). The log holds neither the query
/// nor header fields, nor where a token stood, nor what its subject held.
struct LoggedRequest {
  std::string time, method, host, path, code;
  std::string rule, reason;  ///< that decided then
  std::string subject_type, subject, token, certificate;
  std::array<std::uint8_t, 16> client{};  ///< all zero: a Unix socket
  policy::Credential credential = policy::Credential::absent;
  bool decided = false;   ///< else it was refused before any rule was asked, and what follows says nothing
  bool allowed = false;   ///< shadowed ones too
  bool shadowed = false;  ///< a rule in shadow mode would have denied it
};

/// Reads one line without its line feed into `request`. What is wrong with it, or empty.
[[nodiscard]] std::string read_logged(std::string_view line, LoggedRequest& request);

/// Reads logs line by line, in memory that does not grow with them.
class LogReader {
 public:
  /// `asked` is the request as the gate saw it; only of a decided one. Escaped slashes in it are refused:
  /// whether they are kept is a policy's.
  using Take = std::function<void(const LoggedRequest&, AskedRequest& asked)>;
  struct Broken {
    std::string file;
    std::uint64_t line = 0;
    std::string why;
  };
  static constexpr std::size_t broken_kept_max = 20;  ///< a person reads no more

  /// Calls `take` for each line that is in order. False when the file cannot be read (to its end), which was
  /// said.
  [[nodiscard]] bool read(const std::string& file, const Take& take);

  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }  ///< broken ones too
  [[nodiscard]] std::uint64_t broken_count() const noexcept { return broken_count_; }
  [[nodiscard]] const std::vector<Broken>& broken() const noexcept { return broken_; }  ///< the first ones

 private:
  void take_line(const std::string& file, std::uint64_t number, std::string_view line, const Take& take);
  void add_broken(const std::string& file, std::uint64_t number, std::string why);

  std::uint64_t lines_ = 0;
  std::uint64_t broken_count_ = 0;
  std::vector<Broken> broken_;
};

}  // namespace postern::cli
