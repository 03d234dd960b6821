#include "store/subject_record.hpp"

#include <algorithm>

namespace postern::store {
namespace {

constexpr std::uint64_t active_flags =
    subject_flag::enabled | subject_flag::imported | subject_flag::name | subject_flag::expires |
    subject_flag::owner | subject_flag::rights | subject_flag::networks | subject_flag::not_before |
    subject_flag::extensions | subject_flag::canary | subject_flag::reuse_seen;
constexpr std::uint64_t rotated_flags =
    subject_flag::imported | subject_flag::grace | subject_flag::extensions;
constexpr std::uint64_t user_flags =
    subject_flag::name | subject_flag::email | subject_flag::rights | subject_flag::extensions;

namespace token_flag {  // on disk, do not renumber
constexpr std::uint64_t rotated = 1 << 0;
constexpr std::uint64_t description = 1 << 1;
constexpr std::uint64_t extensions = subject_flag::extensions;
}  // namespace token_flag

std::uint64_t flag_if(bool condition, std::uint64_t flag) noexcept {
  return condition ? flag : 0;
}

/// Flags of this record that no version-1 record has: it was not written by us.
std::uint64_t read_flags(ByteReader& reader, std::uint64_t known) noexcept {
  const std::uint64_t flags = reader.varint();
  if ((flags & ~known) != 0) reader.fail();
  return flags;
}

/// A field that stands only where it says something: zero or empty would be a second spelling of "none".
UnixSeconds read_some_seconds(ByteReader& reader, bool present) noexcept {
  if (!present) return 0;
  const UnixSeconds value = reader.seconds();
  if (value == 0) reader.fail();
  return value;
}
std::string_view read_some_text(ByteReader& reader, bool present) noexcept {
  if (!present) return {};
  const std::string_view value = reader.text();
  if (value.empty()) reader.fail();
  return value;
}

// A network is one byte, then as many bytes of the address as its prefix needs. The byte is the prefix of an
// IPv6 network, or 129 + the prefix of an IPv4 one, which spares the twelve bytes that all IPv4-mapped
// addresses share.
constexpr std::uint8_t ipv4_base = 129;
constexpr std::uint8_t mapped_bits = 96;
constexpr std::uint8_t mapped_head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const Network& network) noexcept {
  return network.prefix >= mapped_bits &&
         std::equal(std::begin(mapped_head), std::end(mapped_head), network.address);
}

void write_network(ByteWriter& writer, const Network& network) {
  const bool mapped = is_mapped(network);
  const std::size_t begin = mapped ? sizeof mapped_head : 0;
  const std::size_t end = (std::size_t{network.prefix} + 7) / 8;
  writer.u8(mapped ? static_cast<std::uint8_t>(ipv4_base + (network.prefix - mapped_bits)) : network.prefix);
  for (std::size_t i = begin; i < end; ++i) writer.u8(network.address[i]);
}

Network read_network(ByteReader& reader) noexcept {
  Network network;
  const std::uint8_t head = reader.u8();
  const bool mapped = head >= ipv4_base;
  if (head > ipv4_base + 32) reader.fail();
  network.prefix = mapped ? static_cast<std::uint8_t>(head - ipv4_base + mapped_bits) : head;
  std::size_t i = 0;
  if (mapped)
    i = static_cast<std::size_t>(std::copy(std::begin(mapped_head), std::end(mapped_head), network.address) -
                                 network.address);
  for (const char byte : reader.raw((std::size_t{network.prefix} + 7) / 8 - i))
    network.address[i++] = static_cast<std::uint8_t>(byte);
  const unsigned spare = (8u - network.prefix % 8u) % 8u;
  if (spare != 0 && i > 0 && (network.address[i - 1] & ((1u << spare) - 1)) != 0) reader.fail();
  if (!mapped && is_mapped(network)) reader.fail();
  return network;
}

void read_networks(ByteReader& reader, SecretRecord& record) noexcept {
  const std::uint64_t count = reader.varint();
  if (count == 0) reader.fail();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i)
    if (!record.networks.add(read_network(reader))) return reader.fail();
}

void read_token(ByteReader& reader, TokenKey& key) noexcept {
  const auto found = token_key(reader.raw(sizeof key.bytes));
  if (!found) return reader.fail();
  key = *found;
}

void read_active(ByteReader& reader, SecretRecord& record) noexcept {
  const std::uint64_t flags = read_flags(reader, active_flags);
  record.enabled = (flags & subject_flag::enabled) != 0;
  record.imported = (flags & subject_flag::imported) != 0;
  record.not_before = read_some_seconds(reader, flags & subject_flag::not_before);
  record.expires = read_some_seconds(reader, flags & subject_flag::expires);
  record.owner = flags & subject_flag::owner ? reader.handle() : no_handle;
  if ((flags & subject_flag::owner) != 0 &&
      (record.owner == no_handle || (flags & subject_flag::rights) != 0))
    reader.fail();
  record.reuse_seen = (flags & subject_flag::reuse_seen) != 0;
  if (record.reuse_seen && record.enabled) reader.fail();
  record.canary = (flags & subject_flag::canary) != 0;
  if (record.canary && (flags & (subject_flag::owner | subject_flag::rights)) != 0) reader.fail();
  if (flags & subject_flag::networks) read_networks(reader, record);
  record.name = read_some_text(reader, flags & subject_flag::name);
  read_rights(reader, flags, record.rights);
  record.extensions = read_extensions(reader, flags);
}

void read_rotated(ByteReader& reader, SecretRecord& record) noexcept {
  const std::uint64_t flags = read_flags(reader, rotated_flags);
  record.imported = (flags & subject_flag::imported) != 0;
  record.rotated_at = reader.seconds();
  record.grace_until = read_some_seconds(reader, flags & subject_flag::grace);
  record.extensions = read_extensions(reader, flags);
}

void write_active(ByteWriter& writer, const SecretRecord& record) {
  const std::uint64_t flags =
      flag_if(record.enabled, subject_flag::enabled) | flag_if(record.imported, subject_flag::imported) |
      flag_if(!record.name.empty(), subject_flag::name) |
      flag_if(record.expires != 0, subject_flag::expires) |
      flag_if(record.owner != no_handle, subject_flag::owner) |
      flag_if(!record.networks.empty(), subject_flag::networks) |
      flag_if(record.not_before != 0, subject_flag::not_before) |
      flag_if(record.canary, subject_flag::canary) | flag_if(record.reuse_seen, subject_flag::reuse_seen) |
      flag_if(!record.extensions.empty(), subject_flag::extensions) | rights_flags(record.rights);
  writer.varint(flags);
  if (record.not_before != 0) writer.seconds(record.not_before);
  if (record.expires != 0) writer.seconds(record.expires);
  if (record.owner != no_handle) writer.varint(record.owner);
  if (!record.networks.empty()) {
    writer.varint(record.networks.size());
    for (const Network& network : record.networks.items()) write_network(writer, network);
  }
  if (!record.name.empty()) writer.text(record.name);
  write_rights(writer, record.rights);
  if (!record.extensions.empty()) writer.text(record.extensions);
}

void write_rotated(ByteWriter& writer, const SecretRecord& record) {
  writer.varint(flag_if(record.imported, subject_flag::imported) |
                flag_if(record.grace_until != 0, subject_flag::grace) |
                flag_if(!record.extensions.empty(), subject_flag::extensions));
  writer.seconds(record.rotated_at);
  if (record.grace_until != 0) writer.seconds(record.grace_until);
  if (!record.extensions.empty()) writer.text(record.extensions);
}

}  // namespace

std::string encode(const SecretRecord& record) {
  ByteWriter writer;
  writer.u8(record_version);
  writer.u8(static_cast<std::uint8_t>(record.state));
  writer.raw(record.token.view());
  if (record.state == SecretState::active)
    write_active(writer, record);
  else
    write_rotated(writer, record);
  return std::move(writer).bytes();
}

bool decode(std::string_view bytes, SecretRecord& record) noexcept {
  ByteReader reader(bytes);
  if (reader.u8() != record_version) return false;
  const std::uint8_t state = reader.u8();
  read_token(reader, record.token);
  record.networks.clear();
  record.rights.clear();
  if (state == static_cast<std::uint8_t>(SecretState::active)) {
    record.state = SecretState::active;
    read_active(reader, record);
  } else if (state == static_cast<std::uint8_t>(SecretState::rotated)) {
    record.state = SecretState::rotated;
    read_rotated(reader, record);
  } else {
    return false;
  }
  return reader.complete();
}

std::string encode(const TokenRecord& record) {
  ByteWriter writer;
  writer.u8(record_version);
  writer.varint(flag_if(record.rotated != 0, token_flag::rotated) |
                flag_if(!record.description.empty(), token_flag::description) |
                flag_if(!record.extensions.empty(), token_flag::extensions));
  writer.raw(record.hash.view());
  writer.seconds(record.created);
  if (record.rotated != 0) writer.seconds(record.rotated);
  if (!record.description.empty()) writer.text(record.description);
  if (!record.extensions.empty()) writer.text(record.extensions);
  return std::move(writer).bytes();
}

bool decode(std::string_view bytes, TokenRecord& record) noexcept {
  ByteReader reader(bytes);
  if (reader.u8() != record_version) return false;
  const std::uint64_t flags =
      read_flags(reader, token_flag::rotated | token_flag::description | token_flag::extensions);
  const std::string_view hash = reader.raw(sizeof record.hash.bytes);
  std::copy(hash.begin(), hash.end(), record.hash.bytes);
  record.created = reader.seconds();
  record.rotated = read_some_seconds(reader, flags & token_flag::rotated);
  record.description = read_some_text(reader, flags & token_flag::description);
  record.extensions = read_extensions(reader, flags);
  return reader.complete();
}

std::string encode(const UserRecord& record) {
  ByteWriter writer;
  writer.u8(record_version);
  writer.varint(flag_if(!record.name.empty(), subject_flag::name) |
                flag_if(!record.email.empty(), subject_flag::email) |
                flag_if(!record.extensions.empty(), subject_flag::extensions) | rights_flags(record.rights));
  writer.u8(static_cast<std::uint8_t>(record.status));
  if (record.status == UserStatus::enabled_until) writer.seconds(record.enabled_until);
  writer.text(record.id);
  if (!record.name.empty()) writer.text(record.name);
  write_rights(writer, record.rights);
  writer.seconds(record.created);
  if (!record.email.empty()) writer.text(record.email);
  if (!record.extensions.empty()) writer.text(record.extensions);
  return std::move(writer).bytes();
}

bool decode(std::string_view bytes, UserRecord& record) noexcept {
  ByteReader reader(bytes);
  if (reader.u8() != record_version) return false;
  const std::uint64_t flags = read_flags(reader, user_flags);
  const std::uint8_t status = reader.u8();
  if (status < 1 || status > 3) return false;
  record.status = static_cast<UserStatus>(status);
  record.enabled_until = read_some_seconds(reader, record.status == UserStatus::enabled_until);
  record.id = read_some_text(reader, true);
  record.name = read_some_text(reader, flags & subject_flag::name);
  read_rights(reader, flags, record.rights);
  record.created = reader.seconds();
  record.email = read_some_text(reader, flags & subject_flag::email);
  record.extensions = read_extensions(reader, flags);
  return reader.complete();
}

}  // namespace postern::store
