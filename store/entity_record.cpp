#include "store/entity_record.hpp"

#include "store/bytes.hpp"
#include "store/rights.hpp"
#include "store/subject_record.hpp"

namespace postern::store {
namespace {

namespace flag {  // on disk, do not renumber
constexpr std::uint64_t name = 1 << 0;
constexpr std::uint64_t description = 1 << 1;
constexpr std::uint64_t reserved = 1 << 2;
constexpr std::uint64_t permissions = 1 << 3;
constexpr std::uint64_t enabled = 1 << 4;
constexpr std::uint64_t application = 1 << 5;
constexpr std::uint64_t max_subjects = 1 << 6;
constexpr std::uint64_t url = 1 << 7;
constexpr std::uint64_t extensions = subject_flag::extensions;
}  // namespace flag

constexpr std::uint64_t common_flags = flag::name | flag::description | flag::reserved | flag::extensions;

std::uint64_t known_flags(policy::EntityKind kind) noexcept {
  if (kind == policy::EntityKind::role) return common_flags | flag::permissions;
  if (kind == policy::EntityKind::license)
    return common_flags | flag::enabled | flag::application | flag::max_subjects | flag::url;
  return common_flags;
}

std::uint64_t flags_of(const EntityRecord& record) noexcept {
  std::uint64_t flags = 0;
  const auto set = [&flags](bool condition, std::uint64_t flag) { flags |= condition ? flag : 0; };
  set(!record.name.empty(), flag::name);
  set(!record.description.empty(), flag::description);
  set(record.reserved, flag::reserved);
  set(!record.permissions.empty(), flag::permissions);
  set(record.enabled, flag::enabled);
  set(record.license_kind == policy::LicenseKind::application, flag::application);
  set(record.max_subjects != 0, flag::max_subjects);
  set(!record.url.empty(), flag::url);
  set(!record.extensions.empty(), flag::extensions);
  return flags & known_flags(record.kind);
}

std::string_view read_text_if(ByteReader& reader, bool present) noexcept {
  if (!present) return {};
  const std::string_view text = reader.text();
  if (text.empty()) reader.fail();
  return text;
}

void read_permissions(ByteReader& reader, std::vector<Handle>& permissions) {
  const std::uint64_t count = reader.varint();
  if (count == 0 || count > limits::permissions_per_role_max) return reader.fail();
  Handle last = 0;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const Handle step = reader.handle();
    if (step == 0 || step > std::numeric_limits<Handle>::max() - last) return reader.fail();
    permissions.push_back(last += step);
  }
}

std::string text_key(char kind, std::string_view id) {
  std::string key(1, kind);
  key += id;
  return key;
}

}  // namespace

std::string encode(const EntityRecord& record) {
  const std::uint64_t flags = flags_of(record);
  ByteWriter writer;
  writer.u8(record_version);
  writer.u8(static_cast<std::uint8_t>(record.kind));
  writer.varint(flags);
  writer.text(record.id);
  if (flags & flag::name) writer.text(record.name);
  if (flags & flag::permissions) write_handles(writer, record.permissions);
  if (flags & flag::max_subjects) writer.varint(record.max_subjects);
  if (flags & flag::description) writer.text(record.description);
  if (flags & flag::url) writer.text(record.url);
  if (flags & flag::extensions) writer.text(record.extensions);
  return std::move(writer).bytes();
}

bool decode(std::string_view bytes, EntityRecord& record) {
  ByteReader reader(bytes);
  record = {};
  if (reader.u8() != record_version) return false;
  const std::uint8_t kind = reader.u8();
  if (kind < 1 || kind > 4) return false;
  record.kind = static_cast<policy::EntityKind>(kind);
  const std::uint64_t flags = reader.varint();
  if ((flags & ~known_flags(record.kind)) != 0) return false;
  record.id = read_text_if(reader, true);
  record.name = read_text_if(reader, flags & flag::name);
  record.reserved = (flags & flag::reserved) != 0;
  if (flags & flag::permissions) read_permissions(reader, record.permissions);
  record.enabled = record.kind != policy::EntityKind::license || (flags & flag::enabled) != 0;
  record.license_kind =
      flags & flag::application ? policy::LicenseKind::application : policy::LicenseKind::subject;
  if (flags & flag::max_subjects) {
    record.max_subjects = reader.handle();
    if (record.max_subjects == 0) reader.fail();
  }
  record.description = read_text_if(reader, flags & flag::description);
  record.url = read_text_if(reader, flags & flag::url);
  record.extensions = read_extensions(reader, flags);
  return reader.complete();
}

std::string id_key(policy::EntityKind kind, std::string_view id) {
  return text_key(static_cast<char>(kind), id);
}
std::string user_id_key(std::string_view id) {
  return text_key(user_id_kind, id);
}

}  // namespace postern::store
