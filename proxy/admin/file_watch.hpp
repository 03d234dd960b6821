// Tells when configured files may have changed: written in place, replaced, or their symbolic links swapped,
// as Kubernetes does with a ConfigMap. Whether they really have is the caller's to see; this only says
// "look".

#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <vector>

namespace postern::admin {

class FileWatch {
 public:
  /// `changed` is called on the io_context's thread, once per burst of events, and now and then in one that
  /// does not end.
  FileWatch(boost::asio::io_context& io, std::function<void()> changed);

  /// Watches the directories of these files, as written and with links followed. Replaces what was watched.
  /// False when the system refuses (no watches left, a directory is gone or closed to us): then the caller
  /// has to look by itself.
  [[nodiscard]] bool watch(const std::vector<std::string>& files);

 private:
  void wait();
  void settle();

  std::function<void()> changed_;
  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer quiet_;
  bool settling_ = false;
  boost::asio::steady_timer::time_point burst_began_;
  std::vector<int> watches_;
  alignas(8) std::array<char, 4096> events_;
};

}  // namespace postern::admin
