#include "proxy/admin/handover.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "conf/limits.hpp"
#include "proxy/address.hpp"
#include "proxy/operator_log.hpp"

namespace postern::admin {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;

constexpr std::string_view greeting = "postern-handover 1\n";
constexpr std::string_view serving = "serving";
constexpr std::string_view relieved_word = "relieved";
constexpr std::size_t sockets_max = 3 * limits::listeners_max;  // listen, admin and metrics
constexpr std::size_t message_bytes_max = greeting.size() + sockets_max * 512;
constexpr std::chrono::seconds answer_wait{5};      // a process that does not answer is as good as gone
constexpr std::chrono::seconds successor_wait{60};  // it opens what it needs before it says that it serves

asio::redirect_error_t<asio::use_awaitable_t<>> into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

/// Whether the other end runs as our user, or as root, who could do everything anyway.
bool is_ours(int connection) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

/// Space for the descriptors beside a message.
struct Ancillary {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * sockets_max)> bytes{};
};

bool send_sockets(int connection, const std::vector<HandoverService::Offer>& offers) noexcept {
  std::string text(greeting);
  for (const auto& offer : offers) text += offer.name + '\n';
  iovec part{text.data(), text.size()};
  Ancillary ancillary;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!offers.empty()) {
    message.msg_control = ancillary.bytes.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * offers.size());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * offers.size());
    unsigned char* at = CMSG_DATA(header);
    for (const auto& offer : offers) {
      std::memcpy(at, &offer.descriptor, sizeof offer.descriptor);
      at += sizeof offer.descriptor;
    }
  }
  return ::sendmsg(connection, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

/// One message with its descriptors, which the caller owns also after a failure. Empty: none came.
std::string receive_sockets(int connection, std::vector<int>& descriptors) {
  std::string text(message_bytes_max, '\0');
  iovec part{text.data(), text.size()};
  Ancillary ancillary;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.bytes.data();
  message.msg_controllen = ancillary.bytes.size();
  const ssize_t size = ::recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
      descriptors.push_back(descriptor);
    }
  }
  const bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  text.resize(size > 0 && whole ? static_cast<std::size_t>(size) : 0);
  return text;
}

Error not_understood(const std::string& path) {
  return {ErrorKind::incompatible,
          "handover: what answers at " + path + " is no postern that could be relieved"};
}

}  // namespace

std::string handover_name(std::string_view option, const Endpoint& endpoint) {
  return std::string(option) + ' ' + endpoint.to_string();
}

Result<Predecessor> Predecessor::ask(const std::string& path) {
  Predecessor predecessor;
  Endpoint endpoint;
  endpoint.unix_path = path;
  POSTERN_TRY(const auto address, literal_address(endpoint));
  const int connection = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (connection < 0) return Error{ErrorKind::unavailable, std::string("handover: ") + std::strerror(errno)};
  predecessor.connection_ = connection;
  const timeval patience{answer_wait.count(), 0};
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(connection, address->get(), address->size) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return Predecessor();  // nobody serves there
    return Error{ErrorKind::unavailable, "handover: " + path + ": " + std::strerror(errno)};
  }
  if (!is_ours(connection))
    return Error{ErrorKind::unavailable, "handover: what answers at " + path + " runs as another user"};

  std::vector<int> descriptors;
  const std::string text = receive_sockets(connection, descriptors);
  for (const int descriptor : descriptors) predecessor.offered_.push_back({{}, descriptor});
  std::string_view names = text;
  if (!names.starts_with(greeting)) return not_understood(path);
  names.remove_prefix(greeting.size());
  for (Offered& offered : predecessor.offered_) {
    const std::size_t end = names.find('\n');
    if (end == std::string_view::npos) return not_understood(path);
    offered.name = names.substr(0, end);
    names.remove_prefix(end + 1);
  }
  if (!names.empty()) return not_understood(path);
  return predecessor;
}

Predecessor::Predecessor(Predecessor&& other) noexcept
    : connection_(std::exchange(other.connection_, -1)), offered_(std::exchange(other.offered_, {})) {}

Predecessor& Predecessor::operator=(Predecessor&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(offered_, other.offered_);
  return *this;
}

Predecessor::~Predecessor() {
  for (const Offered& offered : offered_) ::close(offered.descriptor);
  if (connection_ >= 0) ::close(connection_);
}

std::optional<ListeningSocket> Predecessor::take(std::string_view option, const Endpoint& endpoint) {
  const std::string name = handover_name(option, endpoint);
  const auto found =
      std::find_if(offered_.begin(), offered_.end(), [&](const Offered& one) { return one.name == name; });
  if (found == offered_.end()) return std::nullopt;
  const int descriptor = found->descriptor;
  offered_.erase(found);
  return ListeningSocket::adopt(descriptor, endpoint);
}

Status Predecessor::relieve() {
  std::array<char, 16> answer{};
  const bool told = ::send(connection_, serving.data(), serving.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(serving.size());
  const ssize_t size = told ? ::recv(connection_, answer.data(), answer.size(), 0) : -1;
  if (size <= 0 || std::string_view(answer.data(), static_cast<std::size_t>(size)) != relieved_word)
    return Error{ErrorKind::unavailable, "handover: the process before did not say that it is relieved"};
  return {};
}

HandoverService::HandoverService(asio::io_context& io, std::function<std::vector<Offer>()> offers,
                                 std::function<void()> relieved)
    : io_(io), offers_(std::move(offers)), relieved_(std::move(relieved)), acceptor_(io) {}

HandoverService::~HandoverService() {
  stop();
}

void HandoverService::stop() noexcept {
  error_code ignored;
  acceptor_.close(ignored);
  socket_.reset();
}

Status HandoverService::listen(const std::string& path) {
  Endpoint endpoint;
  endpoint.unix_path = path;
  POSTERN_TRY(ListeningSocket socket, ListeningSocket::open_private(endpoint));
  socket_.emplace(std::move(socket));
  const int descriptor = socket_->duplicate();
  if (descriptor < 0) return Error{ErrorKind::exhausted, "handover: no descriptors left"};
  acceptor_.assign(descriptor);
  asio::co_spawn(io_, accept_all(), asio::detached);
  return {};
}

awaitable<void> HandoverService::accept_all() {
  for (;;) {
    error_code error;
    co_await acceptor_.async_wait(asio::posix::stream_descriptor::wait_read, into(error));
    if (error) co_return;
    const int connection =
        ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {  // no descriptors, perhaps: rest a little
      asio::steady_timer pause(io_, std::chrono::milliseconds(100));
      co_await pause.async_wait(into(error));
      continue;
    }
    const bool relieved = co_await hand_over(connection);
    handing_over_ = false;
    if (relieved) co_return;
  }
}

awaitable<bool> HandoverService::hand_over(int connection) {
  const auto successor = std::make_shared<asio::posix::stream_descriptor>(io_, connection);
  if (!is_ours(connection) || !send_sockets(connection, offers_())) {
    operator_log(LogLevel::warning, "handover: somebody came who may not, or is gone again");
    co_return false;
  }
  handing_over_ = true;
  operator_log(LogLevel::info, "handover: a new process has the listening sockets");
  asio::steady_timer deadline(io_, successor_wait);
  deadline.async_wait([waited = std::weak_ptr(successor)](const error_code& error) {
    error_code ignored;
    if (const auto slow = waited.lock(); slow && !error) slow->cancel(ignored);
  });
  error_code error;
  co_await successor->async_wait(asio::posix::stream_descriptor::wait_read, into(error));
  deadline.cancel();
  std::array<char, 16> word{};
  const ssize_t size = error ? -1 : ::recv(connection, word.data(), word.size(), 0);
  if (size <= 0 || std::string_view(word.data(), static_cast<std::size_t>(size)) != serving) {
    operator_log(LogLevel::warning, "handover: the new process did not come up; this one goes on");
    co_return false;
  }
  stop();  // so that the new process can wait for its own successor at the same place
  relieved_();
  ::send(connection, relieved_word.data(), relieved_word.size(), MSG_NOSIGNAL);
  co_return true;
}

}  // namespace postern::admin
