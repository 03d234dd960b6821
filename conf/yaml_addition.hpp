// Further items for the lists of a YAML file that people write, too: every byte that stands there stays.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/yaml.hpp"

namespace postern::yaml {

/// Text to be put in before the byte at `offset`.
struct Addition {
  std::size_t offset = 0;
  std::string text;
};

/// Where further items of a list at the top of a file go.
struct ListEnd {
  std::size_t offset = 0;
  std::size_t indentation = 0;  ///< blanks before the dash
  std::string before;           ///< what has to stand before the first of them: a line end, the list's key
};

/// The end of the block list under `key`, behind its last item and before comments on what follows. Where the
/// file has no such key the list begins at its end. Nothing when the list is written in brackets.
[[nodiscard]] std::optional<ListEnd> end_of_list(const Document& document, std::string_view key);

/// One more plain text for a list of texts that has one already, in brackets or a line each. `list` belongs
/// to `document`. Nothing when it is empty or its last item is no single word.
[[nodiscard]] std::optional<Addition> further_word(const Document& document, const Node& list,
                                                   std::string_view word);

/// `text` with all of them; those of one offset in their order.
[[nodiscard]] std::string with_additions(std::string_view text, std::vector<Addition> additions);

}  // namespace postern::yaml
