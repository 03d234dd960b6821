#include "proxy/admin/supervisor.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/limits.hpp"
#include "conf/option.hpp"
#include "proxy/address.hpp"

namespace postern::admin {
namespace {

constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START
constexpr std::array<std::string_view, 3> options = {"listen", "admin", "metrics"};

/// A variable of the environment as a number; zero when there is none.
std::uint64_t number_of(const char* variable) {
  const char* const text = std::getenv(variable);
  return text ? parse_count(text).value_or(0) : 0;
}

/// Whether a variable that names a process names us, or is not there.
bool is_for_us(const char* variable) {
  return std::getenv(variable) == nullptr || number_of(variable) == static_cast<std::uint64_t>(::getpid());
}

bool is_listening_stream(int descriptor) noexcept {
  const auto option = [descriptor](int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  return option(SO_TYPE) == SOCK_STREAM && option(SO_ACCEPTCONN) == 1;
}

std::string bound_address(int descriptor) {
  SocketAddress address;
  address.size = sizeof address.storage;
  ::getsockname(descriptor, address.get(), &address.size);
  return to_string(address);
}

}  // namespace

Supervisor::Supervisor() {
  const char* const place = std::getenv("NOTIFY_SOCKET");
  if (place == nullptr || (*place != '/' && *place != '@')) return;
  address_ = place;
  if (address_.size() >= sizeof sockaddr_un::sun_path) return;
  if (address_[0] == '@') address_[0] = '\0';
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (is_for_us("WATCHDOG_PID")) patience_ = std::chrono::microseconds(number_of("WATCHDOG_USEC"));
}

Supervisor::~Supervisor() {
  if (socket_ >= 0) ::close(socket_);
}

void Supervisor::tell(const std::string& state) noexcept {
  if (socket_ < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // Never worth waiting for: who does not listen misses it.
  [[maybe_unused]] const auto sent =
      ::sendto(socket_, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), size);
}

void Supervisor::ready(std::string_view status) noexcept {
  tell("READY=1\nSTATUS=" + std::string(status));
}

void Supervisor::reloading() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void Supervisor::stopping(std::string_view status) noexcept {
  tell("STOPPING=1\nSTATUS=" + std::string(status));
}

void Supervisor::alive() noexcept {
  tell("WATCHDOG=1");
}

void Watchdog::start() {
  if (supervisor_.patience().count() > 0) turn();
}

void Watchdog::turn() {
  if (unanswered_ == 0 || draining_) {
    supervisor_.alive();
    if (!draining_) ask();
  }
  timer_.expires_after(supervisor_.patience() / 4);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) turn();
  });
}

void Watchdog::ask() {
  unanswered_ = shards_.size();
  for (const auto& shard : shards_)
    shard->reactor().post([this] { boost::asio::post(io_, [this] { --unanswered_; }); });
}

Result<InheritedSockets> InheritedSockets::from_environment() {
  InheritedSockets inherited;
  if (std::getenv("LISTEN_PID") == nullptr || !is_for_us("LISTEN_PID")) return inherited;
  const char* const given = std::getenv("LISTEN_FDNAMES");
  std::string_view names = given ? given : "";
  const int count =
      static_cast<int>(std::min<std::uint64_t>(number_of("LISTEN_FDS"), 3 * limits::listeners_max));
  for (int descriptor = first_inherited; descriptor < first_inherited + count; ++descriptor) {
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    if (!is_listening_stream(descriptor))
      return Error{ErrorKind::invalid, "socket activation: descriptor " + std::to_string(descriptor) + " \"" +
                                           std::string(name) + "\" is no listening stream socket"};
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    inherited.sockets_.push_back({descriptor, std::string(name), bound_address(descriptor)});
  }
  return inherited;
}

InheritedSockets::~InheritedSockets() {
  for (const Socket& socket : sockets_) ::close(socket.descriptor);
}

std::optional<ListeningSocket> InheritedSockets::take(std::string_view option, const Endpoint& endpoint) {
  const auto wanted = literal_address(endpoint);
  if (!wanted || !*wanted) return std::nullopt;
  const std::string address = to_string(**wanted);
  const auto fits = [&](const Socket& socket) {
    const bool restricted = std::find(options.begin(), options.end(), socket.name) != options.end();
    return socket.address == address && (!restricted || socket.name == option);
  };
  const auto found = std::find_if(sockets_.begin(), sockets_.end(), fits);
  if (found == sockets_.end()) return std::nullopt;
  ListeningSocket socket = ListeningSocket::adopt(found->descriptor, endpoint);
  sockets_.erase(found);
  return socket;
}

Status InheritedSockets::all_taken() const {
  if (sockets_.empty()) return {};
  const Socket& left = sockets_.front();
  return Error{ErrorKind::invalid,
               "socket activation: a socket at " + left.address + ", named \"" + left.name +
                   "\", is none of the configured listeners; their addresses must be the same"};
}

}  // namespace postern::admin
