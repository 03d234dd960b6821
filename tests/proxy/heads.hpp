// Heads read for the tests of what comes after reading.

#pragma once

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/head_reader.hpp"

namespace postern::test {

/// A complete head and the bytes its offsets point into.
template <class Reader, class HeadType>
class Read {
 public:
  explicit Read(std::string text) : text_(std::move(text)), head_(std::make_unique<HeadType>()) {
    Reader reader;
    INFO("head: " << text_);
    REQUIRE(reader.feed(text_, *head_) == HeadStatus::complete);
  }
  [[nodiscard]] const HeadType& head() const { return *head_; }
  [[nodiscard]] const char* buffer() const { return text_.data(); }

 private:
  std::string text_;
  std::unique_ptr<HeadType> head_;
};
using ReadRequest = Read<RequestReader, RequestHead>;
using ReadResponse = Read<ResponseReader, ResponseHead>;

/// `GET / HTTP/1.1` with a Host and these lines, each with its CRLF.
inline ReadRequest request_with(const std::string& lines) {
  return ReadRequest("GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n");
}

}  // namespace postern::test
