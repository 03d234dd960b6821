#include "proxy/http_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "policy/target.hpp"
#include "proxy/chunk_machine.hpp"
#include "proxy/client_socket.hpp"
#include "proxy/head_reader.hpp"
#include "proxy/tls_stream.hpp"

namespace postern {
namespace {

using Clock = ClientSocket::Clock;

Error unavailable(std::string message) {
  return {ErrorKind::unavailable, std::move(message)};
}

/// One connection, plain or TLS.
class Connection {
 public:
  Connection(int family, Clock::time_point until, int stop) noexcept
      : socket_(family), until_(until), stop_(stop) {}

  /// `until`: no longer than the whole may take.
  Status connect(const addrinfo& address, Clock::time_point until) {
    if (socket_.fd() < 0) return unavailable("no descriptors left");
    if (::connect(socket_.fd(), address.ai_addr, address.ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) return unavailable(std::strerror(errno));
    if (!socket_.wait(POLLOUT, until, stop_)) return too_slow();
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return unavailable(std::strerror(error));
    return {};
  }

  Status shake_hands(const TlsClient& client, const std::string& host) {
    ssl_ = client.connect(host);
    if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.fd()) != 1) return unavailable("no memory for TLS");
    for (;;) {
      ERR_clear_error();
      const int done = SSL_do_handshake(ssl_.get());
      if (done == 1) return {};
      if (const Status waited = wait_for_tls(done); !waited) return waited;
    }
  }

  Status write(std::string_view text) {
    while (!text.empty()) {
      if (!ssl_) {
        const ssize_t count = ::send(socket_.fd(), text.data(), text.size(), MSG_NOSIGNAL);
        if (count >= 0) {
          text.remove_prefix(static_cast<std::size_t>(count));
          continue;
        }
        if (errno != EAGAIN && errno != EINTR) return unavailable(std::strerror(errno));
        if (!socket_.wait(POLLOUT, until_, stop_)) return too_slow();
        continue;
      }
      ERR_clear_error();
      std::size_t count = 0;
      const int done = SSL_write_ex(ssl_.get(), text.data(), text.size(), &count);
      if (done == 1)
        text.remove_prefix(count);
      else if (const Status waited = wait_for_tls(done); !waited)
        return waited;
    }
    return {};
  }

  /// Appends what arrives. 0: the peer has said that this was all.
  Result<std::size_t> read(std::string& text) {
    char piece[16 * 1024];
    for (;;) {
      if (Clock::now() >= until_) return too_slow();  // also when bytes trickle
      if (!ssl_) {
        const ssize_t count = ::recv(socket_.fd(), piece, sizeof piece, 0);
        if (count >= 0) return took(text, piece, static_cast<std::size_t>(count));
        if (errno != EAGAIN && errno != EINTR) return unavailable(std::strerror(errno));
        if (!socket_.wait(POLLIN, until_, stop_)) return too_slow();
        continue;
      }
      ERR_clear_error();
      std::size_t count = 0;
      const int done = SSL_read_ex(ssl_.get(), piece, sizeof piece, &count);
      if (done == 1) return took(text, piece, count);
      if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
      if (const Status waited = wait_for_tls(done); !waited) return waited.error();
    }
  }

 private:
  static std::size_t took(std::string& text, const char* piece, std::size_t count) {
    text.append(piece, count);
    return count;
  }

  static Error too_slow() { return unavailable("no complete answer in time"); }

  Status wait_for_tls(int done) {
    const int wanted = SSL_get_error(ssl_.get(), done);
    if (wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE) {
      if (socket_.wait(wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until_, stop_)) return {};
      return too_slow();
    }
    if (const long verdict = SSL_get_verify_result(ssl_.get()); verdict != X509_V_OK)
      return unavailable(std::string("the certificate is not accepted: ") +
                         X509_verify_cert_error_string(verdict));
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    return unavailable(std::string("TLS: ") + (reason != nullptr ? reason : "the connection was cut"));
  }

  ClientSocket socket_;
  Clock::time_point until_;
  int stop_;
  Ssl ssl_;
};

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> look_up(const HttpUrl& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); error != 0)
    return unavailable(url.host + ": " + ::gai_strerror(error));
  return Addresses(found);
}

/// To the first of its addresses that accepts. Each may take its part of the time that is left: behind one
/// that never answers may stand one that does.
Result<std::unique_ptr<Connection>> connect(const HttpUrl& url, Clock::time_point until, int stop) {
  POSTERN_TRY(const Addresses addresses, look_up(url));
  int left = 0;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) ++left;
  Error last = unavailable("no address");
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next, --left) {
    auto connection = std::make_unique<Connection>(one->ai_family, until, stop);
    const Clock::time_point now = Clock::now();
    const Status connected = connection->connect(*one, now + (until - now) / left);
    if (connected) return connection;
    last = connected.error().within("cannot be connected to");
  }
  return last;
}

/// Why this answer is not the document, or empty.
std::string answer_flaw(const ResponseHead& head, const char* buffer) {
  std::string_view location, coding;
  for (const Field& field : head.all()) {
    std::string name(field.name.of(buffer));
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (name == "location") location = field.value.of(buffer);
    if (name == "content-encoding" && field.value.of(buffer) != "identity") coding = field.value.of(buffer);
  }
  if (head.status >= 300 && head.status < 400 && !location.empty())
    return "answers " + std::to_string(head.status) + " and points to " + quoted(location) +
           "; give that URL";
  if (head.status != 200) return "answers " + std::to_string(head.status) + " instead of 200";
  if (!coding.empty()) return "answers in the coding " + quoted(coding) + ", which was not asked for";
  return {};
}

/// Reads the final head, which is left in `buffer` with what follows it.
Status read_head(Connection& connection, ResponseHead& head, std::string& buffer) {
  ResponseReader reader;
  for (int informational = 0;;) {
    const HeadStatus status = reader.feed(buffer, head);
    if (status == HeadStatus::refused)
      return unavailable("the answer is malformed: " + std::string(to_string(reader.error())));
    if (status == HeadStatus::incomplete) {
      POSTERN_TRY(const std::size_t count, connection.read(buffer));
      if (count == 0) return unavailable("the answer ends before it has begun");
      continue;
    }
    if (head.status >= 200) return {};
    if (head.status == 101 || ++informational > limits::informational_max)
      return unavailable("the answer is malformed: too many informational ones");
    buffer.erase(0, head.size);
    reader.reset();
  }
}

class Body {
 public:
  Body(Connection& connection, const HttpBounds& bounds) : connection_(connection), bounds_(bounds) {}

  /// `buffer` begins with the body's first bytes.
  Result<std::string> read(const ResponseHead& head, std::string buffer) {
    const Framing framing = response_framing(head, false);
    if (framing == Framing::length && head.content_length > bounds_.bytes_max) return too_large();
    for (;;) {
      POSTERN_TRY(const bool complete, take(framing, head.content_length, buffer));
      if (complete) return std::move(body_);
      if (body_.size() > bounds_.bytes_max) return too_large();
      POSTERN_TRY(const std::size_t count, connection_.read(buffer));
      if (count > 0) continue;
      if (framing == Framing::until_close) return std::move(body_);
      return unavailable("the answer is cut off after " + std::to_string(body_.size()) + " bytes");
    }
  }

 private:
  [[nodiscard]] Error too_large() const {
    return {ErrorKind::exhausted,
            "larger than " + std::to_string(bounds_.bytes_max / (1024 * 1024)) + " MiB"};
  }

  Result<bool> take(Framing framing, std::uint64_t length, std::string& buffer) {
    if (framing == Framing::chunked) return take_chunks(buffer);
    body_ += buffer;
    buffer.clear();
    if (framing == Framing::none) length = 0;
    if (framing != Framing::until_close && body_.size() > length)
      body_.resize(static_cast<std::size_t>(length));
    return framing != Framing::until_close && body_.size() == length;
  }

  Result<bool> take_chunks(std::string& buffer) {
    std::string_view input = buffer;
    for (;;) {
      const ChunkMachine::Step step = chunks_.step(input);
      input.remove_prefix(step.consumed);
      body_ += step.data;
      if (step.status == ChunkStatus::refused) return unavailable("the answer's chunks are malformed");
      if (step.status == ChunkStatus::data) continue;
      buffer.clear();
      return step.status == ChunkStatus::complete;
    }
  }

  Connection& connection_;
  const HttpBounds& bounds_;
  ChunkMachine chunks_;
  std::string body_;
};

/// A question that was put, and the head of its answer.
struct Asked {
  std::unique_ptr<Connection> connection;
  std::unique_ptr<ResponseHead> head = std::make_unique<ResponseHead>();  ///< offsets into `buffer`
  std::string buffer;
};

/// `fields`: lines of the head, each with its end.
Result<Asked> ask(const HttpUrl& url, const TlsClient* tls, std::string_view method,
                  const std::string& fields, std::string_view body, std::chrono::seconds time, int stop) {
  Asked asked;
  POSTERN_TRY(asked.connection, connect(url, Clock::now() + time, stop));
  if (url.tls) POSTERN_TRY_STATUS(asked.connection->shake_hands(*tls, url.host));
  const std::string question = std::string(method) + ' ' + url.target +
                               " HTTP/1.1\r\nHost: " + url.authority +
                               "\r\nUser-Agent: postern\r\nConnection: close\r\n" + fields + "\r\n";
  POSTERN_TRY_STATUS(asked.connection->write(question));
  POSTERN_TRY_STATUS(asked.connection->write(body));
  POSTERN_TRY_STATUS(read_head(*asked.connection, *asked.head, asked.buffer));
  return asked;
}

Result<std::string> get(const HttpUrl& url, const HttpBounds& bounds) {
  std::shared_ptr<const TlsClient> tls;
  if (url.tls) {
    POSTERN_TRY(tls, TlsClient::load(UpstreamTls{}));
  }
  POSTERN_TRY(Asked asked,
              ask(url, tls.get(), "GET", "Accept: application/json, application/yaml, */*;q=0.1\r\n", {},
                  bounds.time, -1));
  if (const std::string flaw = answer_flaw(*asked.head, asked.buffer.data()); !flaw.empty())
    return unavailable(flaw);
  asked.buffer.erase(0, asked.head->size);
  return Body(*asked.connection, bounds).read(*asked.head, std::move(asked.buffer));
}

}  // namespace

bool is_http_url(std::string_view text) noexcept {
  return text.starts_with("http://") || text.starts_with("https://");
}

Result<HttpUrl> parse_http_url(std::string_view text) {
  const auto flaw = [](std::string message) { return Error{ErrorKind::usage, std::move(message)}; };
  HttpUrl url;
  url.tls = text.starts_with("https://");
  std::string_view rest = text.substr(url.tls ? 8 : 7);
  rest = rest.substr(0, rest.find('#'));
  if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c < 0x7F; }))
    return flaw("a URL has no blanks and no bytes beyond ASCII");
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != std::string_view::npos) return flaw("a URL with a user in it is not asked for");
  char buffer[limits::host_bytes_max];
  policy::CanonicalHost host;
  if (!policy::canonical_host(authority, buffer, host)) return flaw(quoted(authority) + " is no host");
  url.authority = std::string(host.name) + (host.port.empty() ? "" : ":" + std::string(host.port));
  url.host = host.name.starts_with('[') ? host.name.substr(1, host.name.size() - 2) : host.name;
  url.port = !host.port.empty() ? std::string(host.port) : url.tls ? "443" : "80";
  url.target = rest.substr(authority.size());
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  return url;
}

Result<std::string> fetch(const std::string& url, const HttpBounds& bounds) {
  const auto parsed = parse_http_url(url);
  if (!parsed) return parsed.error().within(url);
  auto body = get(*parsed, bounds);
  if (!body) return body.error().within(url);
  return body;
}

Result<int> post(const HttpUrl& url, const TlsClient* tls, std::string_view media_type, std::string_view body,
                 std::chrono::seconds time, int stop) {
  const std::string fields = "Content-Type: " + std::string(media_type) +
                             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  POSTERN_TRY(const Asked asked, ask(url, tls, "POST", fields, body, time, stop));
  return static_cast<int>(asked.head->status);
}

}  // namespace postern
