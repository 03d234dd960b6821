#include "proxy/admin/file_watch.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <sys/inotify.h>

namespace postern::admin {
namespace {

// A file is often written in several steps; reading half of it would only cost a refused reload.
constexpr std::chrono::milliseconds burst{100};
// Another file of the directory may be written all the time; that must not keep us from looking.
constexpr std::chrono::seconds burst_max{1};
constexpr std::uint32_t interesting =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF;

std::set<std::string> directories_of(const std::vector<std::string>& files) {
  std::set<std::string> directories;
  for (const std::string& file : files) {
    if (file.empty()) continue;
    std::error_code error;
    const std::filesystem::path written = std::filesystem::absolute(file, error);
    directories.insert(written.parent_path().string());
    const std::filesystem::path target = std::filesystem::canonical(written, error);
    if (!error) directories.insert(target.parent_path().string());
  }
  return directories;
}

}  // namespace

FileWatch::FileWatch(boost::asio::io_context& io, std::function<void()> changed)
    : changed_(std::move(changed)), inotify_(io), quiet_(io) {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return;
  inotify_.assign(descriptor);
  wait();
}

bool FileWatch::watch(const std::vector<std::string>& files) {
  if (!inotify_.is_open()) return false;
  std::vector<int> fresh;
  bool all = true;
  for (const std::string& directory : directories_of(files)) {
    const int watch = ::inotify_add_watch(inotify_.native_handle(), directory.c_str(), interesting);
    if (watch < 0)
      all = false;
    else
      fresh.push_back(watch);
  }
  for (const int old : watches_)
    if (std::find(fresh.begin(), fresh.end(), old) == fresh.end())
      ::inotify_rm_watch(inotify_.native_handle(), old);
  watches_ = std::move(fresh);
  return all;
}

void FileWatch::wait() {
  inotify_.async_read_some(boost::asio::buffer(events_),
                           [this](const boost::system::error_code& error, std::size_t) {
                             if (error == boost::asio::error::operation_aborted) return;
                             if (error) {  // nobody tells us anything any more
                               boost::system::error_code ignored;
                               inotify_.close(ignored);
                             }
                             settle();
                             if (error) return;
                             wait();
                           });
}

void FileWatch::settle() {
  const auto now = boost::asio::steady_timer::clock_type::now();
  if (!settling_) burst_began_ = now;
  settling_ = true;
  quiet_.expires_at(std::min(now + burst, burst_began_ + burst_max));
  quiet_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    settling_ = false;
    changed_();
  });
}

}  // namespace postern::admin
