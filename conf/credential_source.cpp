#include "conf/credential_source.hpp"

#include <algorithm>
#include <array>

#include "conf/foreign_fields.hpp"
#include "conf/limits.hpp"

namespace postern {
namespace {

struct Word {
  std::string_view name;
  CredentialPlace place;
};
constexpr auto words = std::to_array<Word>({
    {"authorization", CredentialPlace::authorization},
    {"header", CredentialPlace::header},
    {"cookie", CredentialPlace::cookie},
    {"query", CredentialPlace::query},
    {"websocket_protocol", CredentialPlace::websocket_protocol},
});
constexpr std::string_view how =
    "write 'authorization', '{header: X-API-Key}', '{cookie: session}', '{query: access_token}' or "
    "'{websocket_protocol: postern.bearer}'";

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

/// Letters and digits, and these marks within: what no reader folds, escapes or quotes.
bool is_name(std::string_view name, std::string_view marks) {
  const auto plain = [](char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= limits::credential_name_bytes_max && plain(name.front()) &&
         plain(name.back()) && std::all_of(name.begin(), name.end(), [&](char c) {
           return plain(c) || marks.find(c) != std::string_view::npos;
         });
}

/// Why a field may not be a source, or empty.
std::string flaw_of_field(std::string_view name) {
  const std::string folded = lower(name);
  if (is_foreign_field(folded)) return quoted(name) + " has a meaning of its own";
  if (const std::string_view family = foreign_family_of(folded); !family.empty())
    return quoted(name) + " lies among the fields " + quoted(std::string(family) + '*');
  return {};
}

class SourceReader {
 public:
  explicit SourceReader(const SourceMistake& mistake) : mistake_(mistake) {}

  void read(const yaml::Node& node) {
    if (node.kind == yaml::Kind::mapping && node.entries.size() == 1) {
      const yaml::Entry& entry = node.entries.front();
      if (entry.value.kind != yaml::Kind::scalar)
        return mistake_(entry.value, "a name is expected", std::string(how));
      return add(node, entry.key, entry.value, entry.value.scalar);
    }
    if (node.kind != yaml::Kind::scalar)
      return mistake_(node, "this is no source of a credential", std::string(how));
    const std::size_t colon = node.scalar.find(':');
    const std::string_view text = node.scalar;
    add(node, text.substr(0, colon), node, colon == std::string::npos ? "" : text.substr(colon + 1));
  }

  [[nodiscard]] std::vector<CredentialSource> take() { return std::move(sources_); }

 private:
  void add(const yaml::Node& node, std::string_view word, const yaml::Node& name_node,
           std::string_view name) {
    const auto known =
        std::find_if(words.begin(), words.end(), [word](const Word& other) { return other.name == word; });
    if (known == words.end()) {
      std::string suggestion = did_you_mean(word, names());
      if (suggestion.empty()) suggestion = how;
      return mistake_(node, "unknown source " + quoted(word) + " of a credential", std::move(suggestion));
    }
    const bool named = known->place != CredentialPlace::authorization;
    if (named == name.empty())
      return mistake_(name_node, quoted(word) + (named ? " wants a name" : " has no name"), std::string(how));
    if (named && !is_name(name, known->place == CredentialPlace::header ? "-" : "-._"))
      return mistake_(
          name_node, quoted(name) + " is no name of a source",
          "allowed are letters, digits and '-', in other places than headers '.' and '_' too, at most " +
              std::to_string(limits::credential_name_bytes_max));
    if (known->place == CredentialPlace::header)
      if (std::string flaw = flaw_of_field(name); !flaw.empty())
        return mistake_(name_node, std::move(flaw),
                        lower(name) == "authorization" ? "write 'authorization'" : "");
    // Folded, so that the configuration and a rule that spell one header differently mean one source.
    const bool folds = known->place == CredentialPlace::header;
    CredentialSource source{known->place, folds ? lower(name) : std::string(name)};
    if (std::find(sources_.begin(), sources_.end(), source) != sources_.end())
      return mistake_(node, "this source is named twice", "");
    sources_.push_back(std::move(source));
  }

  static std::vector<std::string_view> names() {
    std::vector<std::string_view> all;
    for (const Word& word : words) all.push_back(word.name);
    return all;
  }

  const SourceMistake& mistake_;
  std::vector<CredentialSource> sources_;
};

}  // namespace

std::vector<CredentialSource> read_credential_sources(const yaml::Node& node, const SourceMistake& mistake) {
  bool good = true;
  const SourceMistake told = [&](const yaml::Node& at, std::string message, std::string suggestion) {
    good = false;
    mistake(at, std::move(message), std::move(suggestion));
  };
  SourceReader reader(told);
  if (node.kind != yaml::Kind::sequence) {
    reader.read(node);
  } else if (node.items.empty()) {
    told(node, "the list is empty", "leave it out for Authorization alone");
  } else if (node.items.size() > limits::credential_sources_max) {
    told(node, "more than " + std::to_string(limits::credential_sources_max) + " entries", "");
  } else {
    for (const yaml::Node& item : node.items) reader.read(item);
  }
  return good ? reader.take() : std::vector<CredentialSource>{};
}

bool is_subject_header(const CredentialSource& source, std::string_view prefix) noexcept {
  if (source.place != CredentialPlace::header) return false;
  const std::string_view stem = prefix.substr(0, prefix.size() - 1);  // without the '-' at its end
  const std::string_view name = source.name;
  if (name.size() < stem.size()) return false;
  for (std::size_t i = 0; i < stem.size(); ++i)
    if (lower(name[i]) != lower(stem[i])) return false;
  return name.size() == stem.size() || name[stem.size()] == '-';
}

}  // namespace postern
