// Reads streams of requests from standard input and tells what they are, one line of JSON each: the half of
// differential.py that is ours. Each input is a length (4 bytes, little endian) and that many bytes.
//
// {"messages": [[method, target, body, complete], ...], "end": "incomplete" | "closed" | "refused: <why>"},
// bytes in hexadecimal.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/chunk_machine.hpp"
#include "proxy/head_reader.hpp"

using namespace postern;

namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += {digits[value >> 4], digits[value & 15]};
  }
  return text;
}

/// A body as far as it goes; `rest` is what follows it.
struct Body {
  std::string bytes;
  bool complete = false;
  bool refused = false;
};

Body read_body(const RequestHead& head, std::string_view& rest) {
  Body body;
  if (head.framing == Framing::none) {
    body.complete = true;
  } else if (head.framing == Framing::length) {
    body.bytes = rest.substr(0, head.content_length);
    body.complete = body.bytes.size() == head.content_length;
    rest.remove_prefix(body.bytes.size());
  } else {
    ChunkMachine machine;
    ChunkMachine::Step step;
    do {
      step = machine.step(rest);
      rest.remove_prefix(step.consumed);
      body.bytes += step.data;
    } while (step.status == ChunkStatus::data);
    body.complete = step.status == ChunkStatus::complete;
    body.refused = step.status == ChunkStatus::refused;
  }
  return body;
}

/// Whether the message asks to speak something else afterwards.
bool asks_for_upgrade(const RequestHead& head, const char* buffer) {
  bool named = false;
  for (const Field& field : head.all()) named = named || iequals(field.name.of(buffer), "upgrade");
  return named && head.connection_upgrade;
}

/// What every session refuses though the reader does not: tunnels, and bodies before another protocol.
bool session_refuses(const RequestHead& head, const char* buffer) {
  const bool has_body =
      head.framing == Framing::chunked || (head.framing == Framing::length && head.content_length > 0);
  return head.form == TargetForm::authority || (has_body && asks_for_upgrade(head, buffer));
}

/// Whether the session reads no other request after this one.
bool ends_connection(const RequestHead& head, const char* buffer) {
  return head.connection_close || (head.minor == 0 && !head.connection_keep_alive) ||
         asks_for_upgrade(head, buffer);
}

std::string tell(std::string_view rest) {
  std::string messages;
  const auto head = std::make_unique<RequestHead>();
  const auto line = [&messages](std::string_view end) {
    return R"({"messages": [)" + messages + R"(], "end": ")" + std::string(end) + "\"}";
  };
  for (;;) {
    RequestReader reader;
    const HeadStatus status = reader.feed(rest, *head);
    if (status == HeadStatus::refused) return line("refused: " + std::string(to_string(reader.error())));
    if (status == HeadStatus::incomplete) return line("incomplete");
    const char* buffer = rest.data();
    if (session_refuses(*head, buffer)) return line("refused: by the session");
    rest.remove_prefix(head->size);
    const Body body = read_body(*head, rest);
    messages += std::string(messages.empty() ? "" : ", ") + "[\"" + hex(head->method.of(buffer)) + "\", \"" +
                hex(head->target.of(buffer)) + "\", \"" + hex(body.bytes) + "\", " +
                (body.complete ? "true" : "false") + "]";
    if (body.refused) return line("refused: chunked body");
    if (!body.complete) return line("incomplete");
    if (ends_connection(*head, buffer)) return line("closed");
  }
}

}  // namespace

int main() {
  unsigned char prefix[4];
  std::string bytes;
  while (std::fread(prefix, 1, sizeof prefix, stdin) == sizeof prefix) {
    const std::size_t size =
        prefix[0] | std::size_t{prefix[1]} << 8 | std::size_t{prefix[2]} << 16 | std::size_t{prefix[3]} << 24;
    bytes.resize(size);
    if (std::fread(bytes.data(), 1, size, stdin) != size) return 1;
    std::puts(tell(bytes).c_str());
  }
  return 0;
}
