// Asks a running postern whether it is alive or ready, for a container that has no shell and no curl.

#include <cerrno>
#include <chrono>
#include <cstring>
#include <netdb.h>
#include <optional>
#include <sys/socket.h>

#include "conf/option.hpp"
#include "conf/yaml.hpp"
#include "proxy/address.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/config_options.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/client_socket.hpp"

namespace postern::cli {
namespace {

using Clock = ClientSocket::Clock;

constexpr std::chrono::seconds patience{2};            // for all of it: a kubelet's own limit is one second
constexpr std::size_t answer_bytes_max = 1024 * 1024;  // /readyz names what is wrong, once each

/// Where to connect in order to reach who listens there: "any address" is reached over the loopback.
Result<SocketAddress> reachable(const Endpoint& endpoint) {
  Endpoint place = endpoint;
  if (place.host == "0.0.0.0") place.host = "127.0.0.1";
  if (place.host == "::") place.host = "::1";
  POSTERN_TRY(const auto literal, literal_address(place));
  if (literal) return *literal;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(place.host.c_str(), std::to_string(place.port).c_str(), &hints, &found);
  if (error != 0) return Error{ErrorKind::unavailable, place.to_string() + ": " + ::gai_strerror(error)};
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

/// The whole answer.
Result<std::string> get(const Endpoint& endpoint, std::string_view path) {
  const Clock::time_point until = Clock::now() + patience;
  const Error silent{ErrorKind::unavailable, endpoint.to_string() + " does not answer"};
  POSTERN_TRY(const SocketAddress address, reachable(endpoint));
  const ClientSocket socket(address.family());
  if (socket.fd() < 0) return Error{ErrorKind::unavailable, "no descriptors left"};
  if (::connect(socket.fd(), address.get(), address.size) != 0 && errno != EINPROGRESS) return silent;
  if (!socket.wait(POLLOUT, until)) return silent;
  const std::string question =
      "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const auto sent = ::send(socket.fd(), question.data(), question.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(question.size())) return silent;
  std::string answer;
  while (socket.wait(POLLIN, until) && answer.size() < answer_bytes_max) {
    char piece[4096];
    const auto count = ::recv(socket.fd(), piece, sizeof piece, 0);
    if (count < 0) break;
    if (count == 0) return answer;
    answer.append(piece, static_cast<std::size_t>(count));
  }
  return silent;
}

/// Where health answers. Nothing, and it was said why, when nobody can be asked.
std::optional<Endpoint> health_endpoint(const ConfigSources& sources) {
  Diagnostics diagnostics;
  yaml::Document document;
  const auto loaded = load_config(sources, diagnostics, &document);
  if (!loaded) {
    complain_about(diagnostics, {&document});
    return std::nullopt;
  }
  const Config& config = loaded->config;
  const auto& listeners = config.metrics_listen.empty() ? config.admin_listen : config.metrics_listen;
  if (!listeners.empty()) return listeners.front();
  complain("nobody answers such questions: configure admin.listen or metrics.listen");
  return std::nullopt;
}

int probe(Arguments& arguments, std::string_view path) {
  ConfigSources sources;
  declare_config(arguments, sources);
  if (!arguments.parse()) return arguments.exit_code();
  const std::optional<Endpoint> endpoint = health_endpoint(sources);
  if (!endpoint) return exit_failed;
  const auto answer = get(*endpoint, path);
  if (!answer) return fail(answer.error());
  const std::size_t head_end = answer->find("\r\n\r\n");
  const std::string_view body =
      head_end == std::string::npos ? std::string_view() : std::string_view(*answer).substr(head_end + 4);
  if (answer->starts_with("HTTP/1.1 200 ")) return print(body);
  complain("no: " + std::string(body.substr(0, body.find('\n'))));
  return exit_failed;
}

int ask_live(Arguments& arguments) {
  return probe(arguments, "/livez");
}
int ask_ready(Arguments& arguments) {
  return probe(arguments, "/readyz");
}

}  // namespace

const Command probe_live{
    "probe live",
    "Asks the postern that runs with this configuration whether it is alive. Exit code 0: it is.",
    "postern probe live --config postern.yaml",
    ask_live,
};

const Command probe_ready{
    "probe ready",
    "Asks the postern that runs with this configuration whether it is ready. Exit code 0: it is; otherwise "
    "what is wrong is said.",
    "postern probe ready --config postern.yaml",
    ask_ready,
};

}  // namespace postern::cli
