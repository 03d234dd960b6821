// How commands speak: one answer on standard output, as aligned text for a person or as JSON for a program,
// and complaints on standard error.

#pragma once

#include <boost/json/fwd.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "conf/diagnostic.hpp"
#include "conf/result.hpp"
#include "conf/yaml.hpp"

namespace postern::cli {

class Arguments;

/// Writes all of `text` to standard output, past every buffer. Zero, or the errno that stopped it.
[[nodiscard]] int write_out(std::string_view text) noexcept;
/// The same, and says so when it fails. Returns exit_done or exit_failed.
int print(std::string_view text);

/// `postern: <sentence>` on standard error.
void complain(std::string_view sentence);
/// Complains about a failure. Returns exit_usage for ErrorKind::usage, else exit_failed.
int fail(const Error& error);
/// Mistakes in files, each with its line and a caret, on standard error.
void complain_about(const Diagnostics& diagnostics, const std::vector<const yaml::Document*>& documents);

/// The form in which a command answers. Answers are JSON values; the text for a person is derived from them.
class Output {
 public:
  /// Declares `--json`.
  void declare(Arguments& arguments);
  [[nodiscard]] bool json() const noexcept { return json_; }

  /// One record: `key: value` lines, or the object. Returns an exit code, like all of these.
  int record(const boost::json::object& record) const;
  /// Records with the columns a person wants to see, in order; a program gets every key.
  int table(const boost::json::array& records, std::initializer_list<std::string_view> columns) const;
  /// What was done: a sentence for a person, `record` for a program.
  int done(std::string_view sentence, const boost::json::object& record) const;

 private:
  bool json_ = false;
};

/// The text a person sees for a value: lists comma-separated, nothing as "-".
[[nodiscard]] std::string plain_text(const boost::json::value& value);
/// `key: value` lines, aligned; `_` in keys becomes a blank.
[[nodiscard]] std::string aligned(const boost::json::object& record);

}  // namespace postern::cli
