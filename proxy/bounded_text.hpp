// Text in memory that is already there: written on the request path without allocating.

#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace postern {

/// Appends to a caller's buffer. What does not fit is left out whole and remembered: overflowed().
class TextWriter {
 public:
  /// Goes on after the first `used` bytes of `out`.
  explicit TextWriter(std::span<char> out, std::size_t used = 0) noexcept : out_(out), size_(used) {}

  [[nodiscard]] bool fits(std::string_view text) const noexcept { return text.size() <= out_.size() - size_; }
  void put(std::string_view text) noexcept {
    if (!fits(text)) {
      overflowed_ = true;
      return;
    }
    if (text.empty()) return;
    std::memcpy(out_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void put(char byte) noexcept { put(std::string_view(&byte, 1)); }
  void put_number(std::uint64_t number) noexcept {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    put({digits, static_cast<std::size_t>(end - digits)});
  }
  /// Takes back what was appended after `size`.
  void rewind(std::size_t size) noexcept { size_ = size; }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  [[nodiscard]] std::string_view view() const noexcept { return {out_.data(), size_}; }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
};

/// A short text kept by value; what is longer is cut.
template <std::size_t N>
class BoundedText {
 public:
  static constexpr std::size_t capacity = N;
  void assign(std::string_view text) noexcept {
    size_ = static_cast<std::uint16_t>(text.size() < N ? text.size() : N);
    if (size_ > 0) std::memcpy(bytes_.data(), text.data(), size_);
  }
  void clear() noexcept { size_ = 0; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  static_assert(N < 65536);
  std::uint16_t size_ = 0;
  std::array<char, N> bytes_;
};

}  // namespace postern
