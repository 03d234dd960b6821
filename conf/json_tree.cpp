#include "conf/json_tree.hpp"

#include <algorithm>
#include <cstdint>

#include "conf/limits.hpp"
#include "conf/utf8.hpp"

namespace postern::yaml {
namespace {

class JsonReader {
 public:
  JsonReader(const Document& document, Skip skip, Diagnostics& diagnostics)
      : text_(document.text), document_(document), skip_(skip), diagnostics_(diagnostics) {}

  /// Null after a mistake, which was reported.
  Node read() {
    Node root;
    blanks();
    const bool good = value(&root, 0, {});
    blanks();
    if (good && at_ < text_.size()) fail("more follows the end of the document");
    return failed_ ? Node{} : std::move(root);
  }

 private:
  [[nodiscard]] char here() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool fail(std::string message) {
    if (!failed_)
      diagnostics_.add({document_.file, line_, at_ - line_begin_ + 1},
                       at_ < text_.size() ? std::move(message) : "the document ends too early");
    failed_ = true;
    return false;
  }

  void blanks() noexcept {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  /// `node` is null where nothing is kept.
  bool value(Node* node, std::size_t depth, std::string_view within) {
    if (depth > json_depth_max)
      return fail("nested deeper than " + std::to_string(json_depth_max) + " levels");
    if (node != nullptr) {
      if (++nodes_ > limits::yaml_nodes_max)
        return fail("more than " + std::to_string(limits::yaml_nodes_max) + " values in one document");
      node->line = line_;
      node->column = at_ - line_begin_ + 1;
    }
    switch (here()) {
      case '{':
        return object(node, depth, within);
      case '[':
        return array(node, depth, within);
      case '"':
        if (node == nullptr) return string(nullptr);
        node->kind = Kind::scalar;
        node->quoted = true;
        return string(&node->scalar);
      default:
        return word(node);
    }
  }

  bool object(Node* node, std::size_t depth, std::string_view within) {
    if (node != nullptr) node->kind = Kind::mapping;
    ++at_;
    blanks();
    if (here() == '}') return step();
    for (std::string key;; blanks()) {
      Entry entry;
      entry.line = line_;
      entry.column = at_ - line_begin_ + 1;
      if (here() != '"') return fail("a key in quotes was expected here");
      key.clear();
      if (!string(&key)) return false;
      blanks();
      if (here() != ':') return fail("a ':' was expected here");
      ++at_;
      blanks();
      const bool kept = node != nullptr && !skip_(depth, within, key);
      if (!value(kept ? &entry.value : nullptr, depth + 1, key)) return false;
      if (kept) {
        entry.key = key;
        node->entries.push_back(std::move(entry));
      }
      blanks();
      if (here() == '}') break;
      if (here() != ',') return fail("a ',' or a '}' was expected here");
      ++at_;
    }
    return step() && (node == nullptr || keys_differ(*node));
  }

  bool array(Node* node, std::size_t depth, std::string_view within) {
    if (node != nullptr) node->kind = Kind::sequence;
    ++at_;
    blanks();
    if (here() == ']') return step();
    for (;; blanks()) {
      Node item;
      if (!value(node == nullptr ? nullptr : &item, depth + 1, within)) return false;
      if (node != nullptr) node->items.push_back(std::move(item));
      blanks();
      if (here() == ']') return step();
      if (here() != ',') return fail("a ',' or a ']' was expected here");
      ++at_;
    }
  }

  bool step() noexcept {
    ++at_;
    return true;
  }

  /// A number, true, false or null.
  bool word(Node* node) {
    const std::size_t begin = at_;
    const auto belongs = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' || c == '-' || c == '.';
    };
    std::size_t end = begin;
    while (end < text_.size() && belongs(text_[end])) ++end;
    const std::string_view text = text_.substr(begin, end - begin);
    const bool named = text == "true" || text == "false" || text == "null";
    if (!named && !is_number(text)) return fail("a value was expected here");
    at_ = end;
    if (node == nullptr || text == "null") return true;
    node->kind = Kind::scalar;
    node->scalar = text;
    return true;
  }

  static bool is_number(std::string_view text) noexcept {
    std::size_t i = text.starts_with('-') ? 1 : 0;
    const auto digits = [&] {
      const std::size_t begin = i;
      while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
      return i > begin;
    };
    const bool zero = i < text.size() && text[i] == '0';
    const std::size_t first = i;
    if (!digits() || (zero && i > first + 1)) return false;
    if (i < text.size() && text[i] == '.' && (++i, !digits())) return false;
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
      ++i;
      if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
      if (!digits()) return false;
    }
    return i == text.size();
  }

  bool string(std::string* out) {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') return step();
      if (c == '\\') {
        if (!escape(out)) return false;
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character");
      const std::size_t size = utf8_size(text_.substr(at_));
      if (size == 0) return fail("not valid UTF-8");
      if (out != nullptr) out->append(text_, at_, size);
      at_ += size;
    }
    return fail({});
  }

  bool escape(std::string* out) {
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    const std::string_view rest = text_.substr(at_ + 1);
    if (const std::size_t i = from.find(rest.empty() ? 'x' : rest.front()); i != std::string_view::npos) {
      if (out != nullptr) *out += to[i];
      at_ += 2;
      return true;
    }
    std::uint32_t point = 0;
    if (!unit(point)) return fail("no escape of JSON");
    if (point >= 0xD800 && point < 0xDC00) {
      std::uint32_t low = 0;
      if (!unit(low) || low < 0xDC00 || low > 0xDFFF) return fail("half of a surrogate pair");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    } else if (point >= 0xDC00 && point < 0xE000) {
      return fail("half of a surrogate pair");
    }
    if (out != nullptr) append(*out, point);
    return true;
  }

  /// `\uXXXX`.
  bool unit(std::uint32_t& value) noexcept {
    const std::string_view text = text_.substr(std::min(at_, text_.size()), 6);
    if (text.size() < 6 || !text.starts_with("\\u")) return false;
    for (const char c : text.substr(2)) {
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9')
        value = value * 16 + static_cast<std::uint32_t>(c - '0');
      else if (lower >= 'a' && lower <= 'f')
        value = value * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
      else
        return false;
    }
    at_ += 6;
    return true;
  }

  static void append(std::string& out, std::uint32_t point) {
    const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
    if (point < 0x80) return byte(point);
    if (point < 0x800) {
      byte(0xC0 | point >> 6);
    } else if (point < 0x10000) {
      byte(0xE0 | point >> 12);
      byte(0x80 | (point >> 6 & 0x3F));
    } else {
      byte(0xF0 | point >> 18);
      byte(0x80 | (point >> 12 & 0x3F));
      byte(0x80 | (point >> 6 & 0x3F));
    }
    byte(0x80 | (point & 0x3F));
  }

  bool keys_differ(const Node& node) {
    std::vector<const Entry*> sorted;
    for (const Entry& entry : node.entries) sorted.push_back(&entry);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Entry* a, const Entry* b) { return a->key < b->key; });
    const auto twin = std::adjacent_find(sorted.begin(), sorted.end(),
                                         [](const Entry* a, const Entry* b) { return a->key == b->key; });
    if (twin == sorted.end()) return true;
    const Entry& again = **std::next(twin);
    diagnostics_.add(document_.at(again), "key " + postern::quoted(again.key) +
                                              " is given twice, first in line " +
                                              std::to_string((*twin)->line));
    failed_ = true;
    return false;
  }

  std::string_view text_;
  const Document& document_;
  Skip skip_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0, line_ = 1, line_begin_ = 0, nodes_ = 0;
  bool failed_ = false;
};

}  // namespace

Document parse_json(std::string file, std::string text, Skip skip, Diagnostics& diagnostics) {
  Document document{std::move(file), std::move(text), {}};
  if (document.text.size() > json_bytes_max) {
    diagnostics.add({document.file, 0, 0},
                    "larger than " + std::to_string(json_bytes_max / (1024 * 1024)) + " MiB");
    return document;
  }
  if (document.text.starts_with("\xEF\xBB\xBF")) document.text.erase(0, 3);
  document.root = JsonReader(document, skip, diagnostics).read();
  return document;
}

}  // namespace postern::yaml
