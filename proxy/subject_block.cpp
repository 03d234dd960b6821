#include "proxy/subject_block.hpp"

#include <algorithm>
#include <array>

#include "conf/byte_block.hpp"
#include "conf/limits.hpp"
#include "proxy/bounded_text.hpp"
#include "proxy/byte_class.hpp"

namespace postern {
namespace {

using policy::Catalog;
using policy::EntityKind;
using policy::Subject;

/// Stored values are validated; this is the second lock on the same door.
bool may_stand_in_a_header(std::string_view value) noexcept {
  return none_in(value, [](ByteBlock block) { return (block < 0x20) | (block >= 0x7F); });
}

bool may_stand_in_a_list(std::string_view id) noexcept {
  return may_stand_in_a_header(id) && id.find(',') == std::string_view::npos;
}

void put_percent_encoded(TextWriter& out, std::string_view text) noexcept {
  if (none_in(text, [](ByteBlock block) { return (block <= 0x20) | (block >= 0x7F) | (block == '%'); }))
    return out.put(text);
  constexpr char hex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '%') {
      out.put(c);
      continue;
    }
    const char escape[] = {'%', hex[byte >> 4], hex[byte & 15]};
    out.put(std::string_view(escape, sizeof escape));
  }
}

class Block {
 public:
  Block(std::string_view prefix, std::span<char> out) noexcept
      : prefix_(prefix), whole_(out), out_(before_marker()) {}

  /// One line, or nothing of it.
  template <class Value>
  void line(std::string_view name, Value write_value) noexcept {
    const std::size_t before = out_.size();
    out_.put(prefix_);
    out_.put(name);
    out_.put(": ");
    const bool good = write_value(out_);
    out_.put("\r\n");
    if (good && !out_.overflowed()) return;
    out_ = TextWriter(before_marker(), before);  // forgets the overflow too
    truncated_ = true;
  }

  void value(std::string_view name, std::string_view value) noexcept {
    line(name, [value](TextWriter& out) {
      out.put(value);
      return may_stand_in_a_header(value);
    });
  }

  [[nodiscard]] std::size_t finish() noexcept {
    if (!truncated_) return out_.size();
    TextWriter all(whole_, out_.size());
    all.put(prefix_);
    all.put(marker);
    return all.size();
  }

 private:
  static constexpr std::string_view marker = "Truncated: 1\r\n";

  /// Room for the marker is kept whatever comes.
  [[nodiscard]] std::span<char> before_marker() const noexcept {
    return whole_.first(whole_.size() - prefix_.size() - marker.size());
  }

  std::string_view prefix_;
  std::span<char> whole_;
  TextWriter out_;
  bool truncated_ = false;
};

/// Ids of what is held, sorted by id; what was deleted since is not among them.
class SortedIds {
 public:
  void add(const Catalog& catalog, EntityKind kind, Handle handle) noexcept {
    const Catalog::Entity* entity = catalog.find(kind, handle);
    if (!entity || (kind == EntityKind::license && !entity->enabled)) return;
    if (count_ == ids_.size()) sort();  // roles overlap: what was counted twice makes room
    if (count_ == ids_.size()) {
      overflowed_ = true;
      return;
    }
    ids_[count_++] = entity;
  }

  void write(Block& block, std::string_view name) noexcept {
    sort();
    block.line(name, [this](TextWriter& out) {
      bool good = !overflowed_;
      for (std::size_t i = 0; i < count_; ++i) {
        if (i > 0) out.put(',');
        out.put(ids_[i]->id);
        good = good && may_stand_in_a_list(ids_[i]->id);
      }
      return good;
    });
  }

 private:
  void sort() noexcept {
    const auto end = ids_.begin() + static_cast<std::ptrdiff_t>(count_);
    if (count_ < 2) return;
    std::sort(ids_.begin(), end,
              [](const Catalog::Entity* a, const Catalog::Entity* b) { return a->id < b->id; });
    count_ = static_cast<std::size_t>(std::unique(ids_.begin(), end) - ids_.begin());
  }

  std::array<const Catalog::Entity*, 2 * limits::handles_per_subject_max>
      ids_;  // unset beyond count_: clearing it would cost more than all else here
  std::size_t count_ = 0;
  bool overflowed_ = false;
};

void write_ids(Block& block, std::string_view name, const Catalog& catalog, EntityKind kind,
               std::span<const Handle> handles) noexcept {
  SortedIds ids;
  for (const Handle handle : handles) ids.add(catalog, kind, handle);
  ids.write(block, name);
}

void write_permissions(Block& block, const Subject& subject) noexcept {
  SortedIds ids;
  for (const Handle handle : subject.permissions) ids.add(*subject.catalog, EntityKind::permission, handle);
  for (const Handle role : subject.roles) {
    const Catalog::Entity* entity = subject.catalog->find(EntityKind::role, role);
    if (!entity) continue;
    entity->permissions.for_each(
        [&](Handle handle) { ids.add(*subject.catalog, EntityKind::permission, handle); });
  }
  ids.write(block, "Permissions");
}

void write_certificate(Block& block, const Subject& subject) noexcept {
  if (subject.certificate.empty()) return;
  block.line("Certificate", [&](TextWriter& value) {
    put_percent_encoded(value, subject.certificate);
    return true;
  });
}

}  // namespace

std::size_t write_subject_block(const Subject& subject, std::string_view prefix, bool with_permissions,
                                std::span<char> out) noexcept {
  Block block(prefix, out);
  if (subject.type == policy::SubjectType::anonymous) {
    block.value("Type", policy::to_string(subject.type));
    write_certificate(block, subject);
    return block.finish();
  }
  block.value("Id", subject.id);
  block.line("Name", [&](TextWriter& name) {
    put_percent_encoded(name, subject.name);
    return true;
  });
  block.value("Type", policy::to_string(subject.type));
  block.value("Token-Id", subject.token_id);
  write_ids(block, "Groups", *subject.catalog, EntityKind::group, subject.groups);
  write_ids(block, "Roles", *subject.catalog, EntityKind::role, subject.roles);
  write_ids(block, "Licenses", *subject.catalog, EntityKind::license, subject.licenses);
  write_certificate(block, subject);
  if (with_permissions) write_permissions(block, subject);
  return block.finish();
}

namespace {

/// Whether one of the lines has this name.
bool has_line(std::string_view lines, std::string_view prefix, std::string_view name) noexcept {
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const std::string_view own = line.substr(0, line.find(':'));
    if (own.size() == prefix.size() + name.size() && iequals(own.substr(0, prefix.size()), prefix) &&
        iequals(own.substr(prefix.size()), name))
      return true;
  }
  return false;
}

}  // namespace

void put_absent_subject_headers(std::string_view block, std::string_view prefix, TextWriter& out) noexcept {
  constexpr std::string_view all[] = {"Id",    "Name",     "Type",        "Token-Id",    "Groups",
                                      "Roles", "Licenses", "Permissions", "Certificate", "Truncated"};
  for (const std::string_view name : all) {
    if (has_line(block, prefix, name)) continue;
    out.put(prefix);
    out.put(name);
    out.put(":\r\n");
  }
}

void put_absent_headers(std::string_view block, std::span<const std::string> names,
                        TextWriter& out) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto same = [&](const std::string& earlier) { return iequals(earlier, names[i]); };
    if (has_line(block, {}, names[i]) ||
        std::any_of(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), same))
      continue;
    out.put(names[i]);
    out.put(":\r\n");
  }
}

}  // namespace postern
