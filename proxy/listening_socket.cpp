#include "proxy/listening_socket.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "proxy/address.hpp"

namespace postern {
namespace {

constexpr int backlog = 4096;

Error cannot_listen(const Endpoint& endpoint, std::string_view why) {
  return {ErrorKind::unavailable, "cannot listen on " + endpoint.to_string() + ": " + std::string(why)};
}

Result<SocketAddress> address_of(const Endpoint& endpoint) {
  POSTERN_TRY(const auto literal, literal_address(endpoint));
  if (literal) return *literal;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) return cannot_listen(endpoint, ::gai_strerror(error));
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

/// A socket file outlives its process. One that nobody answers on is in the way and may go; anything else
/// stays.
void remove_stale(const Endpoint& endpoint, const SocketAddress& address, int type) {
  struct stat status {};
  if (::lstat(endpoint.unix_path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  const int probe = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (probe < 0) return;
  const bool dead = ::connect(probe, address.get(), address.size) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (dead) ::unlink(endpoint.unix_path.c_str());
}

}  // namespace

Result<ListeningSocket> ListeningSocket::open(const Endpoint& endpoint) {
  return open(endpoint, SOCK_STREAM, false);
}

Result<ListeningSocket> ListeningSocket::open_private(const Endpoint& endpoint) {
  return open(endpoint, SOCK_SEQPACKET, true);
}

Result<ListeningSocket> ListeningSocket::open(const Endpoint& endpoint, int type, bool is_private) {
  POSTERN_TRY(const SocketAddress address, address_of(endpoint));
  if (endpoint.is_unix()) remove_stale(endpoint, address, type);
  const int fd = ::socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return cannot_listen(endpoint, std::strerror(errno));
  ListeningSocket socket(fd, endpoint);
  const int on = 1;
  const int off = 0;
  if (!endpoint.is_unix()) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // "[::]" means both families on every system, whatever its default.
  if (address.family() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd, address.get(), address.size) != 0) return cannot_listen(endpoint, std::strerror(errno));
  socket.owns_path_ = endpoint.is_unix();
  // Before listen(): until then nobody can connect.
  if (is_private && ::chmod(endpoint.unix_path.c_str(), S_IRUSR | S_IWUSR) != 0)
    return cannot_listen(endpoint, std::strerror(errno));
  if (::listen(fd, backlog) != 0) return cannot_listen(endpoint, std::strerror(errno));
  socket.learn_name();
  return socket;
}

ListeningSocket ListeningSocket::adopt(int descriptor, const Endpoint& endpoint) {
  ListeningSocket socket(descriptor, endpoint);
  socket.learn_name();
  return socket;
}

void ListeningSocket::learn_name() {
  SocketAddress address;
  address.size = sizeof address.storage;
  ::getsockname(fd_, address.get(), &address.size);
  name_ = to_string(address);
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      endpoint_(std::move(other.endpoint_)),
      name_(std::move(other.name_)),
      owns_path_(std::exchange(other.owns_path_, false)) {}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) ::close(fd_);
  if (owns_path_) ::unlink(endpoint_.unix_path.c_str());
}

int ListeningSocket::duplicate() const noexcept {
  return ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
}

std::string ListeningSocket::url(bool tls) const {
  return endpoint_.is_unix() ? name_ : (tls ? "https://" : "http://") + name_;
}

}  // namespace postern
