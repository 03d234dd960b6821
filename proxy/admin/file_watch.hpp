// Tells when configured files may have changed: written in place, replaced, or their symbolic links swapped,
// as Kubernetes does with a ConfigMap. Whether they really have is the caller's to see; this only says
// "look", and never while one of them is being written: the first half of a policy may be one, too, and guard
// less.

#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace postern::admin {

class FileWatch {
 public:
  /// `changed` is called on the io_context's thread, once per burst of events, and now and then in one that
  /// does not end. `stalled` is called with a
  /// file that somebody began to write and has not closed for a long time: it is not read before, unless by
  /// SIGHUP.
  FileWatch(boost::asio::io_context& io, std::function<void()> changed,
            std::function<void(const std::string&)> stalled);

  /// Watches the directories of these files, as written and with links followed. Replaces what was watched.
  /// False when the system refuses (no watches left, a directory is gone or closed to us): then the caller
  /// has to look by itself.
  [[nodiscard]] bool watch(const std::vector<std::string>& files);

 private:
  void wait();
  void take(std::string_view events);
  void settle();
  void look();

  std::function<void()> changed_;
  std::function<void(const std::string&)> stalled_;
  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer quiet_;
  bool settling_ = false;
  boost::asio::steady_timer::time_point burst_began_;
  std::map<int, std::string> watched_;  ///< directories and files, by watch
  std::set<std::string> files_;
  std::set<std::string> being_written_;  ///< of them
  alignas(8) std::array<char, 4096> events_;
};

}  // namespace postern::admin
