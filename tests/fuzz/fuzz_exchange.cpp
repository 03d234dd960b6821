// A whole exchange driven by bytes: what the client sends, a line "----", what the upstream answers;
// "@TOKEN@" is a valid token. Whatever they are: what reaches the upstream is read again without doubt,
// carries no credential and no subject but ours; what reaches the client is HTTP; and nothing is left when
// both have gone.

#include <memory>
#include <string>

#include "proxy/body_reader.hpp"
#include "tests/fuzz/segmented.hpp"
#include "tests/simulation/stage.hpp"

using namespace postern;
using namespace postern::fuzz;
using test::Connection;
using test::Stage;

namespace {

constexpr std::string_view divider = "\n----\n";
constexpr int rounds_max = 400;

std::string with_token(std::string_view bytes, const std::string& token) {
  // Only there: who writes a token into a path, say, has given it away himself.
  constexpr std::string_view place = "\r\nAuthorization: Bearer @TOKEN@\r\n";
  std::string text(bytes);
  for (std::size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + 1))
    text.replace(at, place.size(), "\r\nAuthorization: Bearer " + token + "\r\n");
  return text;
}

void require_request(const RequestHead& head, const char* buffer, const std::string& token) {
  require(std::string_view(buffer, head.size).find(token) == std::string_view::npos,
          "the token reached the upstream");
  const std::string_view path = head.path.of(buffer);
  require(path.starts_with("/open") || path.starts_with("/private/") || path == "/private",
          "a path without a rule reached the upstream");
  int types = 0, token_ids = 0;
  for (const Field& field : head.all()) {
    const std::string_view name = field.name.of(buffer);
    if (iequals(name, "X-Subject-Type")) ++types;
    if (iequals(name, "X-Subject-Token-Id")) ++token_ids;
    require(!iequals(name, "Authorization"), "a credential reached the upstream");
  }
  require(types == 1, "not exactly one subject");
  require(token_ids == 1 || !path.starts_with("/private"), "nobody was let into what is private");
}

/// Everything that one upstream connection heard. What is cut off at its end is no mistake.
void require_requests(std::string heard, const std::string& token) {
  std::size_t at = 0;
  auto head = std::make_unique<RequestHead>();
  while (at < heard.size()) {
    RequestReader reader;
    const HeadStatus status = reader.feed({heard.data() + at, heard.size() - at}, *head);
    if (status == HeadStatus::incomplete) return;
    require(status == HeadStatus::complete, "a head that a strict reader refuses reached the upstream");
    require_request(*head, heard.data() + at, token);
    at += head->size;
    if (head->connection_upgrade) return;  // what follows may be a tunnel's
    BodyReader body;
    body.begin(head->framing, head->content_length);
    Window window{0, static_cast<std::uint32_t>(heard.size() - at)};
    require(!body.take(heard.data() + at, window).malformed, "a body that a strict reader refuses");
    at += window.begin;
    if (!body.finished()) return;
  }
}

/// What the client heard: answers, the last one perhaps cut off.
void require_answers(std::string_view heard) {
  auto head = std::make_unique<ResponseHead>();
  std::size_t at = 0;
  // Whether an answer has a body may depend on the method that was asked with; so only heads up to the first
  // final one are read.
  while (at < heard.size()) {
    ResponseReader reader;
    const HeadStatus status = reader.feed(heard.substr(at), *head);
    if (status == HeadStatus::incomplete) return;
    require(status == HeadStatus::complete, "the client got an answer that a strict reader refuses");
    at += head->size;
    if (head->status == 101 || head->status >= 200) return;
  }
}

struct UpstreamEnd {
  Connection line;
  std::string heard;
  std::size_t said = 0;
};

void require_nothing_left(Stage& stage) {
  for (int i = 0; i < 6; ++i) {
    stage.pass(std::chrono::minutes(10));
    for (int j = 0; j < 3; ++j) stage.step();
  }
  require(stage.metrics().connections_open.get() == 0, "a client connection is left");
  require(stage.metrics().exchanges_open.get() == 0, "an exchange is left");
  require(stage.metrics().upstream_open.get() == 0, "an upstream connection is left");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Stage stage;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.find(stage.token()) != std::string_view::npos) return 0;
  const std::size_t middle = std::min(input.find(divider), input.size());
  const std::string asked = with_token(input.substr(0, middle), stage.token());
  const std::string answer(input.substr(std::min(middle + divider.size(), input.size())));
  Segments cuts(input, 11);

  Connection client = stage.connect();
  std::vector<UpstreamEnd> upstreams;
  std::string heard;
  std::size_t said = 0;
  int idle = 0;
  for (int round = 0; round < rounds_max && idle < 4 && !client.ended(); ++round) {
    const std::size_t piece = cuts.next();
    std::size_t moved = client.say(std::string_view(asked).substr(said, piece));
    said += moved;
    if (said == asked.size() && piece == 3) client.end();
    moved += client.hear(heard, 64 * 1024);
    stage.step();
    for (Connection line = stage.accept(); line.open(); line = stage.accept())
      upstreams.push_back({std::move(line), {}, 0});
    for (UpstreamEnd& upstream : upstreams) {
      moved += upstream.line.hear(upstream.heard, 64 * 1024);
      if (upstream.heard.empty()) continue;
      const std::size_t count =
          upstream.line.say(std::string_view(answer).substr(upstream.said, 1 + cuts.next()));
      upstream.said += count;
      moved += count;
      if (upstream.said == answer.size() && cuts.next() == 2) upstream.line.close();
    }
    stage.step();
    if (moved == 0 && piece > 0) ++idle;
    if (moved > 0) idle = 0;
    if (cuts.next() == 4) stage.pass(std::chrono::milliseconds(1100));  // the wait for a 100 ends
  }
  client.hear(heard, 256 * 1024);
  client.close();
  stage.step();
  for (UpstreamEnd& upstream : upstreams) {
    upstream.line.hear(upstream.heard, 256 * 1024);
    require_requests(upstream.heard, stage.token());
  }
  require_answers(heard);
  upstreams.clear();
  require_nothing_left(stage);
  return 0;
}
