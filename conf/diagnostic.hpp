// What an operator wrote wrongly: a list, so that all mistakes of a file come at once.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

/// A place in a text an operator wrote. `line` and `column` count from 1, columns in bytes (as compilers do);
/// 0 means "no place" (an environment variable, a flag), and then `file` says what it was, for example
/// "POSTERN_LISTEN" or "--listen".
struct Position {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;

  /// "policy.yaml:3:9", or the file alone when there is no line.
  [[nodiscard]] std::string to_string() const;
};

/// One mistake. `message` is a sentence without a full stop; `suggestion` may be empty ("did you mean …?").
struct Diagnostic {
  Position position;
  std::string message;
  std::string suggestion;
};

/// Collects mistakes. Empty means: nothing wrong. Beyond limits::diagnostics_kept_max they are only counted,
/// so that a hostile or truncated file costs no more memory than a long list.
class Diagnostics {
 public:
  void add(Position position, std::string message, std::string suggestion = {});
  void append(Diagnostics other);
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size() + omitted_; }
  [[nodiscard]] const std::vector<Diagnostic>& items() const noexcept { return items_; }

  /// The form for a terminal, sorted by place, each with the line it is about and a caret under the column:
  ///
  ///     policy.yaml:3:5: unknown key "pth"; did you mean "path"?
  ///       - pth: /health
  ///         ^
  ///
  /// `source_of` gives the text of a file by the name in its position, or empty when there is none to show.
  /// No line of a text is shown that speaks of `upstreams` or `headers`: a credential may stand in it.
  /// At most limits::diagnostics_max are printed, then how many more there are.
  [[nodiscard]] std::string render(std::string_view (*source_of)(const std::string& file,
                                                                 const void* context),
                                   const void* context) const;

 private:
  std::vector<Diagnostic> items_;
  std::size_t omitted_ = 0;
};

/// `text` in double quotes for a message: control characters as '?', cut after 64 bytes.
[[nodiscard]] std::string quoted(std::string_view text);

/// The nearest of `known` to `word` when it is near enough to be a slip of the finger (Damerau-Levenshtein
/// distance at most 1 for up to 4 letters, 2 up to 8, else 3), else empty.
[[nodiscard]] std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

/// `did you mean "path"?` for the nearest of `known`, or empty: the suggestion of a Diagnostic.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace postern
