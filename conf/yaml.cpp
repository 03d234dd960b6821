#include "conf/yaml.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <istream>
#include <iterator>
#include <memory>
#include <streambuf>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "conf/limits.hpp"
#include "conf/utf8.hpp"

namespace postern::yaml {
namespace {

/// Thrown through yaml-cpp, which has no other way to be stopped, and caught in read_events(). Empty when the
/// mistakes were reported already.
struct Stop {
  std::optional<Diagnostic> mistake;
};

std::string mebibytes(std::size_t bytes) {
  return std::to_string(bytes / (1024 * 1024)) + " MiB";
}

std::size_t from_one(int count) {
  return count < 0 ? 0 : static_cast<std::size_t>(count) + 1;
}

/// Builds the tree from yaml-cpp's events. Events, not its node graph: only they show anchors, aliases, tags
/// and repeated keys, and nothing is ever expanded.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Document& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  [[nodiscard]] Node take_root() { return std::move(root_); }
  /// Where the newest value begins: what lies beyond it in the text was read ahead.
  [[nodiscard]] std::size_t last_seen() const { return offset(last_seen_); }
  [[nodiscard]] Position last_position() const { return position(last_seen_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    stop(mark, stands_at(mark, "---")
                   ? "a second document begins here; a file holds one"
                   : "this does not belong to what stands above it; check the indentation");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    // yaml-cpp drops the properties of a value that is missing; the text still has them.
    if (anchor == 0 && stands_at(mark, "&")) refuse_anchor(mark, 1);
    if (stands_at(mark, "!")) refuse_tag(mark, "!");
    if (awaits_key()) stop(mark, "a key must be a text");
    Node node = at(mark);
    place_empty(node, mark);
    finish(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    // An alias is how a few lines grow into gigabytes, and how one rule comes to be read as another.
    mistake(mark, "aliases are not allowed; write the value out");
    if (awaits_key()) throw Stop{};
    finish(at(mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    refuse_anchor(mark, anchor);
    refuse_open_quote(mark);
    if (awaits_key()) {
      count_node(mark);
      open_.back().key = Entry{value, from_one(mark.line), from_one(mark.column), {}};
      open_.back().has_key = true;
      return;
    }
    Node node = at(mark);
    node.kind = Kind::scalar;
    node.quoted = tag == "!";  // yaml-cpp's word for "not plain"; block scalars included
    node.scalar = value;
    finish(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    refuse_anchor(mark, anchor);
    open(Kind::sequence, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    refuse_anchor(mark, anchor);
    open(Kind::mapping, mark);
  }
  void OnMapEnd() override {
    drop_repeated_keys(open_.back().node);
    close();
  }

 private:
  /// A collection whose end has not been seen.
  struct Open {
    Node node;
    Entry key;             ///< of the value that comes next
    bool has_key = false;  ///< only in a mapping: whether `key` is filled
  };

  [[nodiscard]] Position position(const YAML::Mark& mark) const {
    return {document_.file, from_one(mark.line), from_one(mark.column)};
  }
  [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const {
    return mark.pos < 0 ? 0 : std::min(static_cast<std::size_t>(mark.pos), document_.text.size());
  }

  [[nodiscard]] bool stands_at(const YAML::Mark& mark, std::string_view what) const {
    return std::string_view(document_.text).substr(offset(mark)).starts_with(what);
  }

  void mistake(const YAML::Mark& mark, std::string message) {
    diagnostics_.add(position(mark), std::move(message));
    // More would not be printed, and a file of nothing else would only cost time.
    if (++mistakes_ >= limits::diagnostics_max) throw Stop{};
  }
  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
    throw Stop{Diagnostic{position(mark), std::move(message), {}}};
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) mistake(mark, "anchors are not allowed; write the value out where it is used");
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    // "?" and "!" stand for "no tag". An explicit lone `!` looks like quoting to us; the text tells.
    const bool written = tag == "!" && stands_at(mark, "!");
    if (written || (tag != "?" && tag != "!" && !tag.empty())) mistake(mark, "tags are not allowed");
  }
  /// yaml-cpp takes the rest of a file for the text when only line ends follow it, and says nothing.
  void refuse_open_quote(const YAML::Mark& mark) {
    const std::string_view text = document_.text;
    std::size_t i = offset(mark);
    if (i >= text.size() || (text[i] != '"' && text[i] != '\'')) return;
    const char quote = text[i];
    for (++i; i < text.size(); ++i) {
      if (quote == '"' && text[i] == '\\') {
        ++i;
      } else if (text[i] == quote) {
        if (quote == '"' || text.substr(i + 1, 1) != "'") return;
        ++i;  // '' stands for one quote
      }
    }
    stop(mark, "a quote is not closed");
  }
  void count_node(const YAML::Mark& mark) {
    last_seen_ = mark;
    if (++nodes_ > limits::yaml_nodes_max)
      stop(mark, "more than " + std::to_string(limits::yaml_nodes_max) + " values in one file");
  }

  [[nodiscard]] bool awaits_key() const {
    return !open_.empty() && open_.back().node.kind == Kind::mapping && !open_.back().has_key;
  }
  [[nodiscard]] Node at(const YAML::Mark& mark) {
    count_node(mark);
    Node node;
    node.line = from_one(mark.line);
    node.column = from_one(mark.column);
    return node;
  }
  /// yaml-cpp gives a missing value the place of whatever comes next, perhaps lines below. An operator looks
  /// for it where it is missing: at its key, or behind its dash.
  void place_empty(Node& node, const YAML::Mark& mark) const {
    if (open_.empty()) return;
    const Open& parent = open_.back();
    if (parent.node.kind == Kind::mapping) {
      if (node.line == parent.key.line) return;
      node.line = parent.key.line;
      node.column = parent.key.column;
      return;
    }
    const std::string_view text = document_.text;
    std::size_t at = offset(mark);
    if (at < text.size() && (text[at] == '~' || text[at] == 'n' || text[at] == 'N')) return;
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\n' || text[at - 1] == '\r')) --at;
    if (at == 0) return;
    const std::string_view before = text.substr(0, at);
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
    node.line -=
        static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(at),
                                            text.begin() + static_cast<std::ptrdiff_t>(offset(mark)), '\n'));
    node.column = at - line_begin;
  }

  void open(Kind kind, const YAML::Mark& mark) {
    if (awaits_key()) stop(mark, "a key must be a text, not a list or a mapping (is a bracket not closed?)");
    if (open_.size() >= static_cast<std::size_t>(limits::yaml_depth_max))
      stop(mark, "nested deeper than " + std::to_string(limits::yaml_depth_max) + " levels");
    Node node = at(mark);
    node.kind = kind;
    open_.push_back({std::move(node), {}, false});
  }
  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    finish(std::move(node));
  }
  /// Puts a complete node into the collection it belongs to.
  void finish(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Kind::sequence) {
      parent.node.items.push_back(std::move(node));
      return;
    }
    parent.key.value = std::move(node);
    parent.node.entries.push_back(std::move(parent.key));
    parent.has_key = false;
  }

  /// The first of several entries with one key stays. By sorting: looking each one up would be quadratic.
  void drop_repeated_keys(Node& mapping) {
    std::vector<Entry>& entries = mapping.entries;
    std::vector<std::size_t> order(entries.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return entries[a].key < entries[b].key; });
    std::vector<bool> repeated(entries.size());
    bool any = false;
    for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
      const Entry& entry = entries[order[i]];
      const Entry& original = entries[order[first]];
      if (entry.key != original.key) {
        first = i;
        continue;
      }
      any = repeated[order[i]] = true;
      diagnostics_.add({document_.file, entry.line, entry.column}, "key " + postern::quoted(entry.key) +
                                                                       " is given twice, first in line " +
                                                                       std::to_string(original.line));
    }
    if (!any) return;
    std::vector<Entry> kept;
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (!repeated[i]) kept.push_back(std::move(entries[i]));
    entries = std::move(kept);
  }

  const Document& document_;
  Diagnostics& diagnostics_;
  Node root_;
  std::vector<Open> open_;
  YAML::Mark last_seen_;
  std::size_t documents_ = 0;
  std::size_t nodes_ = 0;
  std::size_t mistakes_ = 0;
};

/// Whether every byte may stand in a text file. yaml-cpp would guess an encoding from NULs and take the rest
/// as it comes.
bool is_clean_text(const Document& document, Diagnostics& diagnostics) {
  const std::string_view text = document.text;
  std::size_t line = 1;
  std::size_t line_begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const bool line_end = c == '\n' || (c == '\r' && text.substr(i + 1).starts_with('\n'));
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t' && !line_end) || c == 0x7F;
    const std::size_t size = control ? 0 : utf8_size(text.substr(i));
    if (size == 0) {
      diagnostics.add({document.file, line, i - line_begin + 1},
                      control ? "a control character" : "not valid UTF-8");
      return false;
    }
    i += size;
    if (c != '\n') continue;
    ++line;
    line_begin = i;
  }
  return true;
}

/// Hands out the text piece by piece. Until it knows whether a `[` begins a key, yaml-cpp keeps every token
/// behind it, some 240 bytes for each bracket: the text ends early when it reads too far ahead of what it has
/// told.
class BoundedText final : public std::streambuf {
 public:
  BoundedText(const Document& document, const TreeBuilder& builder)
      : text_(document.text), builder_(builder) {}
  [[nodiscard]] bool too_far() const { return too_far_; }

 private:
  int_type underflow() override {
    if (given_ == text_.size()) return traits_type::eof();
    too_far_ = too_far_ || given_ - std::min(given_, builder_.last_seen()) > limits::yaml_value_bytes_max;
    if (too_far_) return traits_type::eof();
    const std::size_t count = std::min<std::size_t>(4096, text_.size() - given_);
    buffer_.assign(text_.substr(given_, count));
    given_ += count;
    setg(buffer_.data(), buffer_.data(), buffer_.data() + count);
    return traits_type::to_int_type(buffer_.front());
  }

  std::string_view text_;
  const TreeBuilder& builder_;
  std::string buffer_;
  std::size_t given_ = 0;
  bool too_far_ = false;
};

/// yaml-cpp's shorthand as a sentence for someone who does not know its insides.
std::string in_words(const std::string& message) {
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"illegal map value",
       "a ':' does not belong here; check the indentation, or quote a text that holds one"},
      {"end of map not found", "this line does not fit the mapping above it; check the indentation"},
      {"end of sequence not found", "this line does not fit the list above it; check the indentation"},
      {"end of map flow not found", "a '{' is not closed"},
      {"end of sequence flow not found", "a '[' is not closed"},
      {"illegal EOF in scalar", "a quote is not closed"},
      {"the referenced anchor is not defined", "aliases are not allowed; write the value out"},
  };
  for (const auto& [shorthand, sentence] : words)
    if (message == shorthand) return std::string(sentence);
  return message;
}

/// The events of the whole text, into `builder`. False when it stopped early: the diagnostic is there then.
bool read_events(const Document& document, TreeBuilder& builder, Diagnostics& diagnostics) {
  BoundedText text(document, builder);
  std::optional<Diagnostic> failure;
  try {
    std::istream in(&text);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop& stop) {
    if (!stop.mistake) return false;
    failure = stop.mistake;
  } catch (const YAML::Exception& error) {
    const Position place{document.file, from_one(error.mark.line), from_one(error.mark.column)};
    failure = Diagnostic{place, in_words(error.msg), {}};
  } catch (const std::exception& error) {
    failure = Diagnostic{{document.file, 0, 0}, error.what(), {}};
  }
  if (text.too_far()) {
    failure = Diagnostic{builder.last_position(),
                         "a value from here on is longer than " + mebibytes(limits::yaml_value_bytes_max),
                         "write a long list with indentation, one item a line"};
  }
  if (failure) diagnostics.add(failure->position, failure->message, failure->suggestion);
  return !failure;
}

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

}  // namespace

const Node* Node::find(std::string_view key) const noexcept {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

Document parse(std::string file, std::string text, Diagnostics& diagnostics) {
  Document document{std::move(file), std::move(text), {}};
  if (document.text.size() > limits::yaml_bytes_max) {
    diagnostics.add({document.file, 0, 0}, "larger than " + mebibytes(limits::yaml_bytes_max));
    return document;
  }
  document.marked = document.text.starts_with(byte_order_mark);
  if (document.marked) document.text.erase(0, byte_order_mark.size());
  if (!is_clean_text(document, diagnostics)) return document;
  TreeBuilder builder(document, diagnostics);
  if (read_events(document, builder, diagnostics)) document.root = builder.take_root();
  return document;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  return text;
}

Document load(const std::string& path, Diagnostics& diagnostics, const std::string& shown) {
  const std::string& name = shown.empty() ? path : shown;
  const auto fail = [&](std::string message) {
    diagnostics.add({name, 0, 0}, std::move(message));
    return Document{name, {}, {}};
  };
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return fail(std::string("cannot be opened: ") + std::strerror(errno));
  std::string text;
  char buffer[16 * 1024];
  // One byte beyond the bound is enough for parse() to refuse it; a device or a growing file never fills
  // memory.
  while (text.size() <= limits::yaml_bytes_max) {
    const std::size_t count = std::fread(buffer, 1, sizeof buffer, file.get());
    if (count == 0) break;
    text.append(buffer, count);
  }
  if (std::ferror(file.get()) != 0) return fail(std::string("cannot be read: ") + std::strerror(errno));
  return parse(name, std::move(text), diagnostics);
}

std::string render(const Diagnostics& diagnostics, const std::vector<const Document*>& documents) {
  const auto source_of = [](const std::string& file, const void* context) -> std::string_view {
    for (const Document* document : *static_cast<const std::vector<const Document*>*>(context))
      if (document != nullptr && document->file == file) return document->text;
    return {};
  };
  return diagnostics.render(source_of, &documents);
}

}  // namespace postern::yaml
