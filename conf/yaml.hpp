// YAML as a tree that keeps the place of every part. The only YAML reader in the house: configuration, policy
// and catalog come through here. yaml-cpp does the parsing; nothing of it shows.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/diagnostic.hpp"
#include "conf/result.hpp"

namespace postern::yaml {

struct Node;

/// A key of a mapping with its own place, and its value.
struct Entry;

enum class Kind : unsigned char { null = 0, scalar, sequence, mapping };

/// One part of a file. Owns its children. `quoted` tells `"8080"` from `8080` (block texts count as quoted).
/// The place of a missing value is its key's, or behind its dash.
struct Node {
  Kind kind = Kind::null;
  bool quoted = false;
  std::size_t line = 0;        ///< from 1
  std::size_t column = 0;      ///< from 1
  std::string scalar;          ///< the text as written, quotes and escapes resolved; only of a scalar
  std::vector<Node> items;     ///< only of a sequence
  std::vector<Entry> entries;  ///< only of a mapping, in file order, keys unique

  /// The value under `key`, or null pointer. The pointer is good as long as this node.
  [[nodiscard]] const Node* find(std::string_view key) const noexcept;
};

struct Entry {
  std::string key;
  std::size_t line = 0;
  std::size_t column = 0;
  Node value;
};

/// A parsed file: its name as given, its text (for carets), its tree.
struct Document {
  std::string file;
  std::string text;
  Node root;
  bool marked = false;  ///< a byte order mark stood before the text

  [[nodiscard]] Position at(const Node& node) const { return {file, node.line, node.column}; }
  [[nodiscard]] Position at(const Entry& entry) const { return {file, entry.line, entry.column}; }
};

/// Parses one YAML document. Duplicate keys, aliases and anchors, tags, several documents, non-scalar keys,
/// nesting beyond limits::yaml_depth_max, more values than limits::yaml_nodes_max, text beyond
/// limits::yaml_bytes_max, bytes that are not UTF-8 and control characters are mistakes with a place. An
/// empty text is a null root. A byte order mark is dropped. Never throws. On mistakes the returned document
/// still has `file` and `text`; its tree is whole when the syntax was (repeated keys, anchors and tags are
/// reported and skipped), so that further mistakes can be looked for, else the root is null.
[[nodiscard]] Document parse(std::string file, std::string text, Diagnostics& diagnostics);

/// Reads and parses a file, which mistakes call `shown` (empty: as `path`). A file that cannot be read is a
/// diagnostic without a line.
[[nodiscard]] Document load(const std::string& path, Diagnostics& diagnostics, const std::string& shown = {});

inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
/// A file as Document::text would have it, for seeing whether it has changed. Empty when it cannot be read.
[[nodiscard]] std::string read_text(const std::string& path);

/// `diagnostics` for a terminal, with the lines of `documents` for the carets.
[[nodiscard]] std::string render(const Diagnostics& diagnostics,
                                 const std::vector<const Document*>& documents);

}  // namespace postern::yaml
