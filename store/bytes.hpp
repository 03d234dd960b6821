// Records as bytes: a writer that appends, a reader that never reads beyond and never throws.
// Integers are little-endian or LEB128 varints in their shortest form, texts carry their length in front.

#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

namespace postern::store {

/// Appends fields to a record.
class ByteWriter {
 public:
  /// `size`: bytes that are expected, if that is known.
  explicit ByteWriter(std::size_t size = 0) { out_.reserve(size); }
  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u64(std::uint64_t value) {
    std::array<char, 8> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(value >> 8 * i);
    out_.append(bytes.data(), bytes.size());
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) u8(static_cast<std::uint8_t>(value | 0x80));
    u8(static_cast<std::uint8_t>(value));
  }
  /// Seconds are never negative where they are stored: bounds are checked before.
  void seconds(std::int64_t value) { varint(static_cast<std::uint64_t>(value)); }
  void raw(std::string_view bytes) { out_.append(bytes); }
  void text(std::string_view bytes) {
    varint(bytes.size());
    raw(bytes);
  }
  [[nodiscard]] const std::string& bytes() const& noexcept { return out_; }
  [[nodiscard]] std::string bytes() && noexcept { return std::move(out_); }

 private:
  std::string out_;
};

/// Takes fields off a record. After the first field that does not fit everything read is zero or empty and
/// ok() is false, so that a decoder may read on and look once. Views point into the given bytes.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] std::uint8_t u8() noexcept {
    if (rest_.empty()) {
      fail();
      return 0;
    }
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  [[nodiscard]] std::uint64_t u64() noexcept {
    static_assert(std::endian::native == std::endian::little, "records are little-endian");
    std::uint64_t value = 0;
    const std::string_view bytes = raw(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  /// Only the shortest form is taken: a record has exactly one spelling, and what was decoded encodes to
  /// itself.
  [[nodiscard]] std::uint64_t varint() noexcept {
    if (!rest_.empty() && static_cast<std::uint8_t>(rest_.front()) < 0x80) return u8();  // most are short
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      if (!ok_) return 0;
      if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) break;
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }
  [[nodiscard]] std::int64_t seconds() noexcept {
    const std::uint64_t value = varint();
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return static_cast<std::int64_t>(value);
    fail();
    return 0;
  }
  [[nodiscard]] std::uint32_t handle() noexcept {
    const std::uint64_t value = varint();
    if (value <= std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(value);
    fail();
    return 0;
  }
  [[nodiscard]] std::string_view raw(std::size_t size) noexcept {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  [[nodiscard]] std::string_view text() noexcept {
    const std::uint64_t size = varint();
    if (size <= rest_.size()) return raw(static_cast<std::size_t>(size));
    fail();
    return {};
  }
  void fail() noexcept {
    ok_ = false;
    rest_ = {};
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  /// Everything fitted and nothing is left over.
  [[nodiscard]] bool complete() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace postern::store
