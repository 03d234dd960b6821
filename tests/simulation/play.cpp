#include "tests/simulation/play.hpp"

#include <algorithm>
#include <array>

#include "proxy/head_writer.hpp"
#include "tests/simulation/actors.hpp"

namespace postern::test {
namespace {

constexpr int turns_max = 200'000;  // a play that lasts longer hangs

std::string some_bytes(Draws& draws, std::uint64_t number) {
  constexpr std::array<std::size_t, 6> most = {1, 50, 5'000, 40'000, 200'000, 1};
  std::string bytes(draws.one_in(5) ? 0 : draws.below(most[draws.below(most.size())]), '\0');
  std::uint64_t state = number;
  for (char& byte : bytes)
    byte = static_cast<char>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
  return bytes;
}

Wish make_wish(Draws& draws, std::uint64_t number, bool faults, const std::string& token) {
  constexpr std::array<std::string_view, 7> methods = {"GET", "GET",    "HEAD", "POST",
                                                       "PUT", "DELETE", "PATCH"};
  constexpr std::array<int, 5> statuses = {200, 200, 204, 404, 500};
  Wish wish;
  wish.number = number;
  wish.method = methods[draws.below(methods.size())];
  const bool is_private = draws.one_in(2);
  const bool has_token = !draws.one_in(5);
  wish.granted = !is_private || has_token;
  const bool has_body = wish.method.starts_with('P');
  if (has_body) wish.body = some_bytes(draws, number);
  wish.repeatable = !has_body;
  wish.status = statuses[draws.below(statuses.size())];
  wish.framing = std::array{Framing::length, Framing::chunked, Framing::until_close}[draws.below(3)];
  wish.answer_body = some_bytes(draws, number + 1'000'000);
  wish.early = faults && draws.one_in(5);

  wish.bytes = wish.method + (is_private ? " /private/" : " /open/") + std::to_string(number) +
               " HTTP/1.1\r\nHost: stage\r\nX-Tag: " + std::to_string(number) + "\r\n";
  if (has_token) wish.bytes += "Authorization: Bearer " + token + "\r\n";
  if (draws.one_in(3)) wish.bytes += "x_subject_id: root\r\nX-Subject-Type: root\r\n";
  if (has_body && draws.one_in(2)) {
    if (draws.one_in(3)) wish.bytes += "Expect: 100-continue\r\n";
    wish.bytes += "Content-Length: " + std::to_string(wish.body.size()) + "\r\n\r\n" + wish.body;
  } else if (has_body) {
    wish.bytes += "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < wish.body.size();) {
      const std::size_t size = std::min<std::size_t>(1 + draws.below(20'000), wish.body.size() - at);
      char line[18];
      wish.bytes += std::string(chunk_size_line(size, line)) + wish.body.substr(at, size) + "\r\n";
      at += size;
    }
    wish.bytes += "0\r\n\r\n";
  } else {
    wish.bytes += "\r\n";
  }
  return wish;
}

/// Everybody has gone and every deadline has passed: what is left would never end.
std::string leftovers(Stage& stage) {
  for (int i = 0; i < 20; ++i) {
    stage.pass(std::chrono::minutes(10));
    for (int j = 0; j < 5; ++j) stage.step();
  }
  const ShardMetrics& metrics = stage.metrics();
  std::string left;
  const auto count = [&left](std::string_view what, const auto& gauge) {
    if (gauge.get() != 0) left += std::to_string(gauge.get()) + " " + std::string(what) + " left; ";
  };
  count("client connections", metrics.connections_open);
  count("exchanges", metrics.exchanges_open);
  count("upstream connections", metrics.upstream_open);
  count("idle upstream connections", metrics.upstream_idle);
  return left;
}

}  // namespace

std::uint64_t Draws::below(std::uint64_t bound) noexcept {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (z ^ (z >> 31)) % bound;
}

std::string play(Stage& stage, std::uint64_t seed) {
  Draws draws(seed);
  const Faults faults{seed % 2 == 1, seed % 8 == 7};
  Wishes wishes;
  std::vector<ClientActor> clients;
  std::vector<std::unique_ptr<UpstreamActor>> upstreams;
  std::uint64_t number = 1;
  for (std::uint64_t left = 1 + draws.below(4); left > 0; --left) {
    std::vector<Wish*> own;
    for (std::uint64_t more = 1 + draws.below(5); more > 0; --more, ++number)
      own.push_back(&(wishes[number] = make_wish(draws, number, faults.any, stage.token())));
    clients.emplace_back(stage.connect(), std::move(own), draws, faults);
  }

  const Stage::Arrange shuffle = [&draws](std::span<epoll_event> events) {
    for (std::size_t i = events.size(); i > 1; --i) std::swap(events[i - 1], events[draws.below(i)]);
  };
  std::string wrong;
  for (int turn = 0; turn < turns_max && wrong.empty(); ++turn) {
    if (std::all_of(clients.begin(), clients.end(), [](ClientActor& client) { return client.done(); })) break;
    if (turn % 64 == 0)
      for (ClientActor& client : clients)
        if (client.satisfied()) client.leave();
    for (ClientActor& client : clients) client.act();
    for (Connection line = stage.accept(); line.open(); line = stage.accept())
      upstreams.push_back(
          std::make_unique<UpstreamActor>(std::move(line), wishes, draws, faults, stage.token()));
    for (const auto& upstream : upstreams) {
      upstream->act();
      if (!upstream->wrong().empty()) wrong = upstream->wrong();
    }
    if (faults.any && draws.one_in(300)) stage.listen(false);
    if (draws.one_in(20)) stage.listen(true);
    stage.pass(std::chrono::milliseconds(draws.one_in(faults.any ? 400 : 1'000'000) ? draws.below(20'000)
                                                                                    : draws.below(3)));
    stage.step(shuffle);
    if (turn == turns_max - 1) wrong = "the play never ends";
  }
  for (ClientActor& client : clients)
    if (wrong.empty()) wrong = client.reckon();
  clients.clear();
  upstreams.clear();
  stage.listen(true);
  for (Connection line = stage.accept(); line.open(); line = stage.accept()) line.close();
  const std::string left = leftovers(stage);
  return wrong.empty() ? left : wrong;
}

}  // namespace postern::test
