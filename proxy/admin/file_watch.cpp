#include "proxy/admin/file_watch.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <sys/inotify.h>
#include <sys/stat.h>

namespace postern::admin {
namespace {

/// Several files are often changed together.
constexpr std::chrono::milliseconds burst{100};
// Another file of the directory may be written all the time; that must not keep us from looking.
constexpr std::chrono::seconds burst_max{1};
constexpr std::chrono::seconds stalled_after{10};
constexpr std::uint32_t ends = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM;
/// Of a directory. Not what is written into the files there: a log may be among them.
constexpr std::uint32_t interesting = ends | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF;

constexpr int links_max = 40;  // on one way, as the kernel's own

/// Every link on the way to a file, directories too: to swap one is to change the file.
void add_links(std::filesystem::path way, std::set<std::string>& places) {
  std::error_code error;
  for (int links = 0; links < links_max; ++links) {
    std::filesystem::path at, rest;
    bool found = false;
    for (const std::filesystem::path& part : way) {
      (found ? rest : at) /= part;
      found = found || std::filesystem::is_symlink(at, error);
    }
    if (!found) return;
    places.insert(at.string());
    way = at.parent_path() / std::filesystem::read_symlink(at, error) / rest;
  }
}

/// A file as it is written, and where its links lead.
std::set<std::string> places_of(const std::vector<std::string>& files) {
  std::set<std::string> places;
  for (const std::string& file : files) {
    if (file.empty()) continue;
    std::error_code error;
    const std::filesystem::path written = std::filesystem::absolute(file, error);
    places.insert(written.string());
    add_links(written, places);
    const std::filesystem::path target = std::filesystem::canonical(written, error);
    if (!error) places.insert(target.string());
  }
  return places;
}

bool is_file(const std::string& path) noexcept {
  struct stat found = {};
  return ::lstat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

/// Whether a file that has just appeared is yet to be filled: a link, symbolic or not, is whole at once.
bool is_to_be_filled(const std::string& path) noexcept {
  struct stat found = {};
  return ::lstat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && found.st_nlink == 1;
}

}  // namespace

FileWatch::FileWatch(boost::asio::io_context& io, std::function<void()> changed,
                     std::function<void(const std::string&)> stalled)
    : changed_(std::move(changed)), stalled_(std::move(stalled)), inotify_(io), quiet_(io) {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return;
  inotify_.assign(descriptor);
  wait();
}

bool FileWatch::watch(const std::vector<std::string>& files) {
  if (!inotify_.is_open()) return false;
  files_ = places_of(files);
  std::erase_if(being_written_, [this](const std::string& file) { return !files_.contains(file); });
  std::set<std::string> directories;
  for (const std::string& file : files_)
    directories.insert(std::filesystem::path(file).parent_path().string());
  std::map<int, std::string> fresh;
  bool all = true;
  for (const std::string& directory : directories) {
    const int watch = ::inotify_add_watch(inotify_.native_handle(), directory.c_str(), interesting);
    if (watch < 0)
      all = false;
    else
      fresh[watch] = directory;
  }
  for (const std::string& file : files_) {
    if (!is_file(file)) continue;  // it may come, or is a link to one that is here, too
    const int watch = ::inotify_add_watch(inotify_.native_handle(), file.c_str(), IN_MODIFY);
    if (watch >= 0) fresh[watch] = file;
  }
  for (const auto& [old, place] : watched_)
    if (!fresh.contains(old)) ::inotify_rm_watch(inotify_.native_handle(), old);
  watched_ = std::move(fresh);
  return all;
}

void FileWatch::wait() {
  inotify_.async_read_some(boost::asio::buffer(events_),
                           [this](const boost::system::error_code& error, std::size_t size) {
                             if (error == boost::asio::error::operation_aborted) return;
                             if (error) {  // nobody tells us anything any more
                               boost::system::error_code ignored;
                               inotify_.close(ignored);
                               being_written_.clear();
                             } else {
                               take({events_.data(), size});
                             }
                             settle();
                             if (error) return;
                             wait();
                           });
}

void FileWatch::take(std::string_view events) {
  while (events.size() >= sizeof(inotify_event)) {
    inotify_event event;
    std::memcpy(&event, events.data(), sizeof event);
    events.remove_prefix(sizeof event);
    const std::string_view padded = events.substr(0, event.len);
    const std::string name(padded.substr(0, padded.find('\0')));
    events.remove_prefix(event.len);
    if (event.mask & IN_Q_OVERFLOW) being_written_.clear();  // its end may be among what was lost
    const auto place = watched_.find(event.wd);
    if (place == watched_.end()) continue;
    const std::string file =
        name.empty() ? place->second : (std::filesystem::path(place->second) / name).string();
    if (!files_.contains(file)) continue;
    if ((event.mask & ends) != 0)
      being_written_.erase(file);
    else if ((event.mask & IN_MODIFY) != 0 || ((event.mask & IN_CREATE) != 0 && is_to_be_filled(file)))
      being_written_.insert(file);
  }
}

void FileWatch::settle() {
  const auto now = boost::asio::steady_timer::clock_type::now();
  if (!settling_) burst_began_ = now;
  settling_ = true;
  quiet_.expires_at(std::min(now + burst, burst_began_ + burst_max));
  quiet_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    settling_ = false;
    look();
  });
}

void FileWatch::look() {
  if (being_written_.empty()) return changed_();
  quiet_.expires_after(stalled_after);  // the end of writing brings an event before
  quiet_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (const std::string& file : being_written_) stalled_(file);
  });
}

}  // namespace postern::admin
