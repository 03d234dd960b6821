#include "proxy/admin/process.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <link.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace postern::admin {
namespace {

/// "100000 50000" of cgroup v2: quota and period in microseconds; "max" is no bound.
std::uint32_t quota_cores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  std::uint64_t period = 0;
  if (!(file >> quota >> period) || period == 0 || quota.find_first_not_of("0123456789") != std::string::npos)
    return 0;
  return static_cast<std::uint32_t>((std::strtoull(quota.c_str(), nullptr, 10) + period - 1) / period);
}

void mask_signals(int how) noexcept {
  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&handled, signal);
  ::pthread_sigmask(how, &handled, nullptr);
}

}  // namespace

std::uint32_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::uint32_t cores = 1;
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    cores = static_cast<std::uint32_t>(std::max(CPU_COUNT(&set), 1));
  const std::uint32_t quota = quota_cores();
  return quota > 0 ? std::min(cores, quota) : cores;
}

void raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void let_go_of_program_pages() noexcept {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  ::dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* data) {
        const std::uintptr_t size = *static_cast<const std::uintptr_t*>(data);
        for (int i = 0; i < object->dlpi_phnum; ++i) {
          const auto& segment = object->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0)
            continue;  // never written: as the file is
          const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(size - 1);
          const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
          ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
        }
        return 1;  // the first is the program, others are shared with whoever uses them
      },
      const_cast<std::uintptr_t*>(&page));
}

void explain_bus_errors() noexcept {
  struct sigaction action = {};
  action.sa_handler = [](int) {
    constexpr std::string_view sentence =
        "postern: error: the store cannot be read any more: its file was cut short or its disk failed\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, sentence.data(), sentence.size());
    ::_exit(1);
  };
  ::sigaction(SIGBUS, &action, nullptr);
}

void keep_memory_private() noexcept {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose search for leaks must look
  ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

void block_signals() noexcept {
  std::signal(SIGPIPE, SIG_IGN);
  mask_signals(SIG_BLOCK);
}

void unblock_signals() noexcept {
  mask_signals(SIG_UNBLOCK);
}

}  // namespace postern::admin
